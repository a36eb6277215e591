"""Turn a Stack into plain data, and plain data into TOML that reads back to the same Stack: the inverse of `structure`."""

import re
from collections.abc import Mapping
from typing import Any

import tomli_w
from msgspec import NODEFAULT, structs

from stackctl.spec.model import Build, EnvFile, FileMode, FileUse, Mount, Port, Stack
from stackctl.spec.structure import forms, is_table, structure
from stackctl.spec.text.parts import Text, parts
from stackctl.spec.values import Command, HealthTest, PortRange, Variable

_UNSEEN = "[\x80-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]"
"""C1 and bidirectional controls, and the separators of lines that are no ends of lines: they may stand in a text of TOML as they are."""


def understood(stack: Stack) -> Stack:
    """The stack with the name of its project, and with the environment that each container gets.

    `environment` then holds what `env_file` adds, so the files are not needed any more.
    """

    def finish(services: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name: structs.replace(
                service,
                environment={key: Variable(text) for key, text in service.resolved.items()},
                env_file=(),
            )
            for name, service in services.items()
        }

    return structs.replace(
        stack,
        name=stack.project or stack.name,
        services=finish(stack.services),
        jobs=finish(stack.jobs),
    )


def plain(value: Any, *, short: bool = False) -> Any:
    """The value as tables, arrays, texts, numbers and booleans. Keys with their default value are left out.

    `short`: use the short forms that people write, if a short form says the same.
    """
    match value:
        case Variable(None):
            return {"from_env": True}
        case Variable(text) | (Text() as text):
            return text
        case Command(words) | HealthTest(words):
            return list(words)
        case PortRange() if len(value) == 1:
            return value.first
        case FileMode():
            return str(value)
        case bool() | int():
            return value
        case tuple():
            return [plain(item, short=short) for item in value]
        case Mapping():
            return {str(key): plain(item, short=short) for key, item in value.items()}
    if not is_table(type(value)):
        return str(value)
    brief = _brief(value) if short else None
    return _table(value, short=short) if brief is None else brief


def toml(tree: Mapping[str, Any]) -> str:
    """A plain tree as a TOML document. Texts are literal: each dollar is written as two. Characters that a reader would not see, or
    that change the order of what is read, are escaped.
    """
    return re.sub(_UNSEEN, lambda found: f"\\u{ord(found[0]):04x}", tomli_w.dumps(literal(tree)))


def _table(value: Any, *, short: bool) -> dict[str, Any]:
    defaults = {field.name: _default(field) for field in structs.fields(type(value))}
    kind: type = type(value)
    table = {}
    for key, form in forms(kind).items():
        item = getattr(value, form.attribute)
        if item == defaults[form.attribute]:
            continue
        table[key] = plain(item, short=short)
        if (
            short
            and form.metadata.get("listed")
            and all(name and item == {} for name, item in table[key].items())
        ):
            table[key] = list(table[key])
    return table


def _default(field: structs.FieldInfo) -> Any:
    return field.default if field.default_factory is NODEFAULT else field.default_factory()


def _brief(value: Any) -> Any:
    """The short form of a table; None if no short form reads back to the same table."""
    match value:
        case Build(context=text) | EnvFile(path=text) | FileUse(source=text):
            brief: str | int = text
        case Port():
            brief = _port(value)
        case Mount():
            mode = ":ro" if value.read_only else ""
            brief = f"{value.source}:{value.target}{mode}" if value.source else value.target
        case _:
            return None
    return brief if structure(type(value), brief)[0] == value else None


def _port(port: Port) -> str | int:
    protocol = "" if port.protocol == "tcp" else f"/{port.protocol}"
    target = f"{port.target}{protocol}"
    if port.host_ip is not None:
        address = f"[{port.host_ip}]" if ":" in port.host_ip else port.host_ip
        return f"{address}:{port.published or ''}:{target}"
    if port.published is not None:
        return f"{port.published}:{target}"
    return port.target.first if target.isdigit() else target


def literal(value: Any) -> Any:
    """The data with every text as it is: `$$` is written for a dollar, which begins no variable then. References without a value
    stay references.
    """
    match value:
        case dict():
            return {key: literal(item) for key, item in value.items()}
        case list():
            return [literal(item) for item in value]
        case str():
            return "".join(
                part.text if part.pending else part.text.replace("$", "$$") for part in parts(value)
            )
    return value


__all__ = ["literal", "plain", "toml", "understood"]

"""The text of a stack.toml that was made from something else: with comments, in the order in which people read it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

_WIDE = 100
"""Arrays that would make a line longer than this are written item by item."""
_TABLES = ("environment", "labels", "extra_hosts", "healthcheck", "build")
_ORDER = (
    "image build pull_policy profiles entrypoint command ports volumes tmpfs networks network_mode depends_on hostname env_file restart"
).split()

Comments = Callable[[str, str, str], str]
"""The comment behind a key, "" for none: by section, name and key."""


def document(
    tree: Mapping[str, Any], heads: Mapping[tuple[str, str], Sequence[str]], comment: Comments
) -> str:
    """The tree as TOML. `heads` are the comment lines above a table. Texts are written as they are: dollars are variables."""
    parts = []
    for section in ("services", "jobs", "networks", "volumes", "secrets", "configs"):
        for name, table in tree.get(section, {}).items():
            lines = [f"# {line}" for line in heads.get((section, name), ())]
            parts.append("\n".join([*lines, *_table(section, name, table, comment)]))
    return "\n\n".join(parts) + "\n"


def _table(section: str, name: str, table: Mapping[str, Any], comment: Comments) -> Iterator[str]:
    header = f"{section}.{_key(name)}"
    yield f"[{header}]"
    inner: list[tuple[str, Mapping[str, Any]]] = []
    keys = sorted(table, key=lambda key: _ORDER.index(key) if key in _ORDER else len(_ORDER))
    for key in keys:
        value = table[key]
        if key == "networks" and isinstance(value, Mapping) and not any(value.values()):
            value = list(value)
        if key == "build" and list(value) == ["context"]:
            value = value["context"]
        if isinstance(value, Mapping) and key in (*_TABLES, "networks", "driver_opts"):
            inner.append((key, value))
            continue
        note = comment(section, name, key)
        yield f"{_key(key)} = {_value(value, len(key) + 3)}" + (f"  # {note}" if note else "")
    for key, value in inner:
        yield ""
        note = comment(section, name, key)
        yield f"[{header}.{key}]" + (f"  # {note}" if note else "")
        for inner_key, item in value.items():
            yield f"{_key(inner_key)} = {_value(item, len(inner_key) + 3)}"


def _value(value: Any, before: int = 0) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case list():
            items = [_value(item) for item in value]
            line = f"[{', '.join(items)}]"
            if before + len(line) <= _WIDE or len(items) < 2:
                return line
            return "[\n" + "".join(f"    {item},\n" for item in items) + "]"
        case Mapping():
            return (
                "{ " + ", ".join(f"{_key(key)} = {_value(item)}" for key, item in value.items()) + " }"
                if value
                else "{}"
            )
    text = str(value)
    return _lines(text) if "\n" in text.rstrip("\n") else quoted(text)


def _lines(text: str) -> str:
    """A TOML string of several lines."""
    return '"""\n' + "\n".join(quoted(line)[1:-1] for line in text.split("\n")) + '"""'


def quoted(text: str) -> str:
    """A TOML string. TOML allows no DEL in it."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else quoted(name)

"""Add a service of a known image to the text of a stack.toml. Comments, order and blank lines stay as they are.

tomlkit changes the tables that are there; new tables are put in as text. The result is read again: it must be exactly what was meant.
"""

from __future__ import annotations

import copy
import json
import re
import tomllib
from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any

import tomlkit
from msgspec import Struct
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import Array

from stackctl.errors import UsageError
from stackctl.fixing import append, at, with_line_ends_of
from stackctl.spec.output.starter import Pick, key_text
from stackctl.spelling import did_you_mean

_SECTIONS = ("services", "jobs")


class Added(Struct, frozen=True):
    """The text of a stack.toml with one more service."""

    text: str
    told: Mapping[str, str]
    """The variable that tells where the new service is, by the service that got it."""


def with_service(text: str, pick: Pick, to: Sequence[str] = ()) -> Added:
    """Add a service, its volume, and a reference and a dependency in each service of `to`. `text` is valid TOML.

    Raises UsageError if the service or its volume is there already, if a service of `to` is not in the text, or if the text is written
    in a way that cannot be added to.
    """
    tree = tomllib.loads(text)
    _refuse(tree, pick, to)
    wanted = copy.deepcopy(tree)
    told: dict[str, str] = {}
    try:
        document = tomlkit.parse(text)
        for name in to:
            path = next((section, name) for section in _SECTIONS if name in tree.get(section, {}))
            told[name] = _variable(pick, at(tree, path), name)
            for each in (document, wanted):
                _connect(at(each, path), pick.name, told[name])
        changed = with_line_ends_of(text, tomlkit.dumps(document))
    except TOMLKitError:
        raise _not_possible(pick) from None
    wanted.setdefault("services", {})[pick.name] = dict(pick.service)
    blocks: list[tuple[Sequence[str], str]] = [(_SECTIONS, pick.text)]
    if pick.volume:
        wanted.setdefault("volumes", {})[pick.volume] = {}
        blocks.append((("volumes",), f"[volumes.{key_text(pick.volume)}]\n"))
    for sections, block in blocks:
        changed = _put_in(changed, sections, block)
    if not _says(changed, wanted):
        raise _not_possible(pick)
    return Added(changed, told)


def has_services(text: str) -> bool:
    """Whether a service is written in the text of a stack.toml, which is valid TOML."""
    tree = tomllib.loads(text)
    return any(tree.get(section) for section in _SECTIONS)


def _refuse(tree: Mapping[str, Any], pick: Pick, to: Sequence[str]) -> None:
    there = {name for section in (*_SECTIONS, "templates") for name in tree.get(section, {})}
    if pick.name in there:
        raise UsageError(
            f"there is a service {pick.name} already", "--name OTHER adds one more under another name"
        )
    if pick.volume in tree.get("volumes", {}):
        raise UsageError(
            f"there is a volume {pick.volume} already, which has the data of something else",
            "--name OTHER, or --no-volume",
        )
    members = [name for section in _SECTIONS for name in tree.get(section, {})]
    for name in to:
        if name not in members:
            hint = did_you_mean(name, members, f"there are: {', '.join(members) or 'none'}")
            raise UsageError(f"--to: no service {name} is written in this file", hint)


def _variable(pick: Pick, service: Mapping[str, Any], name: str) -> str:
    """The variable that the service gets; it has none of that name."""
    given = service.get("environment", {})
    taken = {str(item).partition("=")[0] for item in given}
    variable = pick.variable(taken)
    if variable in taken:
        raise UsageError(
            f"--to: {name} has the variable {variable} already",
            f'remove it, or write another one by hand: "${{services.{pick.name}.url}}"',
        )
    return variable


def _connect(service: MutableMapping[str, Any], name: str, variable: str) -> None:
    """Let a service know where another one is, and wait for it."""
    reference = f"${{services.{name}.url}}"
    match service.get("environment"):
        case None:
            append(service, "environment", _inline({variable: reference}))
        case Array() | list() as items:
            items.append(f"{variable}={reference}")
        case table:
            append(table, variable, reference)
    match service.get("depends_on"):
        case None:
            append(service, "depends_on", [name])
        case Array() | list() as items:
            items.append(name)
        case table:
            append(table, name, _inline({}))


def _inline(values: Mapping[str, str]) -> Any:
    pairs = ", ".join(f"{key_text(name)} = {json.dumps(value)}" for name, value in values.items())
    return tomlkit.parse(f"table = {{ {pairs} }}" if pairs else "table = {}")["table"]


def _put_in(text: str, sections: Sequence[str], block: str) -> str:
    """The text with a block behind the last table of these sections, or at the end."""
    block = with_line_ends_of(text, block)
    end = with_line_ends_of(text, "\n")
    place = _behind(text, sections)
    before, rest = text[:place].rstrip(), text[place:]
    return (
        (f"{before}{end}{end}" if before else "")
        + block
        + (end if rest.strip() and not rest.startswith(("\n", "\r")) else "")
        + (rest if rest.strip() else "")
    )


def _behind(text: str, sections: Sequence[str]) -> int:
    """Where the last table of these sections ends. Comments in front of the next table belong to that one."""
    heads = [*re.finditer(r"^[ \t]*\[+[ \t]*[\"']?([\w-]+)", text, re.MULTILINE)]
    last = max((number for number, head in enumerate(heads) if head[1] in sections), default=None)
    if last is None or last + 1 == len(heads):
        return len(text)
    lines = text[: heads[last + 1].start()].splitlines(keepends=True)
    while lines and (not lines[-1].strip() or lines[-1].lstrip().startswith("#")):
        lines.pop()
    return sum(map(len, lines))


def _says(text: str, wanted: Mapping[str, Any]) -> bool:
    try:
        return tomllib.loads(text) == wanted
    except tomllib.TOMLDecodeError:
        return False


def _not_possible(pick: Pick) -> UsageError:
    return UsageError(
        "the service cannot be added to this file, because of the way in which its tables are written",
        f"write it by hand:\n\n{pick.text}",
    )

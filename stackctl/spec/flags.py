"""The options of `docker run` and of `docker build` whose value is the value of one key. Each stands beside its key in the model.

| metadata | meaning |
|---|---|
| `flag` | the name of the option of `docker run`, without the two dashes |
| `build_flag` | the same for `docker build` |
| `between` | what stands between a name and its value, if the key is a table (`=`) |
| `imported` | reads a value of the option as a value in a file, for an array also as several; without it the text is the value |
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from typing import Any, Literal, get_origin

from msgspec import Struct

from stackctl.spec.model import Build, Service
from stackctl.spec.structure import Form, deep_forms, deep_value

Command = Literal["run", "build"]
Kind = Literal["switch", "number", "text", "list", "table"]
_DECLARED: Mapping[Command, tuple[type[Struct], str]] = {
    "run": (Service, "flag"),
    "build": (Build, "build_flag"),
}
"""For each command the table whose keys its options say, and the metadata that names the option."""
_KINDS: Mapping[Any, Kind] = {bool: "switch", int: "number", tuple: "list", Mapping: "table"}


class Flag(Struct, frozen=True):
    """An option. A `list` is given once for each item, a `table` once for each name."""

    name: str
    """Without the two dashes."""
    key: tuple[str, ...]
    """The path of the key below the service, or below `build`."""
    kind: Kind
    plain: bool
    """Whether the engine takes the value of the key as it is: see `plain_keys`."""
    between: str
    imported: Callable[[str], Any]

    @property
    def option(self) -> str:
        return f"--{self.name}"

    def value(self, table: Struct) -> Any:
        """The value of the key; None if it is not given."""
        return deep_value(table, self.key)


@functools.cache
def by_key(command: Command = "run") -> Mapping[tuple[str, ...], Flag]:
    """The options by the path of their key, in the order of the model."""
    table, name = _DECLARED[command]
    return {
        path: _flag(form.metadata[name], path, form)
        for path, form in deep_forms(table)
        if name in form.metadata
    }


@functools.cache
def by_name(command: Command = "run") -> Mapping[str, Flag]:
    """The options by their name without the dashes. If several keys say the same, the first one counts."""
    return {flag.name: flag for flag in reversed(tuple(by_key(command).values()))}


def _flag(name: str, path: tuple[str, ...], form: Form) -> Flag:
    kind = _KINDS.get(get_origin(form.type) or form.type, "text")
    about = form.metadata
    return Flag(
        name,
        path,
        kind,
        "body" in about,
        about.get("between", "="),
        about.get("imported", _number if kind == "number" else _text),
    )


def _number(text: str) -> Any:
    return int(text) if re.fullmatch(r"-?\d{1,12}", text) else text


def _text(text: str) -> str:
    return text

"""The options of `docker run` whose value is the value of one key of a service. Each stands beside its key in the model.

| metadata | meaning |
|---|---|
| `flag` | the name of the option, without the two dashes |
| `between` | what stands between a name and its value, if the key is a table (`=`) |
| `imported` | reads a value of the option as a value in a file; without it the text is the value |
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from typing import Any, Literal, get_origin

from msgspec import Struct

from stackctl.spec.model import Service
from stackctl.spec.structure import Form, deep_forms, deep_value

Kind = Literal["switch", "number", "text", "list", "table"]
_KINDS: Mapping[Any, Kind] = {bool: "switch", int: "number", tuple: "list", Mapping: "table"}


class Flag(Struct, frozen=True):
    """An option. A `list` is given once for each item, a `table` once for each name."""

    name: str
    """Without the two dashes."""
    key: tuple[str, ...]
    """The path of the key below the service."""
    kind: Kind
    plain: bool
    """Whether the engine takes the value of the key as it is: see `plain_keys`."""
    between: str
    imported: Callable[[str], Any]

    @property
    def option(self) -> str:
        return f"--{self.name}"

    def value(self, service: Service) -> Any:
        """The value of the key; None if it is not given."""
        return deep_value(service, self.key)


@functools.cache
def by_key() -> Mapping[tuple[str, ...], Flag]:
    """The options by the path of their key, in the order of the model."""
    return {path: _flag(path, form) for path, form in deep_forms(Service) if "flag" in form.metadata}


@functools.cache
def by_name() -> Mapping[str, Flag]:
    """The options by their name without the dashes. If several keys say the same, the first one counts."""
    return {flag.name: flag for flag in reversed(tuple(by_key().values()))}


def _flag(path: tuple[str, ...], form: Form) -> Flag:
    kind = _KINDS.get(get_origin(form.type) or form.type, "text")
    about = form.metadata
    return Flag(
        about["flag"],
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

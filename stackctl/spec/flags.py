"""The options of `docker run` whose value is the value of one key of a service. Each stands beside its key in the model, as `flag`."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, Literal, get_origin

from msgspec import Struct

from stackctl.spec.model import Service
from stackctl.spec.structure import forms

Kind = Literal["switch", "number", "text", "list", "table"]
_KINDS: Mapping[Any, Kind] = {bool: "switch", int: "number", tuple: "list", Mapping: "table"}


class Flag(Struct, frozen=True):
    """An option. A `list` is given once for each item, a `table` once for each `NAME:VALUE`."""

    name: str
    """Without the two dashes."""
    key: str
    kind: Kind
    plain: bool
    """Whether the engine takes the value of the key as it is: see `plain_keys`."""

    @property
    def option(self) -> str:
        return f"--{self.name}"


@functools.cache
def by_key() -> Mapping[str, Flag]:
    """The options by the key of the service, in the order of the model."""
    return {
        form.key: Flag(
            name, form.key, _KINDS.get(get_origin(form.type) or form.type, "text"), "body" in form.metadata
        )
        for form in forms(Service).values()
        if (name := form.metadata.get("flag"))
    }


@functools.cache
def by_name() -> Mapping[str, Flag]:
    """The options by their name without the dashes."""
    return {flag.name: flag for flag in by_key().values()}

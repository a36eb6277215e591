"""What one side makes, in the form in which two sides are compared: things with values, whoever describes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct, field

from stackctl.errors import Key
from stackctl.secret import veiled
from stackctl.spec.text.parts import Part, Text, concealed

KeyPath = tuple[Key, ...]
Kind = Literal["container", "network", "volume"]


class Unknown(Struct, frozen=True):
    """A value that a side leaves open. It equals every value. `why` is told to the user; "" if the user need not know."""

    why: str = ""


class Open(Struct, frozen=True):
    """A text with gaps: `variables[n]` stands between `pieces[n]` and `pieces[n + 1]`, and its value is not known."""

    pieces: tuple[str, ...]
    variables: tuple[str, ...]

    def __str__(self) -> str:
        gaps = (*(f"${{{name}}}" for name in self.variables), "")
        return "".join(concealed(piece) + gap for piece, gap in zip(self.pieces, gaps, strict=True))


def opened(value: Any, gap: Callable[[Part], str | None]) -> Any:
    """A text, or a list of texts, with gaps. `gap` gives the variable for a part whose value is not known, else None."""
    if isinstance(value, list):
        return [opened(item, gap) for item in value]
    if not isinstance(value, Text) or not any(gap(part) for part in value.parts):
        return value
    pieces: list[list[Part]] = [[]]
    variables = []
    for part in value.parts:
        if name := gap(part):
            variables.append(name)
            pieces.append([])
        else:
            pieces[-1].append(part)
    return Open(tuple(Text.of(piece) for piece in pieces), tuple(variables))


class Generated(Struct, frozen=True):
    """The name of an image that follows from the project, because nobody has given it one."""

    name: str


class Thing(Struct, frozen=True, kw_only=True):
    """A container, network or volume.

    `values` are by key, as a stack.toml calls it: `("environment", "TZ")`, `("ports", "80/tcp")`, `("volumes", "/data")`. A value
    that is left out is the usual one.
    """

    kind: Kind
    key: str
    """What its side calls it: the service, or the key of the network or volume."""
    name: str
    """Its name in the engine; "" if the engine makes one up."""
    chosen: bool = False
    """Whether a person chose `name`. Else the name follows from the project."""
    values: Mapping[KeyPath, Any] = field(default_factory=dict)
    inherited: Mapping[KeyPath, Any] | None = None
    """What it has from its image; None if nobody has looked."""
    path: KeyPath = ()
    """Where it stands in the file."""
    at: Mapping[KeyPath, KeyPath] = field(default_factory=dict)
    """Where a value stands below `path`, if not under its own key."""

    @property
    def names(self) -> frozenset[str]:
        """Every name by which it may be known."""
        aliases = (alias for key, found in self.values.items() if key[0] == "networks" for alias in found)
        return frozenset((self.key, self.name, *aliases)) - {""}

    def where(self, key: KeyPath) -> KeyPath:
        """The key path of a value in the file."""
        return (*self.path, *self.at.get(key, key))

    def __repr__(self) -> str:
        return veiled(self, "values", "inherited")


class Side(Struct, frozen=True, kw_only=True):
    """All that one side makes. `silent`: the keys that it cannot tell, and why; `directory`: what its paths are relative to."""

    things: tuple[Thing, ...]
    directory: Path | None = None
    silent: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    """What this side says that cannot be compared."""

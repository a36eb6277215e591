"""A thing in the terms of both sides: where a value names a network, a volume or a container, its common name stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from msgspec import Struct

from stackctl.planner.same.matching import Pair
from stackctl.planner.same.normal import USUAL
from stackctl.planner.same.side import KeyPath, Side, Thing, Unknown

OF_IMAGE = "(of the image)"
"""Stands for words that only the image knows."""


class Absent(Struct, frozen=True):
    """Nothing is said, and nothing is usual."""


ABSENT = Absent()


class Names:
    """What both sides call each thing."""

    def __init__(self, pairs: Sequence[Pair]) -> None:
        self.common: dict[int, str] = {}
        used: set[tuple[str, str]] = set()
        for pair in pairs:
            thing = pair.left or pair.right
            assert thing is not None
            label = thing.key
            while (thing.kind, label) in used:
                label += "'"
            used.add((thing.kind, label))
            self.common |= {id(each): label for each in (pair.left, pair.right) if each}

    def of(self, thing: Thing) -> str:
        return self.common[id(thing)]

    def table(self, side: Side) -> dict[tuple[str, str], str]:
        """The common names by kind, and by the name in the engine or (for a container) the service."""
        found = {
            (thing.kind, thing.key): self.of(thing) for thing in side.things if thing.kind == "container"
        }
        return found | {(thing.kind, thing.name): self.of(thing) for thing in side.things}


class Told:
    """A thing, and what its side says of it."""

    def __init__(
        self, thing: Thing, side: Side, names: Mapping[tuple[str, str], str], directory: Path | None
    ) -> None:
        self.thing = thing
        self.silent = side.silent
        self._names = names
        self._directory = side.directory or directory
        self.keys = {self._key(key): key for key in thing.values}
        """The key of the file by the common key."""
        self.values = {new: self._value(old, thing.values[old]) for new, old in self.keys.items()}
        self.inherited = thing.inherited

    def get(self, key: KeyPath) -> Any:
        """The value: what is said, else what the image says, else what is usual."""
        if key in self.values:
            return self.values[key]
        if self.inherited and key in self.inherited:
            return self.inherited[key]
        return USUAL.get(key, ABSENT)

    def where(self, key: KeyPath) -> KeyPath:
        """Where the value stands in the file; the place of the thing if nothing is said."""
        return self.thing.where(self.keys[key]) if key in self.keys else self.thing.path

    def why_silent(self, key: KeyPath) -> str | None:
        """Why the side cannot tell a value; None if it can."""
        return self.silent.get(str(key[0]), self.silent.get(".".join(map(str, key[:2]))))

    @property
    def unknown_words(self) -> Unknown | None:
        """What stands for the entrypoint or the command, if one of them is not known."""
        words = (self.values.get(("entrypoint",)), self.values.get(("command",)))
        return next((each for each in words if isinstance(each, Unknown)), None)

    @cached_property
    def runs(self) -> tuple[Any, ...]:
        """All words that run, however they are divided into entrypoint and command."""
        entrypoint, command = self.get(("entrypoint",)), self.get(("command",))
        if ("entrypoint",) in self.values and entrypoint:
            return (*entrypoint, *(self.values.get(("command",)) or ()))
        first = (OF_IMAGE,) if entrypoint is ABSENT else tuple(entrypoint)
        return (*first, *((OF_IMAGE,) if command is ABSENT else command))

    def _key(self, key: KeyPath) -> KeyPath:
        match key:
            case ("networks", name):
                return "networks", self._common("network", str(name))
            case ("addresses" | "in_networks" as part, name, *rest):
                return part, self._common("network", str(name)), *rest
            case ("depends_on", name):
                return "depends_on", self._common("container", str(name))
            case ("volumes_from", source):
                name = str(source)
                return "volumes_from", self._common("container", name.removesuffix(":ro")) + name[
                    len(name.removesuffix(":ro")) :
                ]
            case ("links", link):
                name, colon, alias = str(link).partition(":")
                return "links", f"{self._common('container', name)}{colon}{alias}"
        return key

    def _value(self, key: KeyPath, value: Any) -> Any:
        match key, value:
            case ("networks", _), _:
                return frozenset(value)
            case ("volumes", _), {"type": "volume", "source": source} if source:
                return value | {"source": self._common("volume", source)}
            case ("volumes", _), {"type": "bind", "source": source}:
                return value | {"source": self._path(source)}
            case ("build", "context") | ("build", "additional_contexts", _), _:
                return self._path(value)
            case ("network_mode" | "ipc" | "pid",), str() if value.startswith("container:"):
                return f"container:{self._common('container', value.partition(':')[2])}"
        return value

    def _common(self, kind: str, name: str) -> str:
        return self._names.get((kind, name), name)

    def _path(self, path: str | Path) -> str:
        """A path of the host; one below the directory of the side is written from there, so that copies of a directory are equal."""
        if self._directory is None or not Path(path).is_relative_to(self._directory):
            return str(path)
        inside = Path(path).relative_to(self._directory)
        return f"./{inside}" if inside.parts else "."

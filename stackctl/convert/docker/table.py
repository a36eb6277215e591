"""A table of a stack.toml that the flags of a command fill."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from stackctl.convert.docker.flags import Option
from stackctl.convert.unset import plain
from stackctl.spec.flags import Flag

Path = tuple[str | int, ...]


class Table:
    """A table of a stack.toml while it is filled: values, the offset at which each is written, and notes."""

    def __init__(self, directory: str, volume_key: Callable[[str], str] = str) -> None:
        self.directory = directory
        self.volume_key = volume_key
        """The key in the stack.toml of a volume, by its name."""
        self.values: dict[str, Any] = {}
        self.places: dict[Path, int] = {}
        self.notes: list[tuple[int, str]] = []
        self.volumes: dict[str, int] = {}
        """The named volumes, and where each is used."""

    def set(self, key: str | Sequence[str], value: Any, at: int) -> None:
        *outer, last = path = _path(key)
        self._table(outer)[last] = value
        self.places[*path,] = at

    def append(self, key: str | Sequence[str], value: Any, at: int) -> None:
        *outer, last = path = _path(key)
        items = self._table(outer).setdefault(last, [])
        self.places[*path, len(items)] = at
        items.append(value)

    def put(self, key: str | Sequence[str], name: str, value: Any, at: int) -> None:
        self.set((*_path(key), name), value, at)

    def take(self, flag: Flag, option: Option) -> None:
        """Write the value of a flag as that of its key."""
        value, at = option.value, option.at
        match flag.kind:
            case "switch":
                self.set(flag.key, option.on, at)
            case "list":
                items = flag.imported(value)
                for item in items if isinstance(items, list) else [items]:
                    self.append(flag.key, item, at)
            case "table":
                written = value.replace("=", ":", 1) if flag.between == ":" else value
                name, _, text = written.partition(flag.between)
                self.put(flag.key, plain(name), flag.imported(text), at)
            case _:
                self.set(flag.key, flag.imported(value), at)

    def _table(self, path: Sequence[str]) -> dict[str, Any]:
        table = self.values
        for name in path:
            table = table.setdefault(name, {})
        return table

    def note(self, at: int, message: str) -> None:
        self.notes.append((at, message))


def _path(key: str | Sequence[str]) -> tuple[str, ...]:
    return (key,) if isinstance(key, str) else tuple(key)

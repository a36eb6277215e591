"""The values of YAML files with their places. They keep their places while files are merged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from msgspec import Struct, structs

from stackctl.errors import Key, Place

if TYPE_CHECKING:
    from stackctl.spec.source.locate import Source

Path = tuple[Key, ...]


class YamlNode(Struct, frozen=True):
    """A value of a file. `value`: a dict or a list of nodes, or a scalar."""

    value: Any
    source: Source
    at: int
    """The offset of the place that messages name: the key in a mapping, the item in a list. -1: no file writes the value."""
    size: int = 1
    """How many values it holds, aliases replaced."""
    depth: int = 1
    tag: str = ""
    """`!reset` or `!override`: what becomes of the value below it when files are merged."""

    @property
    def place(self) -> Place:
        return self.source.place(self.at)

    def holding(self, value: Any) -> YamlNode:
        """Another value at the same place."""
        return structs.replace(self, value=value)

    def get(self, key: str) -> YamlNode | None:
        """The value of a key; None if this is no mapping that has it."""
        return self.value.get(key) if isinstance(self.value, dict) else None

    @property
    def text(self) -> str:
        """The text; "" if this is no text."""
        return self.value if isinstance(self.value, str) else ""


def plain(node: YamlNode) -> Any:
    """The value without places."""
    match node.value:
        case dict():
            return {key: plain(item) for key, item in node.value.items()}
        case list():
            return [plain(item) for item in node.value]
    return node.value


class NodePlaces:
    """Where the values of a tree are written. It is found out at the first question: most files have no mistake."""

    def __init__(self, root: YamlNode | None) -> None:
        self._root = root

    @cached_property
    def by_file(self) -> Mapping[str, Mapping[Path, int]]:
        """The offset of each key path, by the file in which it is written."""
        found: dict[str, dict[Path, int]] = {}
        for path, node in _walk(self._root, ()) if self._root else ():
            if node.at >= 0:
                found.setdefault(node.source.file, {})[path] = node.at
        return found


def _walk(node: YamlNode, path: Path) -> Iterator[tuple[Path, YamlNode]]:
    if path:
        yield path, node
    match node.value:
        case dict():
            for key, item in node.value.items():
                yield from _walk(item, (*path, key))
        case list():
            for index, item in enumerate(node.value):
                yield from _walk(item, (*path, index))

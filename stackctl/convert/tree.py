"""The texts of a tree, whatever stands around them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from stackctl.convert.docker.table import Path


def texts(tree: Any, change: Callable[[str], Any]) -> Any:
    """The tree with each of its texts changed."""
    match tree:
        case dict():
            return {key: texts(item, change) for key, item in tree.items()}
        case list():
            return [texts(item, change) for item in tree]
        case str():
            return change(tree)
    return tree


def every_text(tree: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Each text of the tree with its path."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, item in items:
        if isinstance(item, str):
            yield (*path, key), item
        else:
            yield from every_text(item, (*path, key))

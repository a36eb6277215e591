"""The tree of a stack.toml in another directory, with its paths as they are seen from the stack's directory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stackctl.spec.compose.canonical import canonical
from stackctl.spec.compose.paths import relocated
from stackctl.spec.source.locate import Source
from stackctl.spec.source.nodes import YamlNode, plain


def relocated_tree(tree: Mapping[str, Any], prefix: str, source: Source) -> Mapping[str, Any]:
    """`prefix` leads from the stack's directory to the directory of the file. Variables are replaced already."""
    if prefix == ".":
        return tree
    node, _ = canonical(_nodes(tree, source), compose=False)
    found: Mapping[str, Any] = plain(relocated(node, prefix))
    return found


def _nodes(value: Any, source: Source) -> YamlNode:
    match value:
        case dict():
            return YamlNode({key: _nodes(item, source) for key, item in value.items()}, source, 0)
        case list():
            return YamlNode([_nodes(item, source) for item in value], source, 0)
    return YamlNode(value, source, 0)

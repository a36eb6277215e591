"""Paths in a canonical tree: those of a file in another directory become paths from the stack's directory."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator

from stackctl.spec.source.nodes import Path, YamlNode

_ANY = "*"
_OF_MEMBERS: tuple[Path, ...] = (
    ("build", "context"),
    ("build", "additional_contexts", _ANY),
    ("env_file", _ANY, "path"),
    ("label_file", _ANY),
    ("develop", "watch", _ANY, "path"),
    ("volumes", _ANY),
    ("inputs", _ANY),
)
_PATHS: tuple[Path, ...] = (
    *((section, _ANY, *path) for section in ("services", "jobs") for path in _OF_MEMBERS),
    ("configs", _ANY, "file"),
    ("secrets", _ANY, "file"),
    ("volumes", _ANY),
)
_ELSEWHERE = (
    r"~|[\w+.-]+://|[\w.-]+@[\w.-]+:|(?:github\.com|git@)|(?:docker-image|oci-layout|service|target):"
)
"""What is no path of this directory: a home, an URL, a repository."""


def relocated(tree: YamlNode, prefix: str) -> YamlNode:
    """The tree with its paths as they are seen from the stack's directory. `prefix` leads from there to the directory of the file."""
    if os.path.normpath(prefix) == ".":
        return tree
    for pattern in _PATHS:
        tree = _changed(tree, pattern, lambda node: _moved(node, prefix))
    return tree


def _changed(node: YamlNode, pattern: Path, change: Callable[[YamlNode], YamlNode]) -> YamlNode:
    """The tree with a change at each place of the pattern."""
    if not pattern:
        return change(node)
    key, rest = pattern[0], pattern[1:]
    match node.value:
        case dict():
            return node.holding(dict(_entries(node.value, key, rest, change)))
        case list() if key == _ANY:
            return node.holding([_changed(item, rest, change) for item in node.value])
    return node


def _entries(
    table: dict[str, YamlNode], key: object, rest: Path, change: Callable[[YamlNode], YamlNode]
) -> Iterator[tuple[str, YamlNode]]:
    for name, item in table.items():
        yield name, _changed(item, rest, change) if key in (_ANY, name) else item


def _moved(node: YamlNode, prefix: str) -> YamlNode:
    match node.value:
        case str() if node.value and not node.value.startswith("/") and not re.match(_ELSEWHERE, node.value):
            moved = os.path.normpath(f"{prefix}/{node.value}")
            return node.holding(moved if moved.startswith(("/", ".")) else f"./{moved}")
        case {"type": kind, "source": source} if kind.value == "bind":
            return node.holding({**node.value, "source": _moved(source, prefix)})
        case {"driver_opts": options} if (device := options.get("device")) and _is_bind(options):
            changed = {**options.value, "device": _moved(device, prefix)}
            return node.holding({**node.value, "driver_opts": options.holding(changed)})
    return node


def _is_bind(options: YamlNode) -> bool:
    kind = options.get("o")
    return kind is not None and kind.text == "bind"

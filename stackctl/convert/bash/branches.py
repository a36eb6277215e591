"""The parts of `if`, `while` and `case`."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator, Sequence

from tree_sitter import Node

from stackctl.convert.bash.grammar import DOCKER, text_of


def conditions(node: Node) -> Iterator[tuple[list[Node] | None, list[Node]]]:
    """Each condition of an `if` with what is done then; None for `else`."""
    condition: list[Node] | None = []
    body: list[Node] = []
    in_body = False
    others: list[Node] = []
    for child in node.children:
        if child.type in ("elif_clause", "else_clause"):
            others.append(child)
        elif child.type == "then":
            in_body = True
        elif child.is_named and child.type != "comment":
            if in_body:
                body.append(child)
            elif condition is not None:
                condition.append(child)
    yield condition, body
    for other in others:
        if other.type == "elif_clause":
            yield from conditions(other)
        else:
            yield None, other.named_children


def short(nodes: Sequence[Node]) -> str:
    text = " ".join(" ".join(text_of(node).split()) for node in nodes)
    return text if len(text) <= 50 else f"{text[:49]}…"


def mentions_docker(node: Node) -> bool:
    return bool(re.search(rf"\b({'|'.join(DOCKER)})\b", text_of(node)))


def truth(result: int | None) -> bool | None:
    return None if result is None else bool(result)


def matches(text: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(text, pattern.strip("\"'"))

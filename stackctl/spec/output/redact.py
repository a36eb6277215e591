"""Hide what looks secret in the plain tree of a stack: by the name it stands under or after, and the passwords of URLs."""

import re
from collections.abc import Iterator
from typing import Any

from stackctl.secret import DOTS, looks_secret

_URL = re.compile(r"(://[^/\s:@]*:)([^\s/,]*(?=@)|\S*(?=@))")
"""`scheme://user:password@`, also where the password holds a character that it should have percent-encoded."""
_VALUE = r"""("[^"]*"|'[^']*'|[^\s&;"']+)"""
_ASSIGNED = re.compile(rf"(?<![\w.-])(-[\w.-]+)([ =]+){_VALUE}|([\w.]+)(=){_VALUE}")
"""`NAME=value` and `--option value` within a text."""
_REFERENCE = re.compile(r"\$(\w+|\{\w+\})")
"""A variable's name says nothing that is secret."""


def redacted(tree: Any, name: str = "") -> Any:
    """The tree with dots for secrets. `name`: the key or option that the value belongs to."""
    match tree:
        case dict():
            return {key: redacted(value, key) for key, value in tree.items()}
        case list():
            return list(_words(tree, name))
        case str() if tree and looks_secret(name):
            return _dots(tree)
        case str():
            return _ASSIGNED.sub(_assigned, _URL.sub(lambda match: match[1] + _dots(match[2]), tree))
    return tree


def _words(words: list[Any], name: str) -> Iterator[Any]:
    """The words of a command: what follows an option belongs to it."""
    before = name
    for word in words:
        yield redacted(word, before)
        before = word if isinstance(word, str) and word.startswith("-") else name


def _assigned(match: re.Match[str]) -> str:
    name, between, value = filter(None, match.groups())
    return f"{name}{between}{_dots(value)}" if looks_secret(name) else match[0]


def _dots(value: str) -> str:
    return value if _REFERENCE.fullmatch(value) else DOTS

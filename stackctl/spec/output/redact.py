"""Hide what looks secret in the plain tree of a stack: by its variable, by the name it stands under or after, and in URLs."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from stackctl.secret import DOTS, looks_secret
from stackctl.spec.text.parts import concealed, parts
from stackctl.spec.values import Variable

_URL = r"(://[^/\s:@]*:)([^\s/,]*(?=@)|\S*(?=@))"
"""`scheme://user:password@`, also where the password holds a character that it should have percent-encoded."""
_VALUE = r"""("[^"]*"|'[^']*'|[^\s&;"']+)"""
_ASSIGNED = rf"(?<![\w.-])(-[\w.-]+)([ =]+){_VALUE}|([\w.]+)(=){_VALUE}"
"""`NAME=value` and `--option value` within a text."""
_DEFAULT = r"(\$\{(\w+):?[-+])([^{}]+)(?=\})"
"""What stands for a variable where it is not set: `${NAME:-value}`."""
_SHORTEST = 4
"""Characters. Shorter secrets are found in any text, and the dots would make a riddle of it."""
_REFERENCE = r"\$(\w+|\{\w+\})"
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
            text = re.sub(_URL, lambda match: match[1] + _dots(match[2]), concealed(tree))
            return re.sub(_ASSIGNED, _assigned, re.sub(_DEFAULT, _default, text))
    return tree


def secrets(value: Any, name: str = "") -> Iterator[str]:
    """The secrets in records, by the variables they come from and the keys they stand under. `name`: that of the value."""
    match value:
        case str() if looks_secret(name):
            found = [str(value)]
        case str():
            found = [part.text for part in parts(value) if part.secret]
        case Mapping():
            found = [secret for key, item in value.items() for secret in secrets(item, str(key))]
        case tuple():
            found = [secret for item in value for secret in secrets(item, name)]
        case Variable(text):
            found = [*secrets(text, name)]
        case Struct():
            found = [secret for field in value.__struct_fields__ for secret in secrets(getattr(value, field))]
        case _:
            found = []
    yield from (secret for secret in found if len(secret) >= _SHORTEST)


def without(text: str, hidden: Iterable[str]) -> str:
    """A text that somebody else wrote, with dots for secrets that it repeats."""
    for secret in sorted({*hidden}, key=len, reverse=True):
        text = text.replace(secret, DOTS)
    return text


def _words(words: list[Any], name: str) -> Iterator[Any]:
    """The words of a command: what follows an option belongs to it."""
    before = name
    for word in words:
        yield redacted(word, before)
        before = word if isinstance(word, str) and word.startswith("-") else name


def _assigned(match: re.Match[str]) -> str:
    name, between, value = filter(None, match.groups())
    return f"{name}{between}{_dots(value)}" if looks_secret(name) else match[0]


def _default(match: re.Match[str]) -> str:
    return match[1] + (DOTS if looks_secret(match[2]) else match[3])


def _dots(value: str) -> str:
    return value if re.fullmatch(_REFERENCE, value) else DOTS

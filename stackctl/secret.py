"""Secrets: values that must not be shown, and the names that probably belong to a secret."""

from __future__ import annotations

import re

from msgspec import Struct

DOTS = "•••"
"""The text that is shown instead of a secret."""

_HIDDEN = (
    r"(?i)(?:pass(?:word|wd|phrase)?|.pwd|secret|token|credential|(?:api|access|private|secret)key)s?(?=$|[_.-])"
    r"|(?:^|[_.-])keys?(?=$|[_.-])"
)
_WHERE = r"(?i)[_.-](?:file|path|dir)$"


class Secret(Struct, frozen=True):
    """A text that prints as dots everywhere. Only `reveal()` gives the value, and only the engine should get it."""

    _value: str

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return f"Secret({DOTS})"

    __str__ = __repr__


def veiled(record: Struct, *hidden: str) -> str:
    """The `repr` of a record, with dots for the `hidden` fields: these may hold a secret, or are too long to show."""
    fields = (
        (name, DOTS if name in hidden else repr(getattr(record, name))) for name in record.__struct_fields__
    )
    return f"{type(record).__name__}({', '.join(f'{name}={text}' for name, text in fields)})"


def looks_secret(name: str) -> bool:
    """Whether a variable, option or label of this name probably holds a secret: `DB_PASSWORD`, `apikey`, `--requirepass`.

    A name that says where a secret is stored (`DB_PASSWORD_FILE`) holds no secret.
    """
    return bool(re.search(_HIDDEN, name)) and not re.search(_WHERE, name)

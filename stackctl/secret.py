"""A value that must not be shown, and the names by which one recognises what is probably one."""

from __future__ import annotations

import re

from msgspec import Struct

DOTS = "•••"
"""What is shown instead."""

_SECRET = re.compile(
    r"(?:pass(?:word|wd|phrase)?|.pwd|secret|token|credential|(?:api|access|private|secret)key)s?(?=$|[_.-])"
    r"|(?:^|[_.-])keys?(?=$|[_.-])",
    re.IGNORECASE,
)
_WHERE = re.compile(r"[_.-](?:file|path|dir)$", re.IGNORECASE)


class Secret(Struct, frozen=True):
    """Text that prints as dots everywhere; `reveal()` is the only way to its value, for the engine alone."""

    _value: str

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return f"Secret({DOTS})"

    __str__ = __repr__


def veiled(record: Struct, *hidden: str) -> str:
    """The `repr` of a record in which dots stand for the hidden fields: they may hold a secret, or are too long to show."""
    fields = (
        (name, DOTS if name in hidden else repr(getattr(record, name))) for name in record.__struct_fields__
    )
    return f"{type(record).__name__}({', '.join(f'{name}={text}' for name, text in fields)})"


def looks_secret(name: str) -> bool:
    """Whether a variable, option or label of this name probably holds a secret: `DB_PASSWORD`, `apikey`, `--requirepass`.

    One that says where a secret lies (`DB_PASSWORD_FILE`) holds none.
    """
    return bool(_SECRET.search(name)) and not _WHERE.search(name)

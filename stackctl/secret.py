"""A value that must not be shown, and the names by which one recognises what is probably one."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

DOTS = "•••"
"""What is shown instead."""

_SECRET = re.compile(
    r"(?:pass(?:word|wd|phrase)?|.pwd|secret|token|credential|(?:api|access|private|secret)key)s?(?=$|[_.-])"
    r"|(?:^|[_.-])keys?(?=$|[_.-])",
    re.IGNORECASE,
)
_WHERE = re.compile(r"[_.-](?:file|path|dir)$", re.IGNORECASE)


@dataclass(frozen=True)
class Secret:
    """Text that prints as dots everywhere; `reveal()` is the only way to its value, for the engine alone."""

    _value: str = field(repr=False)

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return f"Secret({DOTS})"

    __str__ = __repr__


def looks_secret(name: str) -> bool:
    """Whether a variable, option or label of this name probably holds a secret: `DB_PASSWORD`, `apikey`, `--requirepass`.

    One that says where a secret lies (`DB_PASSWORD_FILE`) holds none.
    """
    return bool(_SECRET.search(name)) and not _WHERE.search(name)

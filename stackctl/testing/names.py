"""The names that a test gives to what it keeps."""

from __future__ import annotations

import re

from stackctl.errors import UsageError


def checked(name: str) -> str:
    """The name of a snapshot. Raises UsageError for one that cannot be part of a database's and a file's name."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,40}", name):
        raise UsageError(f"{name!r} is no name of a snapshot", "use up to 40 letters, digits, '_' and '-'")
    return name

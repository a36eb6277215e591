"""Names that a test uses, of services and of snapshots, and the errors for unknown names."""

from __future__ import annotations

import re
from collections.abc import Collection

from stackctl.errors import UsageError
from stackctl.spelling import did_you_mean

_TAKE = "take one first: snapshot(NAME)"


class NoSuchServiceError(UsageError, KeyError):
    """The stack has no service of that name. It is also a KeyError, because a mapping must raise one."""

    def __init__(self, name: str, there: Collection[str]) -> None:
        hint = did_you_mean(name, there, f"there are: {', '.join(there)}")
        super().__init__(f"the stack has no service {name!r}", hint)


def checked(name: str) -> str:
    """The name of a snapshot. Raises UsageError for one that cannot be part of a database's and a file's name."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,40}", name):
        raise UsageError(f"{name!r} is no name of a snapshot", "use up to 40 letters, digits, '_' and '-'")
    return name


def no_such_snapshot(service: str, name: str, there: Collection[str]) -> UsageError:
    """The error for an unknown snapshot. `there` are the names of the snapshots that exist."""
    hint = f"there are: {', '.join(there)}" if there else _TAKE
    return UsageError(f"{service} has no snapshot {name!r}", hint)


def nothing_to_go_back_to(service: str) -> UsageError:
    return UsageError(f"there is no snapshot of {service} to go back to", _TAKE)

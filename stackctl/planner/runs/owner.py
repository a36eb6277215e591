"""The owner of a test run: one process, described so that it is never taken for another process."""

from __future__ import annotations

import json

from msgspec import Struct
from msgspec.structs import asdict


class Owner(Struct, frozen=True, kw_only=True):
    """A process, described so that it is never taken for another process that gets its number later.

    `start` is when it began, `boot` is the present boot of the machine, `space` is the namespace of process numbers, each as the
    system writes it; `uid` is the user.
    """

    pid: int
    start: str
    boot: str
    space: str
    uid: int

    def pack(self) -> str:
        return json.dumps(asdict(self), separators=(",", ":"), sort_keys=True)


def unpack(label: str | None) -> Owner | None:
    """The inverse of `Owner.pack`; None for a label that somebody broke."""
    try:
        return Owner(**json.loads(label or ""))
    except (ValueError, TypeError):
        return None

"""Whose a test run is: one process, so described that it is never taken for another."""

from __future__ import annotations

import json

from msgspec import Struct
from msgspec.structs import asdict


class Owner(Struct, frozen=True, kw_only=True):
    """A process, so that it is never taken for another one that later has its number.

    `start` is when it began, `boot` is this start of the machine, `space` is the namespace that numbers its processes, each in
    the system's own words; `uid` is the user.
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

"""The key of everything that is decided for one container."""

from __future__ import annotations

from msgspec import Struct


class Replica(Struct, frozen=True, order=True):
    """One of the containers of a service or job. Numbers begin at 1."""

    service: str
    number: int = 1

    def __str__(self) -> str:
        """`web`; from the second one on `web-2`."""
        return self.service if self.number == 1 else f"{self.service}-{self.number}"

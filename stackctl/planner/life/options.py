"""How containers are started, restarted and removed."""

from __future__ import annotations

from collections.abc import Collection

from msgspec import Struct


class StartOptions(Struct, frozen=True):
    """Which services are started or restarted: the named ones, or all. `wait_timeout`: seconds to wait for each.

    For a restart, `grace` are the seconds to stop; `dependents`: services with `depends_on.NAME.restart = true` restart, too.
    """

    services: Collection[str] = ()
    wait_timeout: float = 120.0
    grace: int | None = None
    dependents: bool = True


class RemoveOptions(Struct, frozen=True):
    """How to remove containers. `stop`: stop those that run first; else they stay. `volumes`: remove their anonymous volumes,
    too. `grace`: seconds to stop.
    """

    stop: bool = False
    volumes: bool = False
    grace: int | None = None

"""Which part of a stack is meant."""

from __future__ import annotations

from collections.abc import Collection

from msgspec import Struct


class Selection(Struct, frozen=True, kw_only=True):
    """A part of a stack: some services with their dependencies, or all that the profiles enable.

    `publish_host` is the host address for ports that name none. None means 127.0.0.1; ports are then refused if the engine
    runs on another machine.
    """

    services: Collection[str] = ()
    profiles: Collection[str] = ()
    dependencies: bool = True
    publish_host: str | None = None

"""How containers are started, restarted and removed."""

from __future__ import annotations

from collections.abc import Collection, Mapping

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


class RunOptions(Struct, frozen=True, kw_only=True):
    """How a one-off differs from its service. None, or nothing, means: as the service."""

    command: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None
    """Without a command of its own, it gets no arguments."""
    environment: Mapping[str, str | None] = {}
    """Variables that are added; None removes a variable of the image."""
    user: str | None = None
    working_dir: str | None = None
    volumes: tuple[str, ...] = ()
    """Mounts that are added, in the short form of the file."""
    ports: tuple[str, ...] = ()
    """Ports that are published, in the short form of the file."""
    service_ports: bool = False
    """Publish the service's own ports, too."""
    labels: Mapping[str, str] = {}
    cap_add: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ()
    name: str = ""
    """The container's name, instead of PROJECT-SERVICE-run-HEX."""
    use_aliases: bool = False
    """Other containers find it by the names of the service, too."""
    dependencies: bool = True
    """Start what the service depends on first, and wait for it."""
    remove: bool = False
    """The engine removes it when it ends."""
    detach: bool = False
    """It goes on by itself: nothing is attached to it."""
    tty: bool = False
    terminal_size: tuple[int, int] | None = None
    """Lines and columns of the terminal."""
    stdin: bool = False

"""What a wait needs of an engine: one container, seen from outside and asked from inside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from msgspec import Struct, field

KILLED = 128 + 9
"""The exit code of a command that was ended because its time was over."""


class Running(Struct, frozen=True, kw_only=True):
    """What the engine says about one container, and how it can be reached from here."""

    state: str
    """created, running, paused, restarting, removing, exited or dead."""
    health: str = ""
    """The engine's own check: starting, healthy, unhealthy, or "" without one."""
    health_output: str = ""
    """What the engine's last check said."""
    exit_code: int = 0
    oom_killed: bool = False
    restarts: int = 0
    """How often the engine restarted it, as the engine counts."""
    error: str = ""
    """Why the engine could not start it."""
    addresses: tuple[str, ...] = ()
    """Its addresses that can be reached from here: none unless the engine is local and on Linux; with the host's
    network 127.0.0.1; with another container's network the other's."""
    published: Mapping[int, tuple[str, int]] = field(default_factory=dict)
    """Its TCP ports on the host: container port → (host to connect to, port)."""


class Target(Protocol):
    """One container, as the wait sees it. Every method may raise `EngineError`."""

    def inspect(self) -> Running | None:
        """Its state now; None when it is gone."""

    def log(self, tail: int | None = None) -> str:
        """What it wrote (stdout and stderr) since its last start; the last `tail` lines of it if given."""

    def exec(self, argv: tuple[str, ...], timeout: float) -> tuple[int | None, str] | None:
        """Run a command in it as its own user, in its own directory and environment: exit code and output.

        After `timeout` seconds it is killed: exit code 137. An exit code of None means that it still runs, as its image has
        nothing to end it with.

        Returns None when the command takes a while, or the engine reports an event of the container: the caller should
        look at the container, and call again. One command at a time is under way: the next call waits for it, too.
        """

    def pause(self, seconds: float) -> None:
        """Return after that time, or sooner when the engine reports an event of the container (die, oom,
        health_status, start, destroy).
        """

    def now(self) -> float:
        """Seconds on a clock that never goes back."""

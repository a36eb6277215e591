"""What a wait needs from an engine: the state of one container, and commands run inside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from msgspec import Struct, field

KILLED = 128 + 9
"""The exit code of a command that was killed because its time was over: 128 + SIGKILL."""


class ContainerState(Struct, frozen=True, kw_only=True):
    """What the engine says about one container, and where the container can be reached from here."""

    state: str
    """created, running, paused, restarting, removing, exited or dead."""
    health: str = ""
    """The result of the engine's check: starting, healthy or unhealthy; "" without a check."""
    health_output: str = ""
    """What the engine's last check said."""
    exit_code: int = 0
    oom_killed: bool = False
    restarts: int = 0
    """How often the engine has restarted the container, by the engine's count."""
    in_init: bool = False
    """Whether the engine's init has not started the program yet, or has not noticed that it cannot. False where nobody can tell."""
    error: str = ""
    """Why the engine could not start the container."""
    addresses: tuple[str, ...] = ()
    """The container's addresses that can be reached from here. There are none unless the engine is local and on Linux. A
    container in the host's network has 127.0.0.1; one in another container's network has the other's addresses."""
    published: Mapping[int, tuple[str, int]] = field(default_factory=dict)
    """The container's published TCP ports: container port → (host to connect to, port)."""


class Target(Protocol):
    """One container, as a wait sees it. Every method may raise `EngineError`."""

    def inspect(self) -> ContainerState | None:
        """The container's state now; None if the container is gone."""

    def log(self, tail: int | None = None) -> str:
        """What the container has written (stdout and stderr) since its last start; only the last `tail` lines if given."""

    def exec(self, argv: tuple[str, ...], timeout: float) -> tuple[int | None, str] | None:
        """Run a command in the container, with the container's user, directory and environment: exit code and output.

        After `timeout` seconds the command is killed: exit code 137. An exit code of None means that the command still
        runs, because its image has no program to end it.

        Returns None if the command takes long, or if the engine reports an event of the container: the caller then looks
        at the container, and calls again. Only one command runs at a time: the next call waits for the same command.
        """

    def pause(self, seconds: float) -> None:
        """Return after that time, or as soon as the engine reports an event of the container (die, oom, health_status,
        start, destroy).
        """

    def now(self) -> float:
        """Seconds on a clock that never goes back."""

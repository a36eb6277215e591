"""What stackctl asks of an engine. Docker and the in-memory engine both keep it; one contract test runs against both."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from stackctl.plan.actions import Action
from stackctl.plan.events import Progressed
from stackctl.plan.observed import ImageConfig, Observed
from stackctl.plan.probes import Probe

Report = Callable[[Progressed], None]


@dataclass(frozen=True)
class LogLine:
    """A line of a container's log. `time` is the engine's, RFC 3339 with nanoseconds; `stream` is stdout or stderr."""

    container: str
    stream: str
    time: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Exec:
    """A command to run in a running container."""

    container: str
    argv: tuple[str, ...]
    environment: Mapping[str, str | None] | None = None
    user: str | None = None
    working_dir: str | None = None
    tty: bool = False
    stdin: bool = False
    privileged: bool = False
    detach: bool = False


@dataclass(frozen=True)
class ExecResult:
    exit_code: int
    stdout: bytes = b""
    stderr: bytes = b""


class Engine(Protocol):
    """An engine: look, look closer, act, listen. Every method raises `EngineError` for what the engine did wrong."""

    @property
    def id(self) -> str:
        """What tells this engine from all others, however it is reached. It names the lock."""

    def observe(self) -> Observed:
        """One snapshot, in a number of calls that does not depend on how much is there."""

    def look_into(self, refs: Collection[str]) -> Mapping[str, ImageConfig]:
        """What the named images bring along; one that is not here is left out."""

    def volume_sizes(self) -> Mapping[str, int]:
        """Bytes by volume, for those whose size the engine knows. It counts files: not for every day."""

    def glance(self, probes: Mapping[str, Sequence[Probe]], observed: Observed) -> frozenset[str]:
        """The ids of the running containers that pass all of their checks (by container id) when asked from outside.

        Makes no engine call. One whose checks cannot be asked that way is not among them.
        """

    def perform(self, action: Action, report: Report, cancelled: Callable[[], bool] = lambda: False) -> str:
        """Do one thing and return a note worth telling, or "". `WaitFor` returns early when `cancelled()`."""

    def logs(
        self,
        containers: Sequence[str],
        *,
        follow: bool = False,
        tail: int | None = None,
        since: str | None = None,
        until: str | None = None,
    ) -> Iterator[LogLine]:
        """Lines of several containers, merged by time."""

    def exec(self, command: Exec) -> ExecResult:
        """Run a command and collect what it says."""

    def interact(self, command: Exec) -> int:
        """Run a command with our own stdin, stdout and stderr (and terminal) as its; return its exit code.

        Raises `UsageError` if a terminal is asked for and stdin is none.
        """

    def close(self) -> None:
        """Give the connections back."""

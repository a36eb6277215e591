"""What stackctl asks of an engine. Docker and the in-memory engine both keep it; one contract test runs against both."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    from stackctl.planner.steps.actions import Action
    from stackctl.planner.steps.events import Progressed
    from stackctl.planner.world.observed import Container, ImageConfig, Observed
    from stackctl.planner.world.probes import Probe

Report = Callable[["Progressed"], None]

_TITLE_LENGTH = 80


class LogLine(Struct, frozen=True):
    """A line of a container's log. `time` is the engine's, RFC 3339 with nanoseconds; `stream` is stdout or stderr."""

    container: str
    stream: str
    time: str
    text: str


class Exec(Struct, frozen=True, kw_only=True):
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

    @property
    def title(self) -> str:
        """The command in one line, cut where it is long."""
        line = " ".join(shlex.join(self.argv).split())
        return line if len(line) <= _TITLE_LENGTH else f"{line[: _TITLE_LENGTH - 1]}…"


class ExecResult(Struct, frozen=True):
    exit_code: int
    stdout: bytes = b""
    stderr: bytes = b""


class Conversation(Protocol):
    """A command that keeps running in a container and is talked to. For one thread at a time."""

    def ask(self, text: bytes, until: bytes, timeout: float) -> bytes:
        """Send the text and return what the command then writes to stdout before the line `until`, which is taken, too.

        Raises `EngineError` when the command has ended, with what it said on stderr, or has not written that line within
        `timeout` seconds; then the conversation is over.
        """

    def close(self) -> None:
        """End its input and hang up. Safe to call twice, and when the engine or the container is gone.

        A command that does not heed the end of its input goes on in the container.
        """


class Look(Protocol):
    """What is there. Makes no call that writes."""

    @property
    def id(self) -> str:
        """What tells this engine from all others, however it is reached. It names the lock."""

    def observe(self, project: str = "") -> Observed:
        """One snapshot, in a number of calls that does not depend on how much is there.

        With a project, of containers only those with its label: what plans nothing needs no others.
        """

    def containers(self, project: str) -> tuple[Container, ...]:
        """The containers with that project's label, in one call."""

    def image_configs(self, refs: Collection[str]) -> Mapping[str, ImageConfig]:
        """What the named images bring along; one that is not here is left out."""

    def volume_sizes(self) -> Mapping[str, int]:
        """Bytes by volume, for those whose size the engine knows. It counts files: not for every day."""

    def answers_from_outside(
        self, probes: Mapping[str, Sequence[Probe]], observed: Observed
    ) -> Mapping[str, str]:
        """Ask running containers their checks (by container id) from outside: "" where all pass, else what the first that
        fails said.

        Makes no engine call. A container that no failure is known of, and that has a check which cannot be asked that way, is
        left out.
        """


class Perform(Protocol):
    """What a plan does."""

    def perform(self, action: Action, report: Report, cancelled: Callable[[], bool] = lambda: False) -> str:
        """Do one thing and return a note worth telling, or "". `WaitFor` returns early when `cancelled()`."""


class Talk(Protocol):
    """What goes on in containers: their output, commands run in them, their files."""

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

    def exec(self, command: Exec, *, timeout: float | None = None, stdin: bytes | None = None) -> ExecResult:
        """Run a command, with `stdin` as its whole input, and collect what it says.

        Raises `ExecTimeoutError` if it still runs after `timeout` seconds; it is then ended in the container as well, where
        the image has what that takes.
        """

    def converse(self, command: Exec) -> Conversation:
        """Start a command to talk to over its stdin and stdout: many short questions for the price of one exec.

        When our process dies, the engine ends the command's input.
        """

    def pack(self, container: str, path: str) -> Iterator[bytes]:
        """A file or directory of a container, running or not, as a tar archive in chunks.

        Names in it begin with the last part of the path, and with `.` if the path ends in `/.`.
        """

    def unpack(self, container: str, directory: str, archive: Iterable[bytes]) -> None:
        """Put the contents of a tar archive into a directory of a container, running or not, with their owners and modes.

        What is there under the same names is overwritten, all else stays; so does what came before an error in the archive.
        The archive must not be one that is still being packed from the same container: engines do one of the two at a time.
        """

    def interact(self, command: Exec) -> int:
        """Run a command with our own stdin, stdout and stderr (and terminal) as its; return its exit code.

        Raises `UsageError` if a terminal is asked for and stdin is none.
        """


class Manage(Look, Perform, Protocol):
    """What brings stacks up and down. Another kind of engine needs no more for the verbs."""


class Engine(Manage, Talk, Protocol):
    """An engine. Functions ask for the part that they use. Every method raises `EngineError` for what the engine did wrong."""

    def close(self) -> None:
        """Give the connections back."""

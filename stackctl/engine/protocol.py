"""What stackctl asks of an engine. The Docker engine and the in-memory engine both do this; one contract test runs on both."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    from stackctl.planner.same.side import Thing
    from stackctl.planner.steps.actions import Action
    from stackctl.planner.steps.events import Progressed
    from stackctl.planner.world.arrangement import Arrangement
    from stackctl.planner.world.asked import Counters, Happened, ObservedImage, Path, Processes
    from stackctl.planner.world.examined import ExaminedEngine
    from stackctl.planner.world.inspected import Inspected
    from stackctl.planner.world.observed import ImageConfig, Observed, ObservedContainer
    from stackctl.planner.world.probes import Probe
    from stackctl.planner.world.swarm_observed import ObservedSwarm, ObservedTask

Report = Callable[["Progressed"], None]

_TITLE_LENGTH = 80


class LogLine(Struct, frozen=True):
    """A line of a container's log. `time` is the engine's time, RFC 3339 with nanoseconds; `stream` is stdout or stderr."""

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
    output_limit: int | None = None
    """How many bytes of stdout, and of stderr, are collected: the last ones. None: all."""

    @property
    def title(self) -> str:
        """The command in one line. A long command is cut."""
        line = " ".join(shlex.join(self.argv).split())
        return line if len(line) <= _TITLE_LENGTH else f"{line[: _TITLE_LENGTH - 1]}…"


class Attach(Struct, frozen=True, kw_only=True):
    """A container whose main process gets the stdin and the terminal of this process.

    `signals`: it gets the signals as well that would end this process. `removed`: the engine removes the container when it ends,
    and that is waited for.
    """

    container: str
    tty: bool = False
    stdin: bool = False
    signals: bool = False
    removed: bool = False
    detach_keys: str = ""
    """The keys with which one leaves, as the docker command takes them, `ctrl-x,q`; "" for Ctrl-P Ctrl-Q."""


class ExecResult(Struct, frozen=True):
    exit_code: int
    stdout: bytes = b""
    stderr: bytes = b""


class Conversation(Protocol):
    """A command that keeps running in a container: it gets text and answers. Only one thread may use it at a time."""

    def tell(self, text: bytes) -> None:
        """Send the text, and do not wait. What the command then writes is there for the next `ask`.

        What cannot be sent at once is sent by the next `ask`. Raises `EngineError` if the conversation is over.
        """

    def ask(self, text: bytes, until: bytes, timeout: float) -> bytes:
        """Send the text. Return what the command then writes to stdout before the line `until`. That line is read, too.

        Raises `EngineError` if the command has ended (the error says what it wrote to stderr), or if it has not written
        the line within `timeout` seconds. Then the conversation is over.
        """

    def close(self) -> None:
        """End the command's input and close the connection. Safe to call twice, and when the engine or the container is gone.

        A command that does not end with its input goes on in the container.
        """


class Look(Protocol):
    """What is there. Makes no call that writes."""

    @property
    def id(self) -> str:
        """An id that no other engine has. It is the same however the engine is reached, and names the lock."""

    def expect(self, project: str | None = None) -> None:
        """Ask now who the engine is and, with a project, what `observe(project)` asks. The engine answers while the caller
        does something else, such as loading modules.
        """

    def observe(self, project: str = "") -> Observed:
        """One snapshot. The number of calls does not depend on how much is there.

        With a project, the snapshot holds only the containers with its label: that is enough unless something is planned.
        """

    def containers(self, project: str) -> tuple[ObservedContainer, ...]:
        """The containers with that project's label, in one call. With "" all that the engine has."""

    def inspect(self, container: str) -> Inspected:
        """Everything that explains one container, by its id or name, in one call. Raises `EngineError` if it is not there."""

    def made(self, containers: Collection[str]) -> tuple[Thing, ...]:
        """Containers, by id or name, with the networks and volumes that they use, so that they can be compared with a file. Makes
        about two calls for each. What is not there is left out.
        """

    def arrangement(self, containers: Collection[str], networks: Collection[str]) -> Arrangement:
        """What must be known to put these containers and networks, by id, back as they are. Makes one call for each container,
        and one for all networks.
        """

    def image_configs(self, refs: Collection[str]) -> Mapping[str, ImageConfig]:
        """What containers inherit from these images. An image that is not here is left out."""

    def images(self, ids: Collection[str]) -> Mapping[str, ObservedImage]:
        """These images, by id or reference. An image that is not here is left out."""

    def processes(self, container: str, options: str = "") -> Processes:
        """The processes of a running container. `options` are those of ps(1). Raises `EngineError` if it does not run."""

    def counters(self, containers: Collection[str]) -> Mapping[str, Counters]:
        """What the counters of these containers say now, by id. A container that is gone is left out; one that does not run
        has counters of 0.
        """

    def has_buildkit(self) -> bool:
        """Whether images are built with BuildKit. Asks this machine, not the engine."""

    def volume_sizes(self) -> Mapping[str, int]:
        """Bytes by volume, for every volume whose size the engine knows. Slow: the engine counts files."""

    def examined(self, *, sizes: bool = False) -> ExaminedEngine:
        """What the engine says about itself. `sizes`: also what its data take; slow, as `volume_sizes` is."""

    def answers_from_outside(
        self, probes: Mapping[str, Sequence[Probe]], observed: Observed
    ) -> Mapping[str, str]:
        """Run checks of running containers over the network. `probes` are the checks by container id.

        Returns by container id: "" if all checks pass, else what the first check that fails says. Makes no engine call.
        A container is left out if one of its checks needs more than the network, and no other check fails.
        """

    def observe_swarm(self, project: str = "") -> ObservedSwarm:
        """One snapshot of the Swarm that the engine belongs to: the services of a stack, and all nodes, networks, secrets and
        configs. With "" the services of every stack. The number of calls does not depend on how much is there.

        It says so if the engine is no manager, or if the Swarm has no leader: then nothing else is known.
        """

    def swarm_tasks(self, project: str = "") -> tuple[ObservedTask, ...]:
        """The tasks of a stack, also those that have ended, as far as the Swarm remembers them. With "" those of every stack."""

    def image_digest(self, ref: str) -> str | None:
        """The digest that a registry knows for this reference; None if it does not know the reference, or does not answer."""


class Perform(Protocol):
    """Do what a plan says."""

    def perform(self, action: Action, report: Report, cancelled: Callable[[], bool] = lambda: False) -> str:
        """Do one action. Return a note that is worth telling, or "". A wait returns early once `cancelled()`."""


class Talk(Protocol):
    """Talk with containers: read their output, run commands in them, copy their files."""

    def logs(
        self,
        containers: Sequence[str],
        *,
        follow: bool = False,
        restarts: bool = False,
        tail: int | None = None,
        since: str | None = None,
        until: str | None = None,
    ) -> Iterator[LogLine]:
        """Lines of several containers, merged by time. `stackctl.engine.talk.logs.logs` says what the options mean."""

    def service_logs(
        self,
        services: Sequence[str],
        *,
        follow: bool = False,
        tail: int | None = None,
        since: str | None = None,
        until: str | None = None,
    ) -> Iterator[LogLine]:
        """Lines of all tasks of these services of a Swarm, by id or name, merged by time. The `container` of a line is the id of
        its task. The options are those of `logs`; `tail` is a number of lines for each task.
        """

    def events(
        self, project: str, *, since: str | None = None, until: str | None = None
    ) -> Iterator[Happened]:
        """What happens to the containers of a project, as it happens; first what has happened since `since`. It ends at `until`, which
        may be in the past. Times are those of `logs`.
        """

    def exec(self, command: Exec, *, timeout: float | None = None, stdin: bytes | None = None) -> ExecResult:
        """Run a command with `stdin` as its whole input, and collect its output.

        Raises `ExecTimeoutError` if the command still runs after `timeout` seconds. The command is then ended in the
        container, too, if the image has a shell and `timeout`.
        """

    def converse(self, command: Exec) -> Conversation:
        """Start a command to talk to over its stdin and stdout: many short questions cost only one exec.

        When this process dies, the engine ends the command's input.
        """

    def pack(self, container: str, path: str) -> Iterator[bytes]:
        """A file or directory of a container as a tar archive in chunks. The container may run or not.

        Names in the archive begin with the last part of the path, or with `.` if the path ends in `/.`.
        """

    def path(self, container: str, path: str) -> Path | None:
        """What is at a path of a container, which may run or not; None if nothing is there. A link that ends the path is not
        followed.
        """

    def unpack(self, container: str, directory: str, archive: Iterable[bytes]) -> None:
        """Put the files of a tar archive into a directory of a container, with their owners and modes. The container may run
        or not.

        Files with the same names are overwritten; all other files stay. If the archive has an error, the files before the
        error stay, too. Do not unpack an archive that is still being packed from the same container: an engine does only
        one of the two at a time.
        """

    def save_images(self, refs: Sequence[str]) -> Iterator[bytes]:
        """Images, by reference or id, as one archive that `load_images` takes, in chunks. An image that is named by its id has no tag
        in it.
        """

    def load_images(self, archive: Iterable[bytes]) -> None:
        """Take the images of an archive, with their tags. A tag that another image has here is taken from it."""

    def interact(self, command: Exec) -> int:
        """Run a command on the stdin, stdout and stderr (and terminal) of this process. Return its exit code.

        Raises `UsageError` if a terminal is asked for and stdin is not a terminal.
        """

    def attach(self, to: Attach, begin: Callable[[], None] = lambda: None) -> int:
        """Connect the stdin, stdout and stderr (and terminal) of this process with the main process of a container, then call
        `begin`, which may start it. Return its exit code; 0 if the user leaves it with Ctrl-P Ctrl-Q.

        Raises `UsageError` if a terminal is asked for and stdin is not a terminal; what `begin` raises.
        """

    def wait(self, containers: Sequence[str]) -> Iterator[tuple[str, int]]:
        """The containers, by id, with their exit codes, each when it ends; at once if it does not run."""


class Manage(Look, Perform, Protocol):
    """All that an engine needs so that stacks can be brought up and down."""


class Engine(Manage, Talk, Protocol):
    """A whole engine. A function asks for the part that it uses. Every method raises `EngineError` if the engine fails."""

    def close(self) -> None:
        """Close the connections."""

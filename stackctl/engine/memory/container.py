"""A container of the in-memory engine: what happens after its start, on its own clock."""

from __future__ import annotations

import signal
from collections.abc import Callable
from datetime import UTC, datetime

from msgspec import Struct, field, structs

from stackctl.engine.memory.commands import FOREVER, Behaviour, CommandRun, run
from stackctl.engine.protocol import LogLine
from stackctl.engine.ready.target import ContainerState
from stackctl.engine.transport.client import RefusedError
from stackctl.errors import EngineError
from stackctl.planner.world.arrangement import ContainerArrangement
from stackctl.planner.world.desired import Attachment, DesiredContainer
from stackctl.planner.world.inspected import Inspected, InspectedMount, InspectedNetwork
from stackctl.planner.world.observed import ImageConfig, Joined, Mounted, ObservedContainer, PublishedPort

_RESTART_PAUSE = 0.1
_INTERVAL = 30.0
"""Seconds between two checks by the engine, if the check does not say (Docker's default)."""
_HARMLESS = (signal.SIGCHLD, signal.SIGCONT, signal.SIGURG, signal.SIGWINCH)
"""Signals that do not end a program that does not handle them."""


class MemoryContainer(Struct):
    id: str
    name: str
    spec: DesiredContainer
    image_id: str
    config: ImageConfig
    behaviour: Behaviour
    created: float
    labels: dict[str, str]
    mounts: tuple[Mounted, ...]
    anonymous: frozenset[str]
    """The volumes that were made with the container. They are removed with it if that is asked for."""
    network_mode: str
    networks: dict[str, Attachment]
    """The container's place in each network, by network id."""
    restart: tuple[str, int]
    course: CommandRun
    clock: float = 0.0
    started: float | None = None
    """When it was started, on its own clock; None while it does not run."""
    begun: bool = False
    """Whether it was ever started. Then its state is no longer "created"."""
    exit_code: int = 0
    error: str = ""
    ports: tuple[PublishedPort, ...] = ()
    paused: bool = False
    """Whether its clock stands still while it runs."""
    log: list[LogLine] = field(default_factory=list)
    log_start: int = 0

    @property
    def lived(self) -> float:
        return self.clock - (self.started or 0.0)

    @property
    def restarts(self) -> int:
        """How often the engine has restarted the container."""
        policy, times = self.restart
        over = self.started is not None and self.lived >= self.course.seconds
        again = policy in ("always", "unless-stopped") or (
            policy == "on-failure" and self.course.exit_code != 0
        )
        if not over or not again:
            return 0
        count = 1 + int((self.lived - self.course.seconds) / (self.course.seconds + _RESTART_PAUSE))
        return min(count, times) if times else count

    @property
    def state(self) -> str:
        if self.started is None:
            return "exited" if self.begun else "created"
        if self.lived < self.course.seconds:
            return "paused" if self.paused else "running"
        given_up = self.restart[1] and self.restarts >= self.restart[1]
        return "restarting" if self.restarts and not given_up else "exited"

    @property
    def code(self) -> int:
        return self.exit_code if self.started is None else self.course.exit_code

    @property
    def health(self) -> str:
        check = self.spec.healthcheck
        test = check.test if check else ()
        if test[:1] == ("NONE",) or not (test or self.config.healthcheck) or self.state != "running":
            return ""
        interval = (check.interval if check else None) or _INTERVAL
        return "healthy" if self.lived >= max(self.behaviour.ready_after, interval) else "starting"

    @property
    def arrangement(self) -> ContainerArrangement:
        policy, times = self.restart
        return ContainerArrangement(
            restart=policy,
            restart_times=times,
            networks={place.network: place for place in self.networks.values()},
            holders=(*self.spec.namespaces, *self.spec.volume_sources),
        )

    @property
    def up(self) -> bool:
        """Whether it runs, is paused or is being restarted. Then it holds its ports and cannot be removed."""
        return self.state in ("running", "restarting", "paused")

    def start(self, ports: tuple[PublishedPort, ...], tick: Callable[[], float]) -> None:
        """Begin to run; `tick` gives the times of its log lines, in seconds since the epoch."""
        self.course = course_of(self.spec, self.config, self.behaviour)
        self.begun, self.paused, self.error, self.ports = True, False, "", ports
        self.started = self.clock
        self.log_start = len(self.log)
        said = [("stdout", line) for line in (*self.behaviour.log, *self.course.stdout.splitlines())]
        said += [("stderr", line) for line in self.course.stderr.splitlines()]
        for stream, text in said:
            time = f"{datetime.fromtimestamp(tick(), UTC):%Y-%m-%dT%H:%M:%S}.000000000Z"
            self.log.append(LogLine(self.id, stream, time, text))

    def fail(self, error: str) -> None:
        """Note that the engine could not start it, and why."""
        self.started, self.exit_code, self.error, self.ports = None, 128, error, ()

    def stop(self, grace: int) -> str:
        """End it. Return a note if it had to be killed, else ""."""
        killed = self.behaviour.ignores_stop
        self.started, self.exit_code = None, 137 if killed else 143
        return f"killed after {grace} s: it ignored SIGTERM" if killed else ""

    def pause(self) -> None:
        if self.state == "paused":
            raise RefusedError(f"cannot pause {self.name}: it is paused already", status=409)
        if self.state != "running":
            raise RefusedError(f"cannot pause {self.name}: it does not run", status=409)
        self.paused = True

    def unpause(self) -> None:
        if self.state != "paused":
            raise RefusedError(f"cannot unpause {self.name}: it is not paused", status=500)
        self.paused = False

    def kill(self, name: str) -> None:
        """Send it the signal of that name."""
        if self.state not in ("running", "paused"):
            raise RefusedError(f"cannot kill {self.name}: it does not run", status=409)
        try:
            number = signal.Signals["SIG" + name.upper().removeprefix("SIG")]
        except KeyError as error:
            raise EngineError(f"cannot kill {self.name}: Invalid signal: {name}") from error
        if number == signal.SIGKILL or not (self.behaviour.ignores_stop or number in _HARMLESS):
            self.started, self.exit_code = None, 128 + number

    def as_seen(self) -> ObservedContainer:
        """The container as the engine lists it."""
        state = self.state
        running = state in ("running", "paused")
        health = f" ({self.health})" if self.health else ""
        ended = f"{state.capitalize()} ({self.code}) 1 second ago"
        address = f"172.18.{int(self.created) // 250}.{2 + int(self.created) % 250}"
        return ObservedContainer(
            id=self.id,
            name=self.name,
            image=self.spec.image,
            image_id=self.image_id,
            state=state,
            health=self.health,
            exit_code=self.code if state in ("exited", "restarting") else None,
            status={
                "created": "Created",
                "running": f"Up {self.lived:g} seconds{health}",
                "paused": f"Up {self.lived:g} seconds (Paused)",
            }.get(state, ended),
            created=self.created,
            labels=self.labels,
            ports=self.ports if running else (),
            mounts=self.mounts,
            networks=tuple(
                Joined(joined.network, id_, address if running else "")
                for id_, joined in self.networks.items()
            ),
            network_mode=self.network_mode,
        )

    def as_inspected(self) -> Inspected:
        """The container as the engine explains it. It has no process: its `pid` is only a number that tells that it runs."""
        seen = self.as_seen()
        entrypoint, command = arguments(self.spec, self.config)
        return Inspected(
            id=self.id,
            name=self.name,
            state=seen.state,
            pid=int(self.created) if seen.running else 0,
            command=(*entrypoint, *command),
            user=self.spec.settings.user or "",
            hostname=self.spec.settings.hostname or self.id[:12],
            pids=max(self.spec.settings.pids_limit or 0, 0),
            mounts=tuple(
                InspectedMount(
                    type=mount.type,
                    name=mount.name if mount.type == "volume" else "",
                    source=mount.name if mount.type == "bind" else "",
                    target=mount.target,
                    read_only=any(m.read_only for m in self.spec.mounts if m.target == mount.target),
                )
                for mount in self.mounts
            ),
            networks=tuple(
                InspectedNetwork(
                    network=joined.network,
                    address=joined.address,
                    prefix=16 if joined.address else 0,
                    names=tuple(
                        dict.fromkeys((self.name, *self.networks[joined.network_id].aliases, self.id[:12]))
                    ),
                )
                for joined in seen.networks
            ),
            network_mode=self.network_mode,
        )

    def as_running(self) -> ContainerState:
        """The container as a wait sees it."""
        now = self.as_seen()
        return ContainerState(
            state=now.state,
            health=now.health,
            exit_code=self.code,
            restarts=self.restarts,
            error=self.error,
            addresses=tuple(joined.address for joined in now.networks),
            published={p.target: (p.host_ip, p.published) for p in now.ports if p.protocol == "tcp"},
        )


def arguments(spec: DesiredContainer, config: ImageConfig) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The entrypoint and the command of a container. One with its own entrypoint does not get the image's command."""
    entrypoint = config.entrypoint if spec.entrypoint is None else spec.entrypoint
    command = (config.command if spec.entrypoint is None else ()) if spec.command is None else spec.command
    return entrypoint, command


def course_of(spec: DesiredContainer, config: ImageConfig, behaviour: Behaviour) -> CommandRun:
    """What a container does after its start: its output, and when it ends with which exit code."""
    entrypoint, command = arguments(spec, config)
    course = run((*entrypoint, *command)) or CommandRun(0, FOREVER)
    if behaviour.exit_code is None:
        return course
    return structs.replace(course, exit_code=behaviour.exit_code, seconds=behaviour.exit_after)

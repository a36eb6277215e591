"""One container of a Docker engine, as a wait sees it: a `Target`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from stackctl.engine.docker.container_events import Events
from stackctl.engine.docker.snapshot import epoch
from stackctl.engine.proc import is_only_init
from stackctl.engine.protocol import Exec
from stackctl.engine.ready.target import KILLED, ContainerState
from stackctl.engine.talk import execs
from stackctl.engine.talk.logs import logs
from stackctl.engine.transport.client import Json, RefusedError, WireClient
from stackctl.errors import ExecTimeoutError
from stackctl.planner.reach.places import own_addresses, published_at
from stackctl.planner.world.observed import ObservedEngine, PublishedPort
from stackctl.real import monotonic

_PATIENCE = 0.5
"""Seconds to wait for a command before the container is looked at again."""
_LEAVING = 1.0
"""Seconds that the thread of a command has to end, once nobody waits for the command."""
_MARGIN = 1.0
"""Log lines up to this many seconds before the start that the engine notes still belong to the run."""


class Watched:
    """Watches one container. `engine` tells which of its addresses and ports can be reached from here."""

    def __init__(self, client: WireClient, events: Events, container: str, engine: ObservedEngine) -> None:
        self._client = client
        self._events = events
        self._container = container
        self._engine = engine
        self._since: str | None = None
        self._seen = 0
        self._command: _Command | None = None
        """The command that has not ended yet."""

    def inspect(self) -> ContainerState | None:
        self._seen = self._events.count(self._container)
        found = self._inspect(self._container)
        if found is None:
            return None
        state = found["State"]
        self._since = run_began(state)
        health = state.get("Health") or {}
        checks = health.get("Log") or [{}]
        place = self._place(found)
        return ContainerState(
            state=state["Status"],
            health=health.get("Status", "").replace("none", ""),
            health_output=checks[-1].get("Output", ""),
            exit_code=state.get("ExitCode", 0),
            oom_killed=state.get("OOMKilled", False),
            restarts=found.get("RestartCount", 0),
            in_init=bool(found["HostConfig"].get("Init")) and is_only_init(state.get("Pid", 0), found["Id"]),
            error=state.get("Error", ""),
            addresses=self._addresses(place),
            published=self._published(place),
        )

    def log(self, tail: int | None = None) -> str:
        lines = logs(self._client, [self._container], tail=tail, since=self._since)
        return "".join(f"{line.text}\n" for line in lines)

    def exec(self, argv: tuple[str, ...], timeout: float) -> tuple[int | None, str] | None:
        command = self._command or _Command(
            argv, lambda given_up: self._run(argv, timeout, given_up), self._wake
        )
        self._command = command
        if not command.ended:
            self._events.wait(self._container, self._seen, _PATIENCE)
        if not command.ended:
            return None
        self._command = None
        return command.result() if command.argv == argv else None

    def pause(self, seconds: float) -> None:
        self._events.wait(self._container, self._seen, seconds)

    def now(self) -> float:
        return monotonic()

    def close(self) -> None:
        """Nobody waits any more. A command that still runs in the container ends there when its time is over."""
        if self._command:
            self._command.give_up()

    def _run(
        self, argv: tuple[str, ...], timeout: float, given_up: Callable[[], bool]
    ) -> tuple[int | None, str]:
        command = Exec(container=self._container, argv=argv)
        try:
            result = execs.run(self._client, command, timeout=timeout, given_up=given_up)
        except ExecTimeoutError as error:
            said = error.stdout + error.stderr
            return KILLED if error.ended else None, said.decode(errors="replace")
        return result.exit_code, (result.stdout + result.stderr).decode(errors="replace")

    def _wake(self) -> None:
        self._events.wake(self._container)

    def _inspect(self, container: str) -> Json:
        try:
            return self._client.get("containers", container, "json")
        except RefusedError as error:
            if error.status == 404:
                return None
            raise

    def _place(self, found: Json) -> Json:
        """The container that owns the network: the container itself, or the container whose network it shares."""
        mode = found["HostConfig"].get("NetworkMode", "")
        return (
            (self._inspect(mode.removeprefix("container:")) or found)
            if mode.startswith("container:")
            else found
        )

    def _addresses(self, place: Json) -> tuple[str, ...]:
        networks = ((place.get("NetworkSettings") or {}).get("Networks") or {}).values()
        joined = [one.get(key) or "" for key in ("IPAddress", "GlobalIPv6Address") for one in networks]
        return own_addresses(place["HostConfig"].get("NetworkMode", ""), joined, self._engine)

    def _published(self, place: Json) -> Mapping[int, tuple[str, int]]:
        ports = (place.get("NetworkSettings") or {}).get("Ports") or {}
        published = (
            PublishedPort(int(number), protocol, binding.get("HostIp", ""), int(binding["HostPort"]))
            for port, bindings in ports.items()
            for number, _, protocol in [port.partition("/")]
            for binding in bindings or ()
        )
        return published_at(published, self._engine)


class _Command:
    """A command that runs in its own thread, so that the engine's check may be faster."""

    def __init__(
        self,
        argv: tuple[str, ...],
        run: Callable[[Callable[[], bool]], tuple[int | None, str]],
        wake: Callable[[], None],
    ) -> None:
        self.argv = argv
        self._run = run
        self._wake = wake
        self._outcome: tuple[int | None, str] | Exception | None = None
        self._given_up = threading.Event()
        self._thread = threading.Thread(target=self._work, name="stackctl-check", daemon=True)
        self._thread.start()

    @property
    def ended(self) -> bool:
        return self._outcome is not None

    def result(self) -> tuple[int | None, str]:
        """Exit code and output of a command that has ended. Raises the error if it could not be run."""
        assert self._outcome is not None
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return self._outcome

    def give_up(self) -> None:
        """End the thread, whether or not the command has ended."""
        self._given_up.set()
        self._thread.join(_LEAVING)

    def _work(self) -> None:
        try:
            self._outcome = self._run(self._given_up.is_set)
        except Exception as error:
            self._outcome = error
        self._wake()


def run_began(state: Json) -> str | None:
    """The time at which the log of the present (or last) run begins, in seconds since the epoch; None if the whole log
    belongs to it.

    The engine notes the start a little later than the program begins to write. So the log is read from a little earlier.
    While the container runs, the end of the run before it is known: half the time between is safe, since nothing is logged
    between two runs. Afterwards that end is not known: a line too many is better than a line too few.
    """
    started, finished = epoch(state.get("StartedAt")), epoch(state.get("FinishedAt"))
    if started <= 0 or finished <= 0:
        return None
    running = state.get("Status") in ("running", "paused")
    early = min(_MARGIN, (started - finished) / 2) if running and finished < started else _MARGIN
    return f"{started - early:.6f}"

"""A running stack and its services: what is there, and where it can be reached. Faults, data and files work on these two classes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from msgspec.structs import replace

from stackctl.comparing import Comparing
from stackctl.engine.protocol import Engine, LogLine
from stackctl.errors import UsageError
from stackctl.planner.reach import places as addresses
from stackctl.planner.reach.outside import service_env, stack_env
from stackctl.planner.reach.places import ServicePlace
from stackctl.planner.steps.actions import Action
from stackctl.planner.world.desired import Desired, DesiredContainer
from stackctl.planner.world.naming import Naming
from stackctl.planner.world.numbering import renumbered
from stackctl.planner.world.observed import Observed, ObservedContainer
from stackctl.planner.world.replica import Replica
from stackctl.real import real_files
from stackctl.spec.model import Service, Stack
from stackctl.spec.selection import Selection
from stackctl.testing.data.console import Consoles
from stackctl.testing.runs.run import Run


@dataclass(frozen=True, kw_only=True)
class LiveStack:
    """A running stack. Safe to share between threads."""

    stack: Stack
    engine: Engine
    timeout: float = 120.0
    """Seconds that a service may take to be ready again."""
    run: Run | None = None
    """The run that has started the stack; None if the stack ran before the tests."""
    reused: bool = False
    """Whether an earlier run has left the stack, with the data of that run."""
    consoles: Consoles = field(default_factory=Consoles, repr=False, compare=False)

    @property
    def project(self) -> str:
        """The name of the stack's project: `stackctl -p NAME logs` shows its logs."""
        return self.stack.project

    @property
    def on_engine(self) -> Comparing:
        """What is on the engine, and what should be."""
        return Comparing(self.stack, self.engine)

    def container_name(self, service: str, number: int = 1) -> str:
        return Naming(self.stack, "").container(service, number)

    def desired_and_observed(self, *services: str) -> tuple[Desired, Observed]:
        """What should be there, and what is there: for these services, or for all.

        No check of a service is run, because a service may be paused or stopped.
        """
        host = publish_host() or "127.0.0.1"
        selection = Selection(services=services, profiles=("*",), dependencies=False, publish_host=host)
        with real_files():
            desired, observed = self.on_engine.desired_and_observed(selection)
        return renumbered(desired, observed), observed

    def containers(self) -> dict[str, ObservedContainer]:
        """The containers as they are now, by service. Raises EngineError."""
        return {c.service: c for c in reversed(self.on_engine.containers())}

    def places(self) -> dict[str, ServicePlace]:
        """For each service that runs: where it can be reached from this machine."""
        return self.on_engine.places()

    def env(self, prefix: str = "") -> dict[str, str]:
        """The variables with which a process on this machine reaches the stack.

        These are `NAME_URL`, `NAME_HOST` and `NAME_PORT` of every service, and every variable of a service that holds the address
        of another one, such as DATABASE_URL, with addresses that work on this machine. `prefix` is put before each name.
        """
        return {prefix + name: value for name, value in stack_env(self.stack, self.places()).items()}

    def logs(
        self, *services: str, since: float | datetime | str | None = None, tail: int | None = None
    ) -> Iterator[LogLine]:
        """The lines that the services (default: all) have written so far, merged by time.

        `since`: seconds since the epoch, a datetime, or a text as `stackctl logs --since` takes it. `tail`: how many lines of each
        container. Raises EngineError.
        """
        found = self.on_engine.containers(services)
        return self.engine.logs([c.id for c in found], since=moment(since), tail=tail)

    def do(self, action: Action) -> None:
        """Let the engine do one action. Raises EngineError."""
        with real_files():
            self.engine.perform(action, lambda _: None)

    def close(self) -> None:
        """End the programs that are kept running in the containers. The stack itself stays."""
        self.consoles.close()


@dataclass(frozen=True)
class LiveService:
    """A service of a running stack. Each call looks at the engine again, so it is right even after a test has changed something."""

    name: str
    app: LiveStack = field(repr=False)
    number: int | None = None
    """Which of the service's containers it is; None: the first."""

    @property
    def spec(self) -> Service:
        """The service as the stack's file describes it."""
        return self.app.stack.everything[self.name]

    @property
    def container(self) -> ObservedContainer:
        """The service's container as it is now, running or not. Raises UsageError if there is none."""
        for container in self.app.on_engine.containers([self.name]):
            if self.number in (None, container.number):
                return container
        called = self.name if self.number is None else Replica(self.name, self.number)
        raise UsageError(f"{called} has no container", "it was not started, or somebody removed it")

    @property
    def health(self) -> str:
        """The result of the engine's check: starting, healthy or unhealthy; "" if the engine has no check."""
        return self.container.health

    # Where it is

    @property
    def host(self) -> str:
        """The host at which the service's ports can be reached from this machine."""
        return self._reach(None)[0]

    def port(self, target: int | None = None) -> int:
        """The port to connect to for a port of the container (`target`). Without `target`: for the port of the known server, else for
        the first published port.

        The port stays the same when the container is started again. Raises EngineError for a port that is not published.
        """
        return self._reach(target)[1]

    @property
    def address(self) -> tuple[str, int]:
        """Host and port, as sockets take them."""
        return self._reach(None)

    def url(self, path: str = "", *, target: int | None = None, scheme: str | None = None) -> str:
        """The URL of a path, `app["api"].url("/health")`, or of a known server with its login, `app["db"].url()`.

        `target` is a port of the container. `scheme="postgresql+psycopg"` is a variant of the server's scheme. Raises EngineError
        as `port` does.
        """
        return addresses.url(self.name, self.spec, self._place(target), path, target=target, scheme=scheme)

    def env(self) -> dict[str, str]:
        """The variables of the service's container, with addresses that work on this machine instead of service names."""
        return service_env(self.name, self.app.stack, self.app.places())

    @property
    def container_name(self) -> str:
        """The name of the service's container, even while there is none."""
        return self.app.container_name(self.name, self.number or 1)

    def want(self) -> DesiredContainer:
        """The service's container as it should be."""
        wanted = self.app.desired_and_observed(self.name)[0].containers
        return next(want for want in wanted if self.number in (None, want.number))

    def _reach(self, target: int | None) -> tuple[str, int]:
        return addresses.reach(self.name, self.spec, self._place(target), target)

    def _place(self, target: int | None) -> addresses.ServicePlace:
        """Where a port of the service can be reached. If its host port was chosen at the start, the engine is not asked.

        The container's own address counts only for the service's usual port, where that is not published. So `host` holds for
        each port that `port` gives.
        """
        chosen = addresses.ServicePlace(self._chosen_ports())
        port = addresses.default_port(self.spec, chosen) if target is None else target
        if port in chosen.published:
            return chosen
        found = self.app.on_engine.places_of_replicas()
        if self.number is None:
            place = addresses.places_of_services(found).get(self.name, chosen)
        else:
            place = found.get(Replica(self.name, self.number), chosen)
        if target in (None, addresses.default_port(self.spec, place)):
            return place
        return replace(place, address="")

    def _chosen_ports(self) -> Mapping[int, tuple[str, int]]:
        """The host ports that were chosen when the stack was started, all on this machine."""
        if self.app.run is None or publish_host():
            return {}
        return {
            port.target.first: ("127.0.0.1", port.published.first)
            for port in self.spec.ports
            if port.published and len(port.published) == len(port.target) and port.protocol == "tcp"
        }


def publish_host() -> str | None:
    """The address at which ports without an address listen. An engine on another machine needs it."""
    return os.environ.get("STACKCTL_PUBLISH_HOST")


def moment(time: float | datetime | str | None) -> str | None:
    """A time as `Engine.logs` takes it."""
    if isinstance(time, datetime):
        return f"{time.timestamp():.9f}"
    return f"{time:.9f}" if isinstance(time, float | int) else time

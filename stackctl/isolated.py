"""A stack for the length of a `with` block: what tests are made of."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from stackctl.api import Selection, connect, containers, down, load, running_container, up
from stackctl.engine.engine import Engine, Exec, ExecResult, LogLine
from stackctl.errors import EngineError
from stackctl.plan.down import DownOptions
from stackctl.plan.events import Event
from stackctl.plan.isolate import isolate
from stackctl.plan.observed import Container
from stackctl.plan.outcome import Outcome, outcome
from stackctl.plan.slots import UpOptions
from stackctl.spec.model import Stack


@contextmanager
def running(
    *files: str | Path,
    engine: Engine | None = None,
    environ: Mapping[str, str] | None = None,
    services: Collection[str] = (),
    profiles: Collection[str] = (),
    timeout: float = 120.0,
    allow_external_volumes: bool = False,
    allow_data_binds: bool = False,
) -> Iterator[Running]:
    """A stack for the length of a `with` block: a project of its own, free host ports, gone afterwards with its volumes.

    `timeout` is in seconds, for each wait. Raises StackError if it does not become ready; nothing is left behind then either.
    """
    stack = load(*files, environ=environ, services=services, profiles=profiles)
    project = f"{stack.project}-{secrets.token_hex(3)}"
    stack = isolate(
        stack, project, allow_external_volumes=allow_external_volumes, allow_data_binds=allow_data_binds
    )
    own = engine is None
    engine = engine or connect()
    selection = Selection(services=services, profiles=profiles)
    try:
        _succeed(up(stack, engine, selection=selection, options=UpOptions(wait_timeout=timeout)))
        yield Running(stack, engine)
    finally:
        try:
            _succeed(down(project, engine, stack=stack, options=DownOptions(volumes=True, grace=1)))
        finally:
            if own:
                engine.close()


@dataclass(frozen=True)
class Running:
    """A stack that runs. `app["api"]` is one of its services."""

    stack: Stack
    engine: Engine

    def __getitem__(self, service: str) -> RunningService:
        if service not in self.stack.everything:
            raise KeyError(service)
        return RunningService(service, self)

    def logs(self, *services: str) -> Iterator[LogLine]:
        """What the services wrote so far, merged by time."""
        found = containers(self.engine, self.stack.project, services, self.stack.everything)
        return self.engine.logs([c.id for c in found])


@dataclass(frozen=True)
class RunningService:
    """A service of a running stack, seen from the host."""

    name: str
    app: Running = field(repr=False)

    @property
    def container(self) -> Container:
        """Its container as it is now; a restart changes its published ports."""
        stack = self.app.stack
        return running_container(self.app.engine, stack.project, self.name, stack.everything)

    @property
    def host(self) -> str:
        """Where its published ports can be reached from here."""
        return self._published(None)[0]

    def port(self, target: int | None = None) -> int:
        """The host port of a port of the container; without one, of its only (or first) published port.

        Raises EngineError if it is not published.
        """
        return self._published(target)[1]

    def url(self, path: str = "", *, target: int | None = None, scheme: str = "http") -> str:
        """The address of a path: `app["api"].url("/health")`."""
        host, port = self._published(target)
        return f"{scheme}://{host}:{port}{path}"

    def exec(self, *argv: str) -> ExecResult:
        """Run a command in it and collect what it says."""
        return self.app.engine.exec(Exec(container=self.container.id, argv=argv))

    def _published(self, target: int | None) -> tuple[str, int]:
        for port in self.container.ports:
            if target in (None, port.target) and port.protocol == "tcp" and ":" not in port.host_ip:
                return "127.0.0.1" if port.host_ip in ("0.0.0.0", "") else port.host_ip, port.published  # noqa: S104
        wanted = f"port {target}" if target else "any port"
        raise EngineError(f"{self.name} does not publish {wanted}", f"add it to services.{self.name}.ports")


def _succeed(events: Iterator[Event]) -> Outcome:
    """Follow an execution to its end. Raises the first cause of a failure."""
    result = outcome(events)
    for failure in result.failures:
        raise failure.error
    return result

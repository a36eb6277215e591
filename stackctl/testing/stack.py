"""A stack that runs, as a test sees it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from stackctl import api
from stackctl.engine.protocol import Engine, LogLine
from stackctl.planner.reach.outside import stack_env
from stackctl.planner.reach.places import Place
from stackctl.planner.steps.actions import Action
from stackctl.planner.world import observed as seen
from stackctl.planner.world.desire import desire
from stackctl.planner.world.desired import Desired
from stackctl.planner.world.matching import instance_of
from stackctl.planner.world.naming import Naming
from stackctl.project import Project
from stackctl.spec.model import Stack
from stackctl.testing.data.console import Consoles
from stackctl.testing.names import NoSuchServiceError

if TYPE_CHECKING:
    from stackctl.testing.runs.run import Run
    from stackctl.testing.service import RunningService


@dataclass(frozen=True, kw_only=True)
class Running(Mapping[str, "RunningService"]):
    """A stack that runs, by the names of its services: `app["api"]`. Safe to share between threads."""

    stack: Stack
    engine: Engine
    timeout: float = 120.0
    """Seconds that a service may take to be ready again."""
    run: Run | None = None
    """The run it was made for; None for one that was there before."""
    reused: bool = False
    """Whether it was left by an earlier run, with the data that run left."""
    consoles: Consoles = field(default_factory=Consoles, repr=False, compare=False)

    def __repr__(self) -> str:
        return f"<stack {self.project}: {', '.join(self)}>"

    @property
    def project(self) -> str:
        """Its project's name: `stackctl -p NAME logs` shows it from outside."""
        return self.stack.project

    def __getitem__(self, service: str) -> RunningService:
        """Raises NoSuchServiceError, which is a KeyError."""
        from stackctl.testing.service import RunningService

        if service not in self.stack.everything:
            raise NoSuchServiceError(service, self.stack.everything)
        return RunningService(service, self)

    def __iter__(self) -> Iterator[str]:
        return iter(self.stack.everything)

    def __len__(self) -> int:
        return len(self.stack.everything)

    def __hash__(self) -> int:
        return hash(self.project)

    def container_name(self, service: str) -> str:
        return Naming(self.stack, "").container(service)

    def look(self, *services: str) -> tuple[Desired, seen.Observed]:
        """What should be there, of all services or of these alone, and what is.

        No service is asked anything: it may be unable to answer.
        """
        observed = self.engine.observe()
        desired = desire(
            self.stack,
            instance=instance_of(observed, self.project) or "",
            services=services,
            profiles=("*",),
            dependencies=False,
            publish_host=publish_host() or "127.0.0.1",
        )
        return desired, observed

    def containers(self) -> dict[str, seen.Container]:
        """Its containers as they are now, by service."""
        return {c.service: c for c in reversed(api.containers(self.engine, self.project))}

    def places(self) -> dict[str, Place]:
        """Where each service can be reached from here."""
        return Project(self.stack, self.engine).places()

    def env(self, prefix: str = "") -> dict[str, str]:
        """The variables with which a process on this machine reaches the stack.

        `NAME_URL`, `NAME_HOST` and `NAME_PORT` of every service, and every variable of a service that names another one,
        such as DATABASE_URL, with the addresses that hold here. `prefix` goes before each name.
        """
        return {prefix + name: value for name, value in stack_env(self.stack, self.places()).items()}

    def logs(
        self, *services: str, since: float | datetime | str | None = None, tail: int | None = None
    ) -> Iterator[LogLine]:
        """What the services wrote so far, merged by time.

        `since`: seconds since the epoch, a time, or a text as `stackctl logs --since` takes it. `tail`: lines a container.
        """
        found = api.containers(self.engine, self.project, services, self.stack.everything)
        return self.engine.logs([c.id for c in found], since=moment(since), tail=tail)

    def do(self, action: Action) -> None:
        """Have the engine do one thing. Raises EngineError."""
        self.engine.perform(action, lambda _: None)

    def close(self) -> None:
        """Hang up whatever talks to it. The stack itself stays."""
        self.consoles.close()


def publish_host() -> str | None:
    """Where ports listen that name no address: needed for an engine on another machine."""
    return os.environ.get("STACKCTL_PUBLISH_HOST")


def moment(time: float | datetime | str | None) -> str | None:
    """A time as `Engine.logs` takes it."""
    if isinstance(time, datetime):
        return f"{time.timestamp():.9f}"
    return f"{time:.9f}" if isinstance(time, float | int) else time

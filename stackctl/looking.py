"""What only looks: a stack as its files say, an engine, and what is there beside what should be. Loads nothing that acts."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from stackctl.engine.protocol import Engine, Look
from stackctl.errors import EngineError, Problem, SpecError
from stackctl.planner.reach.outside import service_env, stack_env
from stackctl.planner.reach.places import ServicePlace, places, places_of_services
from stackctl.planner.status import StatusRow, status
from stackctl.planner.view.view import View
from stackctl.planner.world.checks import unanswered
from stackctl.planner.world.containers import containers_of, running_container
from stackctl.planner.world.desire import desire
from stackctl.planner.world.desired import Desired
from stackctl.planner.world.matching import instance_of, of_project, ours
from stackctl.planner.world.observed import Observed, ObservedContainer
from stackctl.spec.lint.order import circles
from stackctl.spec.model import Stack
from stackctl.spec.selection import Selection, select
from stackctl.spec.source.reading import place, read
from stackctl.spec.source.request import StackRequest


def load(
    *files: str | Path,
    name: str | None = None,
    directory: str | Path | None = None,
    project_directory: str | Path | None = None,
    overrides: Mapping[str, Any] | None = None,
    env_files: Sequence[str | Path] = (),
    environ: Mapping[str, str] | None = None,
    services: Collection[str] = (),
    profiles: Collection[str] = (),
    dependencies: bool = True,
    strict: bool = True,
) -> Stack:
    """Read a stack and check it. Without a file, `stack.toml` is looked for in the directory and above.

    `overrides` are laid over the files, as the tables of a last one. `strict`: a variable that is not set is an error
    (else it is empty). With `services` only those of these services count and, unless `dependencies` is false, of those
    they depend on. Warnings are in `problems` of the stack.

    Raises SpecError with every mistake at once, UsageError where there is no file or no proper project name.
    """
    request = StackRequest(
        files=[Path(file) for file in files],
        directory=Path(directory or Path.cwd()),
        environ=os.environ if environ is None else environ,
        env_files=[Path(file) for file in env_files],
        selection=Selection(services=services, profiles=profiles, dependencies=dependencies),
        strict=strict,
        name=name,
        project_directory=Path(project_directory) if project_directory else None,
        overrides=overrides,
    )
    return load_requested(request)


def load_requested(request: StackRequest) -> Stack:
    """The stack of a request, checked as `load` checks it."""
    if not request.strict:
        return read(request, [_circles])
    from stackctl.spec.lint.rules import lint

    return read(request, [lint])


def connect(
    host: str | None = None,
    context: str | None = None,
    *,
    insecure: bool = False,
    waiting: Callable[[str], None] = lambda _: None,
) -> Engine:
    """The engine that `host` or a Docker context names, else the one the environment points to.

    `insecure` allows a tcp engine on another machine without TLS: whoever listens on the way owns that machine. `waiting` is
    told, once, what is waited for when the engine takes more than three seconds to answer.

    Raises EngineError, saying what to do, if none answers; UsageError for an unknown context or a tcp engine without TLS.
    """
    from stackctl.engine.transport import connect as connecting

    return connecting.connect(host, context, insecure=insecure, waiting=waiting)


def _circles(stack: Stack) -> tuple[Problem, ...]:
    """The one rule that also holds for those who only look: dependencies in a circle have no order."""
    return tuple(replace(problem, rule="SC113", severity="error") for problem in circles(stack))


class Looking:
    """A stack on an engine, to be looked at. A project of which only the name is known is a stack without services."""

    def __init__(self, stack: Stack, engine: Look) -> None:
        self.stack = stack
        self.engine = engine
        self.name = stack.project

    def look(self, selection: Selection, *, strangers: bool = True) -> tuple[Desired, Observed]:
        """What should be there and what is: the two inputs of every plan and of the status, which needs no `strangers`, the
        containers of other projects.
        """
        observed = self.engine.observe("" if strangers else self.name)
        try:
            desired = desire(
                self.stack,
                instance=instance_of(observed, self.name) or os.urandom(8).hex(),
                services=selection.services,
                profiles=selection.profiles,
                dependencies=selection.dependencies,
                publish_host=selection.publish_host
                or ("127.0.0.1" if observed.engine.shares_loopback else None),
            )
        except SpecError as error:
            raise SpecError(place(self.stack, error.problems)) from error
        return desired, replace(observed, answers=self._answers(desired, observed))

    def status(self, selection: Selection) -> tuple[StatusRow, ...]:
        """Desired beside observed: a row for each container, with what differs from the spec."""
        return status(View.of(*self.look(selection, strangers=False)))

    def containers(self, names: Collection[str] = ()) -> tuple[ObservedContainer, ...]:
        """The containers of the project, or those of the named services. Raises UsageError for a name that is none of them."""
        return containers_of(self._there(), self.name, names, self.stack.everything)

    def running_container(self, name: str) -> ObservedContainer:
        """The container to run a command in. Raises UsageError if there is none of that name, or it does not run."""
        return running_container(self._there(), self.name, name, self.stack.everything)

    def places(self) -> dict[str, ServicePlace]:
        """Where each service that runs can be reached from this machine."""
        observed = self.engine.observe(self.name)
        return places_of_services(places(of_project(observed.containers, self.name), observed.engine))

    def environment(self, service: str | None = None) -> dict[str, str]:
        """The variables with which a process on this machine reaches the stack; with a service those of its container.

        Raises UsageError for a name that is no service, EngineError if nothing of the project runs.
        """
        if service is not None:
            select(self.stack, [service], dependencies=False)
        found = self.places()
        if not found:
            raise EngineError(f"nothing of project {self.name} runs", "stackctl up starts it")
        return stack_env(self.stack, found) if service is None else service_env(service, self.stack, found)

    def _there(self) -> list[ObservedContainer]:
        """The containers of the project."""
        return of_project(self.engine.containers(self.name), self.name)

    def _answers(self, desired: Desired, observed: Observed) -> Mapping[str, str]:
        """What the checks of the running containers say, as far as that can be told from outside."""
        wanted = {want.replica: want for want in desired.containers}
        mine = [c for c in ours(observed, desired.project, desired.instance) if c.replica in wanted]
        return self.engine.answers_from_outside(
            {have.id: unanswered(wanted[have.replica], have) for have in mine}, observed
        )

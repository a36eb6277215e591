"""Start a stack for tests, and remove it again."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from stackctl import api
from stackctl.engine.execute import Cancel
from stackctl.engine.processes import is_dead
from stackctl.engine.protocol import Engine, Manage
from stackctl.errors import EngineError, PreflightError, SpecError, StackError, UsageError
from stackctl.planner.before.images import ImageOptions
from stackctl.planner.data.filling import Fill
from stackctl.planner.down import DownOptions
from stackctl.planner.runs.isolation import HostPorts, isolate
from stackctl.planner.runs.runs import replaced_images, strangers
from stackctl.planner.runs.subnets import pool_of
from stackctl.planner.steps.events import Event
from stackctl.planner.steps.outcome import succeed
from stackctl.planner.view.slots import UpOptions
from stackctl.planner.world import labels
from stackctl.planner.world.containers import of_project
from stackctl.planner.world.observed import Observed
from stackctl.real import real_files
from stackctl.spec.model import Stack
from stackctl.spec.selection import Selection
from stackctl.spec.source.reading import placing
from stackctl.testing.cleanup import Cleanup
from stackctl.testing.live_stack import publish_host
from stackctl.testing.runs.host_ports import explained, host_ports, lost_a_port, ports_there
from stackctl.testing.runs.reaping import sweep
from stackctl.testing.runs.run import Run, current
from stackctl.testing.stack import Running

LASTING: Mapping[str, str] = {labels.RUN: "lasting"}
"""The labels of a project that stays after its run: the next run uses it again."""

Begin = Callable[[Cancel], Iterator[Event]]
"""Begins to bring a stack up: the events come while it does so."""

_TRIES = 3
"""How often host ports are chosen at most: another process may take a port before the container has it."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Which stack to run, and how."""

    files: tuple[str | Path, ...] = ()
    """The stack's files. If empty: the stack.toml in the working directory or above it."""
    overrides: Mapping[str, Any] = field(default_factory=dict)
    """Tables that are laid over the files."""
    environ: Mapping[str, str] | None = None
    """Variables for `${NAME}`, instead of those of this process."""
    services: Collection[str] = ()
    profiles: Collection[str] = ()
    timeout: float = 120.0
    """Seconds for each wait."""
    build: bool = True
    """Whether to build images again, in case something has changed."""
    memory: bool = False
    """Whether known servers keep their data in memory. This is faster, but the data are lost when the container stops."""
    durable: bool = False
    """Whether known servers write their data as safely as in production. This is slower."""
    ports: str = "free"
    """`free`: free host ports. `file`: those that the file gives, and free ones where it gives none."""
    host_ports: HostPorts = field(default_factory=dict)
    """Host ports that were chosen before the start."""
    allow_external_volumes: bool = False
    allow_data_binds: bool = False
    fill: Fill | None = None
    """Data for the volumes, which are new; `lend` of `stackctl.lending` gives them."""
    publish_host: str | None = None
    """The address at which ports without an address listen; None: that of `STACKCTL_PUBLISH_HOST`."""

    def load(self) -> Stack:
        """Read the stack. Raises SpecError, UsageError.

        Only errors are told. What is probably a mistake in a stack that stays, such as data without a volume, is none here.
        """
        try:
            return api.load(
                *self.files,
                environ=self.environ,
                services=self.services,
                profiles=self.profiles,
                overrides=self.overrides,
            )
        except SpecError as error:
            raise SpecError(each for each in error.problems if each.severity == "error") from error


@dataclass(frozen=True)
class RunRequest:
    """A stack that a run asks for: the name of its project, and the labels of everything that is made.

    The labels are those of the run (the project is then removed with the run), or `LASTING`.
    """

    recipe: Recipe
    stack: Stack
    run: Run
    project: str
    marks: Mapping[str, str]

    def isolated(self, host_ports: HostPorts) -> Stack:
        """The stack as a separate project. Raises SpecError if it would change data of others."""
        recipe = self.recipe
        with placing(self.stack):
            return isolate(
                self.stack,
                self.project,
                marks=self.marks,
                subnets=pool_of(os.environ),
                host_ports=host_ports,
                file_ports=recipe.ports == "file",
                own_images=recipe.build,
                memory=recipe.memory,
                durable=recipe.durable,
                allow_external_volumes=recipe.allow_external_volumes,
                allow_data_binds=recipe.allow_data_binds,
            )


@contextmanager
def running(
    *files: str | Path,
    engine: Engine | None = None,
    environ: Mapping[str, str] | None = None,
    overrides: Mapping[str, Any] | None = None,
    services: Collection[str] = (),
    profiles: Collection[str] = (),
    timeout: float = 120.0,
    build: bool = True,
    memory: bool = False,
    durable: bool = False,
    ports: Literal["free", "file"] = "free",
    allow_external_volumes: bool = False,
    allow_data_binds: bool = False,
) -> Iterator[Running]:
    """A stack for a `with` block. It is a separate project on free host ports, and is removed at the end with its volumes.

    | argument | meaning |
    |---|---|
    | `files` | the stack's files; none: the `stack.toml` in the working directory or above it |
    | `engine` | the engine to use (default: a new one from `stackctl.connect`) |
    | `environ` | variables for `${NAME}`, instead of those of this process |
    | `overrides` | tables that are laid over the files |
    | `services`, `profiles` | the part of the stack to run (default: all that needs no profile) |
    | `timeout` | seconds that each service may take to be ready |
    | `build` | build images again, in case something has changed |
    | `memory` | known servers keep their data in memory: faster, but lost when a container stops |
    | `durable` | known servers write their data as safely as in production: slower |
    | `ports` | `file`: the host ports that the file gives; then the stack cannot run twice at the same time |
    | `allow_external_volumes` | the stack may write to volumes that it does not own |
    | `allow_data_binds` | the stack may write to directories of this machine that hold a server's data |

    Only this process removes the stack: a forked child that leaves the block does not. If this process is killed, another
    process, the reaper, removes the stack. Raises StackError if the stack does not become
    ready; then nothing is left, either.
    """
    recipe = Recipe(
        files=files,
        environ=environ,
        overrides=overrides or {},
        services=services,
        profiles=profiles,
        timeout=timeout,
        build=build,
        memory=memory,
        durable=durable,
        ports=ports,
        allow_external_volumes=allow_external_volumes,
        allow_data_binds=allow_data_binds,
    )
    with Cleanup() as cleanup:
        with real_files():
            stack = recipe.load()
            run = current()
            project = f"{stack.project}-{secrets.token_hex(3)}"
            if engine is None:
                engine = api.connect()
                cleanup.callback(engine.close)
            enter(run, engine)
            cleanup.callback(remove, engine, project, stack)
            app = start(RunRequest(recipe, stack, run, project, run.marks), engine)
        cleanup.callback(app.close)
        yield app


def enter(run: Run, engine: Engine) -> None:
    """Take part in a run. The first process of the run to do so removes what dead runs have left."""
    run.join()
    if run.comes_first("sweep"):
        sweep(engine)


def _unseen(begin: Begin) -> None:
    """Bring a stack up, and show nothing. Raises the first cause of a failure."""
    succeed(begin(Cancel()))


def _beginning(
    run: Run, stack: Stack, engine: Engine, selection: Selection, options: UpOptions, images: ImageOptions
) -> Begin:
    def begin(cancel: Cancel) -> Iterator[Event]:
        events = api.up(stack, engine, selection=selection, options=options, images=images, cancel=cancel)
        with run.starting(), closing(events):
            for event in events:
                if is_dead(run.owner):
                    cancel.set()
                yield event

    return begin


def start(request: RunRequest, engine: Engine, follow: Callable[[Begin], None] = _unseen) -> Running:
    """Bring a stack up as its project. If the project is there already, only what is missing or has changed is made. `follow` takes
    the events as they come, and raises the first cause of a failure.

    Raises UsageError if the project belongs to somebody else, StackError if it does not become ready. What was made by then
    stays.
    """
    recipe, stack, project = request.recipe, request.stack, request.project
    if request.marks != LASTING:
        request.run.guard(engine)
    options = UpOptions(wait_timeout=recipe.timeout, fill=recipe.fill)
    images = ImageOptions(build=recipe.build)
    selection = Selection(
        services=recipe.services,
        profiles=recipe.profiles,
        publish_host=recipe.publish_host or publish_host(),
    )
    file_ports = recipe.ports == "file"
    for tries in range(1, _TRIES + 1):
        observed = engine.observe()
        there = bool(of_project(observed.containers, project))
        _refuse_strangers(observed, project, request.marks)
        with host_ports(stack, observed, project, recipe.host_ports, file_ports=file_ports) as ports:
            isolated = request.isolated(ports)
            try:
                follow(_beginning(request.run, isolated, engine, selection, options, images))
            except StackError as error:
                free = {each: port for each, port in ports.items() if each not in recipe.host_ports}
                if tries == _TRIES or not lost_a_port(error, isolated, free):
                    if isinstance(error, PreflightError):
                        raise explained(error, isolated, free, file_ports=file_ports) from None
                    raise
            else:
                break
            finally:
                _remove_replaced_images(isolated, engine, observed)
    return Running(stack=isolated, engine=engine, timeout=recipe.timeout, run=request.run, reused=there)


def attach(request: RunRequest, engine: Engine) -> Running:
    """The stack that another process of the run has started."""
    isolated = request.isolated(ports_there(engine.observe(), request.project))
    return Running(stack=isolated, engine=engine, timeout=request.recipe.timeout, run=request.run)


def remove_lasting(engine: Manage, project: str, stack: Stack) -> None:
    """Remove a project that earlier runs have left. Raises UsageError if a part of it was not made by test runs."""
    _refuse_strangers(engine.observe(), project, LASTING)
    remove(engine, project, stack)


def remove(engine: Manage, project: str, stack: Stack | None = None) -> None:
    """Remove a project with its volumes. Raises StackError."""
    options = DownOptions(volumes=True, grace=1, kill=True)
    with real_files():
        succeed(api.down(project, engine, stack=stack, options=options))


def _refuse_strangers(observed: Observed, project: str, marks: Mapping[str, str]) -> None:
    if found := strangers(observed, project, marks[labels.RUN]):
        raise UsageError(
            f"there is a project {project} already, which a test run would change and remove: {', '.join(found)}",
            "choose another name, or use it as it is: --stack-external",
        )


def _remove_replaced_images(stack: Stack, engine: Manage, before: Observed) -> None:
    """Remove the images that have lost their tags to the images that were just built. An image that is in use stays."""
    if not any(service.build for service in stack.everything.values()):
        return
    with suppress(EngineError):
        for action in replaced_images(stack, before, engine.observe()):
            engine.perform(action, lambda _: None)

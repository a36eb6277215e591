"""The verbs as functions, the public face of `project.Project`.

stack = stackctl.load("stack.toml")
engine = stackctl.connect()
for event in stackctl.up(stack, engine): ...
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from stackctl.engine.execute import Cancel
from stackctl.engine.protocol import Engine
from stackctl.errors import PreflightError, SpecError, StackError
from stackctl.planner.down import DownOptions, LostVolume, lost_volumes
from stackctl.planner.status import Row
from stackctl.planner.steps.events import Event
from stackctl.planner.steps.plan import Plan
from stackctl.planner.up.images import ImageOptions
from stackctl.planner.up.planning import UpPlan
from stackctl.planner.up.slots import UpOptions
from stackctl.planner.world.containers import containers_of
from stackctl.planner.world.matching import instance_of
from stackctl.planner.world.observed import Container
from stackctl.project import Project, Waiting
from stackctl.spec.lint import lint
from stackctl.spec.model import Stack
from stackctl.spec.selection import Selection
from stackctl.spec.source.reading import Request, read

_NEEDED_BY_ALL = ("SC113",)
"""The rules that also hold for those who only look: dependencies in a circle have no order."""


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
    request = Request(
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
    return read(request, [lint if strict else partial(lint, only=_NEEDED_BY_ALL)])


def connect(host: str | None = None, context: str | None = None, *, insecure: bool = False) -> Engine:
    """The engine that `host` or a Docker context names, else the one the environment points to.

    `insecure` allows a tcp engine on another machine without TLS: whoever listens on the way owns that machine.

    Raises EngineError, saying what to do, if none answers; UsageError for an unknown context or a tcp engine without TLS.
    """
    from stackctl.engine.transport import connect as connecting

    return connecting.connect(host, context, insecure=insecure)


def plan(
    stack: Stack,
    engine: Engine,
    *,
    selection: Selection | None = None,
    options: UpOptions | None = None,
    images: ImageOptions | None = None,
) -> Plan:
    """What `up` would do, as one plan; `execute` does it. Makes no call that writes.

    Raises PreflightError with every reason why it would fail.
    """
    return Project(stack, engine).plan(
        selection or Selection(), options or UpOptions(), images or ImageOptions()
    )


def execute(
    plan: Plan,
    engine: Engine,
    *,
    cancel: Cancel | None = None,
    lock_timeout: float = 60.0,
    waiting: Waiting | None = None,
) -> Iterator[Event]:
    """Do a plan, in parallel where its order allows, and tell what happens. Nothing happens before the first event is asked for.

    A plan of `up` that pulls or builds is planned again once the images are here, as `up` does: only then is known what they
    bring along. Raises LockedError (another run), PreflightError, EngineError. What fails later is an event.
    """
    stack = plan.stack if isinstance(plan, UpPlan) else Stack(project=plan.project)
    return Project(stack, engine, lock_timeout=lock_timeout, waiting=waiting).execute(plan, cancel=cancel)


def up(
    stack: Stack,
    engine: Engine,
    *,
    selection: Selection | None = None,
    options: UpOptions | None = None,
    images: ImageOptions | None = None,
    cancel: Cancel | None = None,
    lock_timeout: float = 60.0,
    waiting: Waiting | None = None,
) -> Iterator[Event]:
    """Bring a stack up: first the images, then, from a second look, everything else; returns when all is ready.

    `waiting` is told who holds the project while this run waits for it, `lock_timeout` seconds at most.

    Raises PreflightError before anything was changed, LockedError (another run), EngineError. What fails later is an event.
    """
    project = Project(stack, engine, lock_timeout=lock_timeout, waiting=waiting)
    return project.up(
        selection or Selection(), options or UpOptions(), images or ImageOptions(), cancel=cancel
    )


def down(
    project: str,
    engine: Engine,
    *,
    stack: Stack | None = None,
    options: DownOptions | None = None,
    cancel: Cancel | None = None,
    lock_timeout: float = 60.0,
    waiting: Waiting | None = None,
    confirm: Callable[[Plan], bool] = lambda _: True,
) -> Iterator[Event]:
    """Take a project away. Its volumes stay unless the options say otherwise; without the stack its labels are enough.

    `confirm` is asked with the plan before anything is done; False does nothing.

    Raises PreflightError if the project was started from another directory, unless `adopt` is among the options.
    """
    stack = replace(stack or Stack(), project=project)
    target = Project(stack, engine, lock_timeout=lock_timeout, waiting=waiting)
    return target.down(options or DownOptions(), cancel=cancel, confirm=confirm)


def doomed(plan: Plan, engine: Engine) -> tuple[LostVolume, ...]:
    """The volumes that a plan removes, with what a person has to know before agreeing."""
    return lost_volumes(plan, engine.observe(), engine.volume_sizes()) if plan.loses_data else ()


def status(stack: Stack, engine: Engine, selection: Selection | None = None) -> tuple[Row, ...]:
    """Desired beside observed: one row a service, with what drifted from the spec."""
    return Project(stack, engine).status(selection or Selection())


def containers(
    engine: Engine, project: str, names: Collection[str] = (), known: Collection[str] = ()
) -> tuple[Container, ...]:
    """The containers of a project, or those of the named services. Raises UsageError for a name that is none of them."""
    observed = engine.observe()
    return containers_of(observed, project, instance_of(observed, project), names, known)


__all__ = [
    "Cancel",
    "DownOptions",
    "ImageOptions",
    "PreflightError",
    "Selection",
    "SpecError",
    "StackError",
    "UpOptions",
    "connect",
    "containers",
    "doomed",
    "down",
    "execute",
    "load",
    "plan",
    "status",
    "up",
]

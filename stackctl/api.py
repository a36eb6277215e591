"""The verbs as functions, the public face of `project.Project`.

stack = stackctl.load("stack.toml")
engine = stackctl.connect()
for event in stackctl.up(stack, engine): ...
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from msgspec.structs import replace

from stackctl.engine.execute import Cancel
from stackctl.engine.protocol import Look, Manage
from stackctl.errors import PreflightError, SpecError, StackError
from stackctl.looking import Looking, connect, load
from stackctl.planner.before.images import ImageOptions
from stackctl.planner.down import DownOptions, LostVolume, lost_volumes
from stackctl.planner.status import StatusRow
from stackctl.planner.steps.events import Event
from stackctl.planner.steps.plan import Plan
from stackctl.planner.up.planning import UpPlan
from stackctl.planner.view.slots import UpOptions
from stackctl.planner.world.containers import containers_of
from stackctl.planner.world.matching import of_project
from stackctl.planner.world.observed import ObservedContainer
from stackctl.project import Project, Waiting
from stackctl.spec.model import Stack
from stackctl.spec.selection import Selection


def plan(
    stack: Stack,
    engine: Manage,
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
    engine: Manage,
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
    engine: Manage,
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
    engine: Manage,
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


def doomed(plan: Plan, engine: Look) -> tuple[LostVolume, ...]:
    """The volumes that a plan removes, with what a person has to know before agreeing."""
    return lost_volumes(plan, engine.observe(), engine.volume_sizes()) if plan.loses_data else ()


def status(stack: Stack, engine: Look, selection: Selection | None = None) -> tuple[StatusRow, ...]:
    """Desired beside observed: one row a service, with what drifted from the spec."""
    return Looking(stack, engine).status(selection or Selection())


def containers(
    engine: Look, project: str, names: Collection[str] = (), known: Collection[str] = ()
) -> tuple[ObservedContainer, ...]:
    """The containers of a project, or those of the named services. Raises UsageError for a name that is none of them."""
    return containers_of(of_project(engine.containers(project), project), project, names, known)


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

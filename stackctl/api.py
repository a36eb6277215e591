"""The public functions. Each is a verb of `project.Project`.

stack = stackctl.load("stack.toml")
engine = stackctl.connect()
for event in stackctl.up(stack, engine): ...
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from stackctl.comparing import Comparing
from stackctl.engine.execute import Cancel
from stackctl.engine.protocol import Engine, ExecResult, Look, Manage
from stackctl.errors import EngineError, PreflightError, SpecError, StackError
from stackctl.looking import connect, load
from stackctl.planner.before.images import ImageOptions
from stackctl.planner.down import DownOptions, LostVolume, lost_volumes
from stackctl.planner.life.options import RemoveOptions, RunOptions, StartOptions
from stackctl.planner.status import StatusRow
from stackctl.planner.steps.events import Event
from stackctl.planner.steps.outcome import succeed
from stackctl.planner.steps.plan import Plan
from stackctl.planner.up.planning import UpPlan
from stackctl.planner.view.slots import UpOptions
from stackctl.planner.world.containers import containers_of, of_project
from stackctl.planner.world.observed import ObservedContainer
from stackctl.project import Project, Waiting
from stackctl.spec.model import Stack
from stackctl.spec.selection import Selection

if TYPE_CHECKING:
    from stackctl.operating import Operating
    from stackctl.planner.swarm.planning import DeployOptions


def plan(
    stack: Stack,
    engine: Manage,
    *,
    selection: Selection | None = None,
    options: UpOptions | None = None,
    images: ImageOptions | None = None,
) -> Plan:
    """The plan of what `up` would do; `execute` does it. Makes no call that writes.

    `selection` is the part of the stack (default: all that needs no profile). Raises PreflightError with every reason why
    `up` would fail, and EngineError.
    """
    return Project(stack, engine).plan(
        selection or Selection(), options or UpOptions(), images or ImageOptions()
    )


def isolated(stack: Stack, engine: Look) -> Stack:
    """The stack of this checkout alone, as `--isolated` means it: beside the stacks of other checkouts, with a project, names and host
    ports of its own, which stay the same. `load` does not read the key `checkouts` in this way by itself.

    Raises SpecError for data that two checkouts would share, EngineError.
    """
    from stackctl.checkouts import isolated as of_checkout  # few stacks are isolated

    return of_checkout(stack, engine)


def execute(
    plan: Plan,
    engine: Manage,
    *,
    cancel: Cancel | None = None,
    lock_timeout: float = 60.0,
    waiting: Waiting | None = None,
) -> Iterator[Event]:
    """Do a plan, and yield an event for everything that happens. Steps run in parallel if their order allows it. Nothing is
    done before the first event is asked for.

    A plan of `up` that pulls or builds images is planned again once the images are here: only then is it known what
    containers inherit from them. `cancel` stops the run: no new step begins. The lock of the project is waited for, at most
    `lock_timeout` seconds; `waiting` is called with words about the run that holds it.

    Raises LockedError if another run holds the project, PreflightError, EngineError. A step that fails is an event.
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
) -> Generator[Event, None, None]:
    """Bring a stack up: first the images, then, planned after a second look, everything else. The last event comes when all is
    ready.

    `cancel`, `lock_timeout` (seconds) and `waiting` are as for `execute`. Raises PreflightError before anything is changed,
    LockedError if another run holds the project, EngineError. A step that fails is an event.
    """
    kind: type[Project] = Project
    if options and options.fill:
        from stackctl.snapshots import Snapshots  # few runs bring data along

        kind = Snapshots
    project = kind(stack, engine, lock_timeout=lock_timeout, waiting=waiting)
    return project.up(
        selection or Selection(), options or UpOptions(), images or ImageOptions(), cancel=cancel
    )


def deploy(
    stack: Stack,
    engine: Manage,
    *,
    selection: Selection | None = None,
    options: DeployOptions | None = None,
    cancel: Cancel | None = None,
    lock_timeout: float = 60.0,
    waiting: Waiting | None = None,
) -> Iterator[Event]:
    """Run a stack on the Docker Swarm that the engine manages. The last event comes when all has converged.

    `cancel`, `lock_timeout` (seconds) and `waiting` are as for `execute`. Raises PreflightError, with everything that the Swarm cannot
    do, before anything is changed; LockedError if another run on this machine holds the project, EngineError. A step that fails is an
    event; its error is a `RolledBackError` if a service went back to what it was before.
    """
    from stackctl.deploying import Deploying  # `up` does not need it

    deploying = Deploying(stack, engine, lock_timeout=lock_timeout, waiting=waiting)
    return deploying.deploy(selection or Selection(), options, cancel=cancel)


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
    """Remove a project. Its volumes stay, unless the options say otherwise. Labels tell what belongs to the project; the stack
    only adds the order.

    `confirm` gets the plan before anything is done; if it returns False, nothing is done. `cancel`, `lock_timeout` (seconds)
    and `waiting` are as for `execute`. Raises PreflightError if the project was started from another directory (unless the
    options have `adopt`), LockedError, EngineError. A step that fails is an event.
    """
    stack = replace(stack or Stack(), project=project)
    target = Project(stack, engine, lock_timeout=lock_timeout, waiting=waiting)
    return target.down(options or DownOptions(), cancel=cancel, confirm=confirm)


def stop(
    project: str,
    engine: Manage,
    services: Collection[str] = (),
    *,
    stack: Stack | None = None,
    grace: int | None = None,
    cancel: Cancel | None = None,
    lock_timeout: float = 60.0,
    waiting: Waiting | None = None,
) -> Iterator[Event]:
    """Stop the containers of the named services, or all but one-offs, and keep them. The stack adds the order and the seconds
    that each has to stop (`grace` for all).

    Other arguments and errors are those of `down`. Raises UsageError for an unknown name.
    """
    target = _operating(project, engine, stack, lock_timeout, waiting)
    return target.stop(services, grace=grace, cancel=cancel)


def start(
    stack: Stack,
    engine: Manage,
    *,
    selection: Selection | None = None,
    options: StartOptions | None = None,
    cancel: Cancel | None = None,
    lock_timeout: float = 60.0,
    waiting: Waiting | None = None,
) -> Iterator[Event]:
    """Start containers that are there, dependencies first, and wait until they are ready. None is made. Of the `selection` only
    `publish_host` counts.

    Other arguments and errors are those of `up`. Raises UsageError for an unknown service, EngineError if there is no container.
    """
    target = _operating(stack.project, engine, stack, lock_timeout, waiting)
    return target.start(options or StartOptions(), selection, cancel=cancel)


def restart(
    stack: Stack,
    engine: Manage,
    *,
    selection: Selection | None = None,
    options: StartOptions | None = None,
    cancel: Cancel | None = None,
    lock_timeout: float = 60.0,
    waiting: Waiting | None = None,
) -> Iterator[Event]:
    """Stop containers and start the same containers again, in order, and wait until they are ready. Arguments and errors are
    those of `start`, but nothing to restart is no error. `up` with `UpOptions(restart=…)` also applies what has changed.
    """
    target = _operating(stack.project, engine, stack, lock_timeout, waiting)
    return target.restart(options or StartOptions(), selection, cancel=cancel)


def kill(
    project: str,
    engine: Manage,
    services: Collection[str] = (),
    *,
    signal: str = "SIGKILL",
    stack: Stack | None = None,
    cancel: Cancel | None = None,
    lock_timeout: float = 60.0,
    waiting: Waiting | None = None,
) -> Iterator[Event]:
    """Send a signal to the containers of the named services, or to all but one-offs. Arguments and errors are those of `stop`."""
    target = _operating(project, engine, stack, lock_timeout, waiting)
    return target.kill(services, signal=signal, cancel=cancel)


def pause(
    project: str,
    engine: Manage,
    services: Collection[str] = (),
    *,
    stack: Stack | None = None,
    cancel: Cancel | None = None,
    lock_timeout: float = 60.0,
    waiting: Waiting | None = None,
) -> Iterator[Event]:
    """Freeze the containers of the named services, or all that run but one-offs. Arguments and errors are those of `stop`."""
    return _operating(project, engine, stack, lock_timeout, waiting).pause(services, cancel=cancel)


def unpause(
    project: str,
    engine: Manage,
    services: Collection[str] = (),
    *,
    stack: Stack | None = None,
    cancel: Cancel | None = None,
    lock_timeout: float = 60.0,
    waiting: Waiting | None = None,
) -> Iterator[Event]:
    """Let paused containers go on. Arguments and errors are those of `stop`."""
    return _operating(project, engine, stack, lock_timeout, waiting).unpause(services, cancel=cancel)


def remove(
    project: str,
    engine: Manage,
    services: Collection[str] = (),
    *,
    options: RemoveOptions | None = None,
    stack: Stack | None = None,
    cancel: Cancel | None = None,
    lock_timeout: float = 60.0,
    waiting: Waiting | None = None,
    confirm: Callable[[Plan], bool] = lambda _: True,
) -> Iterator[Event]:
    """Remove containers that do not run; networks and named volumes stay. Arguments and errors are those of `down` and `stop`."""
    target = _operating(project, engine, stack, lock_timeout, waiting)
    return target.remove(services, options, cancel=cancel, confirm=confirm)


def _operating(
    project: str, engine: Manage, stack: Stack | None, lock_timeout: float, waiting: Waiting | None
) -> Operating:
    from stackctl.operating import Operating  # `up` does not need it

    stack = replace(stack or Stack(), project=project)
    return Operating(stack, engine, lock_timeout=lock_timeout, waiting=waiting)


def wait(
    engine: Engine, project: str, names: Collection[str] = (), known: Collection[str] = ()
) -> Iterator[tuple[ObservedContainer, int]]:
    """The containers of services, or all but one-offs, each with its exit code when it ends; at once if it has ended. A
    container that has never run is left out. Names are as for `containers`. Raises UsageError, EngineError if nothing is to be
    waited for.
    """
    from stackctl.planner.life.acts import meant  # `up` does not need it

    mine = of_project(engine.containers(project), project)
    found = {c.id: c for c in meant(mine, project, names, known) if c.state != "created"}
    if not found:
        what = ", ".join(names) or f"project {project}"
        raise EngineError(f"{what} has no container to wait for", "stackctl up starts it")
    return ((found[id_], code) for id_, code in engine.wait([*found]))


def run(
    stack: Stack,
    engine: Engine,
    service: str,
    command: Sequence[str] | None = None,
    *,
    options: RunOptions | None = None,
    selection: Selection | None = None,
    images: ImageOptions | None = None,
    cancel: Cancel | None = None,
    lock_timeout: float = 60.0,
    waiting: Waiting | None = None,
) -> ExecResult:
    """Run a command in a new container of a service or job, without input and without a terminal, and return its exit code and
    output. What the service depends on is brought up first, and waited for. `command` wins over that of the options; None is the
    service's own.

    Without options the container is removed afterwards; with them only if `remove` says so. Raises the first cause if the
    container cannot be made or started; other errors are those of `up`, and UsageError for an unknown service.
    """
    from stackctl.one_off import OneOff  # `up` does not need it

    given = options or RunOptions(remove=True)
    argv = given.command if command is None else tuple(command)
    kept = replace(given, command=argv, remove=False, detach=False, tty=False, stdin=False)
    target = OneOff(stack, engine, service, kept, lock_timeout=lock_timeout, waiting=waiting)
    succeed(target.prepare(selection, None, images, cancel=cancel))
    try:
        return target.collect()
    finally:
        if given.remove:
            target.discard()


def doomed(plan: Plan, engine: Look) -> tuple[LostVolume, ...]:
    """The volumes that a plan removes, with what a person must know before they agree."""
    return lost_volumes(plan, engine.observe(), engine.volume_sizes()) if plan.loses_data else ()


def status(stack: Stack, engine: Look, selection: Selection | None = None) -> tuple[StatusRow, ...]:
    """Compare what should be with what is: a row for each container, with everything that differs from the file.

    Raises UsageError for an unknown service, SpecError for a selection that cannot work, EngineError.
    """
    return Comparing(stack, engine).status(selection or Selection())


def containers(
    engine: Look, project: str, names: Collection[str] = (), known: Collection[str] = ()
) -> tuple[ObservedContainer, ...]:
    """The containers of a project, or only those of the services `names`. `known` are names that are no mistake even if they
    have no container. Raises UsageError for any other name, EngineError.
    """
    return containers_of(of_project(engine.containers(project), project), project, names, known)


__all__ = [
    "Cancel",
    "DownOptions",
    "ImageOptions",
    "PreflightError",
    "RemoveOptions",
    "RunOptions",
    "Selection",
    "SpecError",
    "StackError",
    "StartOptions",
    "UpOptions",
    "connect",
    "containers",
    "deploy",
    "doomed",
    "down",
    "execute",
    "isolated",
    "kill",
    "load",
    "pause",
    "plan",
    "remove",
    "restart",
    "run",
    "start",
    "status",
    "stop",
    "unpause",
    "up",
    "wait",
]

"""The verbs as functions. The command line and the tests' fixtures are made of these.

stack = stackctl.load("stack.toml")
engine = stackctl.connect()
for event in stackctl.up(stack, engine): ...
"""

from __future__ import annotations

import os
import secrets
import sys
import time
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from stackctl.engine.confirm import confirmed
from stackctl.engine.execute import Cancel
from stackctl.engine.execute import execute as _execute
from stackctl.engine.lock import lock
from stackctl.engine.protocol import Engine
from stackctl.errors import EngineError, PreflightError, Problem, SpecError, StackError
from stackctl.planner import status as _status
from stackctl.planner.down import DownOptions, LostVolume, lost_volumes, plan_down, spared
from stackctl.planner.reach.outside import service_env, stack_env
from stackctl.planner.reach.places import Place, places
from stackctl.planner.steps.events import Event, Planned
from stackctl.planner.steps.outcome import outcome
from stackctl.planner.steps.plan import Plan
from stackctl.planner.up import images as image_plans
from stackctl.planner.up.images import ImageOptions, plan_images
from stackctl.planner.up.planning import plan_up
from stackctl.planner.up.preflight import (
    HostFacts,
    other_directory,
    preflight,
    questions,
    waits_without_check,
)
from stackctl.planner.up.slots import UpOptions
from stackctl.planner.up.view import View
from stackctl.planner.up.waits import unanswered
from stackctl.planner.world import containers as find
from stackctl.planner.world.containers import other_source
from stackctl.planner.world.desire import desire
from stackctl.planner.world.desired import Desired
from stackctl.planner.world.matching import instance_of, of_project, ours
from stackctl.planner.world.naming import Naming
from stackctl.planner.world.observed import Container, Observed
from stackctl.planner.world.selection import dependencies_of, select
from stackctl.spec.lint import lint
from stackctl.spec.model import Stack
from stackctl.spec.source import reading as spec_files

_NEEDED_BY_ALL = ("SC113",)
"""The rules that also hold for those who only look: dependencies in a circle have no order."""


class Selection(Struct, frozen=True, kw_only=True):
    """Which part of a stack is meant: some services and what they depend on, or all that the profiles enable.

    `publish_host` is the address for ports that name none; None: 127.0.0.1, if the engine runs on this machine.
    """

    services: Collection[str] = ()
    profiles: Collection[str] = ()
    dependencies: bool = True
    publish_host: str | None = None


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
    strict: bool = True,
) -> Stack:
    """Read a stack and check it. Without a file, `stack.toml` is looked for in the directory and above.

    `overrides` are laid over the files, as the tables of a last one. `strict`: a variable that is not set is an error
    (else it is empty). Warnings are in `problems` of the stack.

    Raises SpecError with every mistake at once, UsageError where there is no file or no proper project name.
    """
    return spec_files.read(
        [Path(file) for file in files] or None,
        directory=Path(directory or Path.cwd()),
        environ=os.environ if environ is None else environ,
        env_files=[Path(file) for file in env_files],
        profiles=profiles,
        services=services or None,
        strict=strict,
        name=name,
        project_directory=Path(project_directory) if project_directory else None,
        overrides=overrides,
        checks=[lint if strict else partial(lint, only=_NEEDED_BY_ALL)],
    )


def connect(host: str | None = None, context: str | None = None, *, insecure: bool = False) -> Engine:
    """The engine that `host` or a Docker context names, else the one the environment points to.

    `insecure` allows a tcp engine on another machine without TLS: whoever listens on the way owns that machine.

    Raises EngineError, saying what to do, if none answers; UsageError for an unknown context or a tcp engine without TLS.
    """
    from stackctl.engine.transport import connect as connecting

    return connecting.connect(host, context, insecure=insecure)


def look(stack: Stack, engine: Engine, selection: Selection | None = None) -> tuple[Desired, Observed]:
    """What should be there and what is: the two inputs of every plan and of the status."""
    selection = selection or Selection()
    observed = engine.observe()
    try:
        desired = desire(
            stack,
            instance=instance_of(observed, stack.project) or secrets.token_hex(8),
            services=selection.services,
            profiles=selection.profiles,
            dependencies=selection.dependencies,
            publish_host=selection.publish_host or ("127.0.0.1" if observed.engine.local else None),
        )
    except SpecError as error:
        raise SpecError(spec_files.place(stack, error.problems)) from error
    return desired, replace(observed, answers=_glance(engine, desired, observed))


def plan(
    stack: Stack,
    engine: Engine,
    *,
    selection: Selection | None = None,
    options: UpOptions | None = None,
    images: ImageOptions | None = None,
) -> Plan:
    """What `up` would do, as one plan. Makes no call that writes.

    Raises PreflightError with every reason why it would fail.
    """
    view = View.of(*look(stack, engine, selection), options)
    _preflight(stack, view, images)
    return plan_up(_look_closer(engine, view), plan_images(view.desired, view.observed, images))


def execute(
    plan: Plan, engine: Engine, *, cancel: Cancel | None = None, began: float | None = None
) -> Generator[Event, None, None]:
    """Do a plan, in parallel where its order allows, and tell what happens. Nothing happens before the first event is asked for."""
    start = time.monotonic() if began is None else began
    yield Planned(plan, time.monotonic() - start)
    yield from _execute(plan, engine.perform, cancel=cancel, began=start)


def up(
    stack: Stack,
    engine: Engine,
    *,
    selection: Selection | None = None,
    options: UpOptions | None = None,
    images: ImageOptions | None = None,
    cancel: Cancel | None = None,
    lock_timeout: float = 60.0,
    waiting: Callable[[str], None] | None = None,
) -> Iterator[Event]:
    """Bring a stack up: first the images, then, from a second look, everything else; returns when all is ready.

    `waiting` is told who holds the project while this run waits for it, `lock_timeout` seconds at most.

    Raises PreflightError before anything was changed, LockedError (another run), EngineError. What fails later is an event.
    """
    began = time.monotonic()
    with _locked(engine, stack.project, lock_timeout, waiting):
        view = View.of(*look(stack, engine, selection), options)
        _preflight(stack, view, images)
        image_plan = plan_images(view.desired, view.observed, images)
        if image_plan.steps:
            failed = False
            for event in execute(image_plan, engine, cancel=cancel, began=began):
                failed = failed or bool(outcome([event]).exit_code)
                yield event
            if failed:
                return
            view = View.of(*look(stack, engine, selection), options)
        view = _look_closer(engine, view)
        if problems := waits_without_check(view):
            raise PreflightError(spec_files.place(stack, problems))
        events = execute(plan_up(view), engine, cancel=cancel, began=began)
        yield from confirmed(events, view.desired, engine, cancel=cancel, began=began)


def down(
    project: str,
    engine: Engine,
    *,
    stack: Stack | None = None,
    options: DownOptions | None = None,
    cancel: Cancel | None = None,
    lock_timeout: float = 60.0,
    waiting: Callable[[str], None] | None = None,
    confirm: Callable[[Plan], bool] = lambda _: True,
) -> Iterator[Event]:
    """Take a project away. Its volumes stay unless the options say otherwise; without the stack its labels are enough.

    `confirm` is asked with the plan before anything is done; False does nothing.

    Raises PreflightError if the project was started from another directory, unless `adopt` is among the options.
    """
    began = time.monotonic()
    with _locked(engine, project, lock_timeout, waiting):
        plan = down_plan(project, engine, stack=stack, options=options)
        if confirm(plan):
            yield from execute(plan, engine, cancel=cancel, began=began)


def down_plan(
    project: str, engine: Engine, *, stack: Stack | None = None, options: DownOptions | None = None
) -> Plan:
    """What `down` would do."""
    options = options or DownOptions()
    observed = engine.observe()
    source = Naming(stack, "").source if stack else options.source
    other = other_source((c.source for c in of_project(observed, project)), source) if source else None
    if other and not options.adopt:
        raise _elsewhere(
            project,
            other,
            source,
            "run it there, name another project (-p), or --adopt to take that one away",
        )
    services = stack.everything if stack else {}
    return plan_down(
        project,
        instance_of(observed, project) or "",
        observed,
        options,
        dependencies={name: tuple(dependencies_of(service)) for name, service in services.items()},
        graces={
            name: s.stop_grace_period.whole_seconds for name, s in services.items() if s.stop_grace_period
        },
        spared=spared(stack) if stack else {},
    )


def doomed(plan: Plan, engine: Engine) -> tuple[LostVolume, ...]:
    """The volumes that a plan removes, with what a person has to know before agreeing."""
    return lost_volumes(plan, engine.observe(), engine.volume_sizes()) if plan.loses_data else ()


def status(stack: Stack, engine: Engine, selection: Selection | None = None) -> tuple[_status.Row, ...]:
    """Desired beside observed: one row a service, with what drifted from the spec."""
    return _status.status(View.of(*look(stack, engine, selection)))


def containers(
    engine: Engine, project: str, names: Collection[str] = (), known: Collection[str] = ()
) -> tuple[Container, ...]:
    """The containers of a project, or those of the named services. Raises UsageError for a name that is none of them."""
    observed = engine.observe()
    return find.containers_of(observed, project, instance_of(observed, project), names, known)


def reachable(engine: Engine, project: str) -> dict[str, Place]:
    """Where each service of a project that runs can be reached from this machine."""
    observed = engine.observe()
    return places(of_project(observed, project), observed.engine)


def environment(stack: Stack, engine: Engine, service: str | None = None) -> dict[str, str]:
    """The variables with which a process on this machine reaches the stack; with a service those of its container.

    Raises UsageError for a name that is no service, EngineError if nothing of the project runs.
    """
    if service is not None:
        select(stack, [service], dependencies=False)
    found = reachable(engine, stack.project)
    if not found:
        raise EngineError(f"nothing of project {stack.project} runs", "stackctl up starts it")
    return stack_env(stack, found) if service is None else service_env(service, stack, found)


def running_container(engine: Engine, project: str, name: str, known: Collection[str] = ()) -> Container:
    """The container to run a command in. Raises UsageError if there is none of that name, or it does not run."""
    observed = engine.observe()
    return find.running_container(observed, project, instance_of(observed, project), name, known)


@contextmanager
def _locked(
    engine: Engine, project: str, timeout: float, waiting: Callable[[str], None] | None
) -> Iterator[None]:
    with lock(engine.id, project, timeout=timeout, command=" ".join(sys.argv[:3]), waiting=waiting):
        yield


def _look_closer(engine: Engine, view: View) -> View:
    """The view with what the images bring along, for the containers that may be created."""
    refs = image_plans.images_to_look_into(view)
    return view.with_configs(engine.look_into(refs)) if refs else view


def _glance(engine: Engine, desired: Desired, observed: Observed) -> Mapping[str, str]:
    """What the checks of the running containers say, as far as that can be told from outside."""
    wanted = {want.service: want for want in desired.containers}
    mine = [c for c in ours(observed, desired.project, desired.instance) if c.service in wanted]
    return engine.glance({have.id: unanswered(wanted[have.service], have) for have in mine}, observed)


def _preflight(stack: Stack, view: View, images: ImageOptions | None) -> None:
    """Raise PreflightError with everything that stands in the way. Paths and processes are looked at where we share a host."""
    desired, observed = view.desired, view.observed
    other = other_directory(desired, observed)
    if other and not view.options.adopt:
        hint = "choose another name (-p or name), take that one down, or --adopt its containers (they are recreated)"
        raise _elsewhere(desired.project, other, desired.source, hint)
    facts = HostFacts()
    if observed.engine.local:
        from stackctl.engine.host import look as look_at_host

        asked = questions(view)
        facts = look_at_host(asked.bindings, asked.paths)
    problems = preflight(view, facts, images)
    if problems:
        raise PreflightError(spec_files.place(stack, problems))


def _elsewhere(project: str, other: str, source: str, hint: str) -> PreflightError:
    message = f"project {project} is already running from {other}; this is {source}"
    return PreflightError([Problem(("name",), message, hint)])


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
    "down_plan",
    "environment",
    "execute",
    "load",
    "look",
    "plan",
    "status",
    "up",
]

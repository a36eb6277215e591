"""Stories for the golden plans: stacks, runs that are cut short, and what people do by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from msgspec.structs import replace
from plan_world import World

from stackctl.planner.steps.actions import (
    Action,
    ConnectNetwork,
    CreateContainer,
    CreateNetwork,
    CreateVolume,
    subject,
)
from stackctl.planner.steps.plan import Plan
from stackctl.planner.world import labels
from stackctl.planner.world.desired import (
    Attachment,
    DesiredContainer,
    DesiredNetwork,
    DesiredVolume,
)
from stackctl.planner.world.observed import Observed

A = TypeVar("A", bound=Action)

LESSON = """\
[services.postgres]
image = "db:1"
environment = { POSTGRES_PASSWORD = "secret" }
volumes = ["pgdata:/var/lib/postgresql/data"]
healthcheck = { tcp = 5432 }

[services.redis]
image = "redis:7"

[services.api]
image = "app:1"
ports = ["8000:8000"]
depends_on = ["postgres", "redis"]
healthcheck = { http = ":8000/health" }

[volumes.pgdata]
"""

WEB = """\
[services.web]
image = "app:1"
restart = "always"
"""
WEB_CHANGED = WEB + 'environment = { LOG = "debug" }\n'


def lines(plan: Plan) -> list[str]:
    """The plan as it prints itself."""
    return str(plan).splitlines()


def killed(first: str, then: str, steps: int) -> World:
    """An engine on which `first` ran, until an `up` of `then` began, which was killed after so many steps."""
    world = World().up(first)
    world.do(world.plan(then).steps[:steps])
    return world


def do(world: World, *actions: Action) -> World:
    """What somebody does without this project's stackctl."""
    for action in actions:
        world.engine.perform(action, lambda _: None)
    return world


def changed(observed: Observed, name: str, /, **fields: Any) -> Observed:
    """The snapshot with other fields of the container of that name."""
    assert name in {c.name for c in observed.containers}
    return replace(
        observed,
        containers=tuple(replace(c, **fields) if c.name == name else c for c in observed.containers),
    )


def labelled(key: str, project: str = "shop", instance: str = "i", **more: str) -> Mapping[str, str]:
    """The labels of something that stackctl made; `more` by the last part of their name."""
    own = {labels.PREFIX + name: value for name, value in more.items()}
    return {labels.PROJECT: project, labels.INSTANCE: instance, labels.SERVICE: key, **own}


def container(name: str, **fields: Any) -> Action:
    """`docker create --name NAME app:1`; the fields are those of a desired container."""
    given = {"service": name, "image": "app:1", **fields}
    return CreateContainer(DesiredContainer(name=name, **given), name)


def network(name: str, **fields: Any) -> Action:
    return CreateNetwork(DesiredNetwork(key=name, name=name, **fields))


def volume(name: str, **fields: Any) -> Action:
    return CreateVolume(DesiredVolume(key=name, name=name, **fields))


def connect(name: str, to: str) -> Action:
    return ConnectNetwork(name, Attachment(to), name)


def acts(actions: Iterable[Action]) -> list[str]:
    """Actions in words, without their reasons."""
    return [f"{type(action).__name__} {subject(action)}" for action in actions]


def first(plan: Plan, act: str) -> set[str]:
    """What must have been done before this, in the words of `acts`."""
    steps = {step.id: step for step in plan.steps}
    pending = [step for step in plan.steps if act in acts([step.action])]
    assert len(pending) == 1, act
    found: set[str] = set()
    while pending:
        before = [steps[id_] for id_ in pending.pop().after]
        found |= set(acts(step.action for step in before))
        pending += before
    return found


def performed(plan: Plan, kind: type[A]) -> list[A]:
    """The plan's actions of one kind."""
    return [step.action for step in plan.steps if isinstance(step.action, kind)]

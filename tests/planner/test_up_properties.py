"""What holds for every stack, every history of changes, every moment of being killed, and every order of execution."""

from __future__ import annotations

import random
from collections.abc import Collection
from contextlib import suppress
from typing import Any

from faulty_engine import FOREIGN, is_anonymous, of_others
from hypothesis import HealthCheck, Phase, event, example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from plan_world import INSTANCE, Behaviour, World, desired, plan_up, status
from project_state import state
from random_stacks import NAMES, stacks, toml

from stackctl.engine.memory.container import course_of
from stackctl.errors import EngineError
from stackctl.planner.before.preflight import preflight
from stackctl.planner.steps.actions import CreateContainer, RemoveVolume, StartContainer, StopContainer
from stackctl.planner.steps.plan import Plan, Step
from stackctl.planner.view.slots import UpOptions
from stackctl.planner.view.view import View
from stackctl.planner.world.desired import Desired, DesiredContainer, DesiredNetwork
from stackctl.planner.world.observed import ImageConfig, Labelled

orders = st.integers(0, 999).map(random.Random)
fast = settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=[phase for phase in Phase if phase is not Phase.explain],
)


class Watched(World):
    """A world with things of others in it, that sees to it that nobody touches them."""

    def __init__(self) -> None:
        images = {
            "app:1": ImageConfig(volumes=("/kept",)),
            "app:2": ImageConfig(volumes=("/kept", "/new")),
        }
        super().__init__(images=images)
        for action in (
            CreateContainer(DesiredContainer(name="a", service="a", image="app:1", labels=FOREIGN), "a"),
            CreateContainer(DesiredContainer(name="b", service="b", image="app:1"), "by-hand"),
        ):
            self.engine.perform(action, lambda _: None)
        self.engine._create_network(DesiredNetwork(key="back", name="others"))
        self.engine._create_volume("others", "local", {})

    def of_others(self) -> tuple[Labelled, ...]:
        return of_others(self.engine.observe())

    def run(
        self,
        plan: Plan,
        order: random.Random,
        steps: int | None = None,
        expected: Collection[str] = (),
        wanted: Desired | None = None,
    ) -> list[Step]:
        """Execute as the executor does, in a random order that `after` allows, and be killed after some steps.

        What is started must find all it needs, as far as `wanted` says so. Returns the steps that failed.
        """
        before = self.of_others()
        waiting, done, lost, failed = list(plan.steps), set[int](), set[int](), list[Step]()
        for _ in range(len(waiting) if steps is None else min(steps, len(waiting))):
            step = order.choice([s for s in waiting if s.after <= done | lost])
            waiting.remove(step)
            done.add(step.id)
            if step.after & lost:
                if not step.optional:
                    lost.add(step.id)
                continue
            if wanted and isinstance(step.action, StartContainer):
                assert self.missing(wanted, step.action.name) == [], f"#{step.id}\n{plan}"
            try:
                self.engine.perform(step.action, lambda _: None)
            except EngineError as error:
                if not any(cause in error.message for cause in expected):
                    raise AssertionError(f"#{step.id}: {error}\n{plan}") from error
                failed.append(step)
                if not step.optional:
                    lost.add(step.id)
                with suppress(EngineError):  # what it lived off may be gone by now
                    for action in step.rescue:
                        self.engine.perform(action, lambda _: None)
                    revived = [
                        action.container for action in step.rescue if isinstance(action, StartContainer)
                    ]
                    assert all(self.engine._find(container).up for container in revived)
        assert self.of_others() == before
        return failed

    def missing(self, wanted: Desired, name: str) -> list[str]:
        """The containers that one of this name cannot do without, directly or not, and that neither run nor have ended well."""
        here = {c.name: c for c in self.engine.observe().containers}
        there = {n for n, c in here.items() if c.running or (c.kind == "job" and c.completed)}
        pending = [want for want in wanted.containers if want.name == name]
        found = []
        while pending:
            needed = {need.service for need in pending.pop().needs if need.required}
            others = [want for want in wanted.containers if want.service in needed]
            found += [want.name for want in others if want.name not in there]
            pending += others
        return found

    def mend(self, service: str) -> None:
        """From now on the containers of a service run as they should, also those that are there."""
        del self.engine.behaviours[service]
        for container in self.engine._containers.values():
            container.behaviour = Behaviour()
            container.course = course_of(container.spec, container.config, container.behaviour)


def check(plan: Plan) -> None:
    """What holds for every plan of `up`."""
    assert [step.id for step in plan.steps] == list(range(1, len(plan.steps) + 1))
    assert all(id_ < step.id for step in plan.steps for id_ in step.after)
    assert not plan.loses_data
    for step in plan.steps:
        assert not any(isinstance(action, RemoveVolume) for action in (step.action, *step.rescue))


histories = st.lists(st.tuples(stacks(), st.integers(0, 40)), max_size=3)
OPTIONS = UpOptions(remove_orphans=True)


def live(world: Watched, history: list[tuple[str, int]], order: random.Random) -> None:
    """Bring up one stack after the other, and be killed each time after so many steps."""
    for text, steps in history:
        wanted = desired(text)
        observed = world.look(wanted, OPTIONS)
        assert preflight(View.of(wanted, observed, OPTIONS)) == ()
        plan = plan_up(wanted, observed, OPTIONS)
        check(plan)
        world.run(plan, order, steps)


@settings(fast, max_examples=40)
@given(histories, stacks(), orders)
def test_one_clean_up_makes_good_whatever_happened_before(
    history: list[tuple[str, int]], text: str, order: random.Random
) -> None:
    world, wanted = Watched(), desired(text)
    live(world, history, order)
    volumes = {v.name for v in world.engine.observe().volumes}
    observed = world.look(wanted, OPTIONS)
    assert preflight(View.of(wanted, observed, OPTIONS)) == ()
    plan = plan_up(wanted, observed, OPTIONS)
    event(f"{min(len(plan.changes), 20)} changes")
    check(plan)
    if not any(row.drift for row in status(wanted, observed)):
        assert not [step for step in plan.changes if step.service], f"nothing differs, and yet:\n{plan}"
    assert not world.run(plan, order)
    again = plan_up(wanted, world.look(wanted, OPTIONS), OPTIONS)
    assert again.changes == (), f"first:\n{plan}\n\nagain:\n{again}"
    assert {row.drift for row in status(wanted, world.engine.observe())} == {()}
    fresh = Watched()
    fresh.run(plan_up(wanted, fresh.look(wanted)), order)
    assert state(world.engine, wanted) == state(fresh.engine, wanted), str(plan)
    assert volumes <= {v.name for v in world.engine.observe().volumes}


@st.composite
def chains(draw: st.DrawFn) -> str:
    """A stack whose services and jobs need each other in many ways, and nothing else."""
    text = ""
    for place, name in enumerate(NAMES):
        needed = draw(st.sets(st.sampled_from(NAMES[:place]), min_size=1, max_size=2)) if place else set()
        job = draw(st.integers(0, 2)) == 0
        needs = {other: {"required": draw(st.integers(0, 5)) > 0} for other in sorted(needed)}
        given = {"image": draw(st.sampled_from(["app:1", "app:2"])), "depends_on": needs}
        text += toml("jobs" if job else "services", name, given | ({"command": "true"} if job else {}))
    return text


class Latest(random.Random):
    """The order that is worst where a step does not come after all it should: what depends on most goes first."""

    def choice(self, seq: Any) -> Any:
        return seq[-1]


@settings(fast, max_examples=200)
@given(chains(), st.booleans(), st.tuples(*(st.booleans() for _ in NAMES)), st.builds(Latest) | orders)
def test_what_is_started_finds_all_it_needs(
    text: str, changes: bool, stops: tuple[bool, ...], order: random.Random
) -> None:
    world, stopped = Watched(), {name for name, stop in zip(NAMES, stops, strict=True) if stop}
    before, wanted = desired(text.replace("app:2", "app:1") if changes else text), desired(text)
    world.run(plan_up(before, world.look(before)), order, wanted=before)
    for container in world.engine.observe().containers:
        if container.instance == INSTANCE and container.running and container.service in stopped:
            world.engine.perform(StopContainer(container.id, container.name, 1), lambda _: None)
    plan = plan_up(wanted, world.look(wanted))
    event(f"{sum(isinstance(step.action, StartContainer) for step in plan.steps)} started")
    assert not world.run(plan, order, wanted=wanted)


@settings(fast, max_examples=40)
@given(histories, stacks(), orders)
def test_what_is_only_made_is_not_started_and_the_next_up_starts_it(
    history: list[tuple[str, int]], text: str, order: random.Random
) -> None:
    world, wanted, only_made = Watched(), desired(text), replace(OPTIONS, start=False)
    live(world, history, order)
    ran = {c.id for c in world.engine.observe().containers if c.running}
    plan = plan_up(wanted, world.look(wanted, only_made), only_made)
    check(plan)
    assert not world.run(plan, order)
    there = world.engine.observe().containers
    assert {c.id for c in there if c.running} <= ran
    assert {c.name for c in there if c.instance == INSTANCE} == {
        want.name for want in View.of(wanted, world.engine.observe()).desired.containers
    }
    assert plan_up(wanted, world.look(wanted, only_made), only_made).changes == ()
    assert not world.run(plan_up(wanted, world.look(wanted, OPTIONS), OPTIONS), order)
    assert plan_up(wanted, world.look(wanted, OPTIONS), OPTIONS).changes == ()


PORT_PASSES_ON = (
    """
[services.c]
image = "app:1"
container_name = "two"
ports = ["1001:1001", "1003:1003"]
[services.a]
image = "app:1"
ports = ["1002:1002"]
[jobs.d]
image = "app:1"
command = "true"
network_mode = "service:c"
""",
    """
[services.a]
image = "app:1"
container_name = "two"
ports = ["1001:1001", "1002:1002"]
[jobs.b]
image = "app:1"
command = "true"
depends_on = {a = {condition = "ready", required = false}}
ports = ["1003:1003"]
[jobs.c]
image = "app:1"
command = "true"
network_mode = "service:a"
""",
)
"""The old container of c holds a port that goes to b. It must stay down, although c shares the network of a, which fails."""


@fast
@given(stacks(), stacks(), st.sampled_from(NAMES), st.booleans(), orders)
@example(*PORT_PASSES_ON, "a", True, random.Random(0))
def test_what_fails_leaves_nothing_that_the_next_up_cannot_mend(
    first: str, text: str, broken: str, at_start: bool, order: random.Random
) -> None:
    world, wanted = Watched(), desired(text)
    before = desired(first)
    world.run(plan_up(before, world.look(before)), order)
    world.engine.behaviours[broken] = Behaviour(start_error="broken") if at_start else Behaviour(exit_code=3)
    expected = ("broken", "exit code 3", "restarts again", "is not running")
    observed = world.look(wanted, OPTIONS)
    failed = world.run(plan_up(wanted, observed, OPTIONS), order, expected=expected)
    event(f"{len(failed)} failed")
    world.mend(broken)
    world.run(plan_up(wanted, world.look(wanted, OPTIONS), OPTIONS), order)
    assert plan_up(wanted, world.look(wanted, OPTIONS), OPTIONS).changes == ()


@fast
@given(stacks(), st.sampled_from(["always", "never"]), orders)
def test_to_recreate_all_or_nothing(text: str, recreate: Any, order: random.Random) -> None:
    world, wanted = Watched(), desired(text)
    world.run(plan_up(wanted, world.look(wanted)), order)
    before = {c.id for c in world.engine.observe().containers if c.instance == INSTANCE}
    anonymous_before = {v.name for v in world.engine.observe().volumes if is_anonymous(v)}
    options = UpOptions(recreate=recreate)
    world.run(plan_up(wanted, world.look(wanted, options), options), order)
    now = world.engine.observe()
    after = {c.id for c in now.containers if c.instance == INSTANCE}
    assert before == after if recreate == "never" else not before & after
    assert {v.name for v in now.volumes if is_anonymous(v)} == anonymous_before

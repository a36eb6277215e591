"""The critical path of a run, and what it would take without a wait. A wait is removed for real: from the file, and all is planned again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from plan_world import World
from simulated import simulated

from stackctl.planner.steps.actions import PullImage, StartContainer, WaitFor
from stackctl.planner.steps.critical import ServiceWait, critical_path, waits
from stackctl.planner.steps.events import Confirmed
from stackctl.planner.steps.plan import Draft, Plan, Step
from stackctl.planner.steps.timeline import Timeline, timeline
from stackctl.planner.world.desired import Image
from stackctl.planner.world.replica import Replica
from stackctl.spec.model import Condition

Needs = Mapping[str, Mapping[str, str]]
"""For each service what it depends on, and how."""


def text(needs: Needs) -> str:
    """A stack; what begins with `job` is a job."""
    parts = []
    for name, others in needs.items():
        kind = "jobs" if name.startswith("job") else "services"
        check = "" if kind == "jobs" else 'healthcheck = { test = "true" }\n'
        parts.append(f'[{kind}.{name}]\nimage = "app:1"\n{check}')
        parts += [f"[{kind}.{name}.depends_on]\n" if others else ""]
        parts += [f"{other} = {{ {how} }}\n" for other, how in others.items()]
    return "".join(parts)


STARTED, HEALTHY, COMPLETED = (
    f'condition = "service_{how}"' for how in ("started", "healthy", "completed_successfully")
)
OPTIONAL = f"{HEALTHY}, required = false"


def ran(plan: Plan, ready: Mapping[str, float], jobs: int | None = None) -> Timeline:
    def seconds(step: Step) -> float:
        if not isinstance(step.action, WaitFor):
            return 0.25
        return ready[step.service] * (2 if step.action.condition is Condition.completed else 1)

    return timeline([*simulated(plan, seconds, began=0.5, jobs=jobs)])


def told(run: Timeline) -> list[str]:
    return [
        f"{link.seconds:g} {link.kind} {link.step.action + ' ' + link.step.subject if link.step else ''} {link.waiter}".strip()
        for link in critical_path(run)
    ]


LESSON: Needs = {"db": {}, "cache": {}, "api": {"db": HEALTHY, "cache": HEALTHY}}


def test_the_critical_path_is_the_chain_of_steps_that_leads_to_the_end() -> None:
    run = ran(World().plan(text(LESSON)), {"db": 3.0, "cache": 1.0, "api": 2.0})
    assert told(run) == [
        "0.5 plan",
        "0.25 step CreateNetwork shop_default db",
        "0.25 step CreateContainer shop-db-1",
        "0.25 step StartContainer shop-db-1",
        "3 step WaitFor shop-db-1 api",
        "0.25 step StartContainer shop-api-1",
        "2 step WaitFor shop-api-1 up",
    ]
    assert sum(link.seconds for link in critical_path(run)) == run.seconds == 6.5


def test_a_wait_tells_how_long_and_what_the_run_would_take_without_it() -> None:
    run = ran(World().plan(text(LESSON)), {"db": 3.0, "cache": 1.0, "api": 2.0})
    assert waits(run) == (
        ServiceWait("api", "db", "healthy", 3.25, 2.0),  # then api waits for cache
        ServiceWait("api", "cache", "healthy", 1.25, 0.0),
    )


def test_what_is_needed_on_another_way_as_well_saves_nothing() -> None:
    chain: Needs = {"db": {}, "api": {"db": HEALTHY}, "web": {"api": HEALTHY, "db": HEALTHY}}
    run = ran(World().plan(text(chain)), {"db": 3.0, "api": 2.0, "web": 1.0})
    assert {(wait.who, wait.of): (wait.seconds, wait.saves) for wait in waits(run)} == {
        ("api", "db"): (3.25, 2.25),  # web still waits for db
        ("web", "api"): (5.5, 1.25),  # web then starts with api
        ("web", "db"): (3.25, 0.0),
    }


def test_images_come_first_and_the_last_look_comes_last() -> None:
    images, rest = Draft("shop"), Draft("shop")
    images.add(PullImage(Image(ref="app:1", services=("web",))), "not here")
    rest.add(StartContainer("shop-web-1", "shop-web-1"), "new", of=Replica("web"))
    events = [
        *simulated(images.plan(), lambda _: 4.0, began=1.0),
        *simulated(rest.plan(), lambda _: 0.5, began=6.0),
        Confirmed(frozenset({"web"}), 7.0),
    ]
    assert told(timeline(events)) == [
        "1 plan",
        "4 step PullImage app:1 up",
        "1 plan",
        "0.5 step StartContainer shop-web-1 up",
        "0.5 look",
    ]


def test_a_step_that_waits_for_its_turn_is_told() -> None:
    draft = Draft()
    for name in ("a", "b"):
        draft.add(StartContainer(name, name), "", of=Replica(name))
    run = timeline(simulated(draft.plan(), lambda _: 0.5, jobs=1))
    assert told(run) == ["0 plan", "0.5 queue StartContainer b", "0.5 step StartContainer b up"]


def test_a_run_in_which_no_step_was_done_has_no_path() -> None:
    run = timeline(simulated(Plan("shop"), lambda _: 1.0))
    assert (critical_path(run), waits(run)) == ((), ())


@st.composite
def stacks(draw: st.DrawFn) -> tuple[dict[str, dict[str, str]], dict[str, float]]:
    names = [f"{draw(st.sampled_from(['s', 'job']))}{number}" for number in range(draw(st.integers(2, 6)))]
    needs: dict[str, dict[str, str]] = {}
    for index, name in enumerate(names):
        others = draw(st.lists(st.sampled_from(names[:index]), unique=True, max_size=3)) if index else []
        needs[name] = {
            other: draw(
                st.sampled_from(
                    [COMPLETED] if other.startswith("job") else [STARTED, HEALTHY, OPTIONAL, COMPLETED]
                )
            )
            for other in others
        }
    quarters = st.integers(0, 20).map(lambda number: number / 4)
    return needs, {name: draw(quarters) for name in names}


SHARED: tuple[dict[str, dict[str, str]], dict[str, float]] = (
    {"s2": {}, "s4": {"s2": HEALTHY}, "s5": {"s2": COMPLETED}},
    {"s2": 0.5, "s4": 0.0, "s5": 0.0},
)
"""The run itself waits for s2 in the step that s4 needs; so nothing waits for its end without s5."""


@settings(deadline=None, max_examples=50)
@given(stacks())
@example(SHARED)
def test_a_stack_from_which_a_wait_is_removed_is_up_so_much_sooner(
    drawn: tuple[dict[str, dict[str, str]], dict[str, float]],
) -> None:
    needs, ready = drawn
    run = ran(World().plan(text(needs)), ready)
    saves = {(wait.who, wait.of): wait.saves for wait in waits(run)}
    assert sum(link.seconds for link in critical_path(run)) == run.seconds
    assert set(saves) == {(name, other) for name, others in needs.items() for other in others}
    for (name, other), saved in saves.items():
        less: dict[str, Any] = {**needs, name: {o: how for o, how in needs[name].items() if o != other}}
        without = ran(World().plan(text(less)), ready)
        assert saved == run.seconds - without.seconds, (name, other)

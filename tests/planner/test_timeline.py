"""When each step of a run was done: from the events of plans that the real planner makes."""

from plan_world import World
from simulated import simulated

from stackctl.planner.steps.actions import PullImage, StartContainer, WaitFor
from stackctl.planner.steps.events import Confirmed, Failed, Planned, Skipped, Started
from stackctl.planner.steps.plan import Draft, Step
from stackctl.planner.steps.timeline import seconds_of_phases, timeline
from stackctl.planner.world.desired import Image
from stackctl.planner.world.replica import Replica
from stackctl.spec.model import Condition

STACK = """\
[services.db]
image = "db:1"
healthcheck = { test = "true" }
[services.api]
image = "app:1"
healthcheck = { test = "true" }
depends_on = ["db"]
"""
WAITS = {"db": 3.0, "api": 1.0}


def seconds(step: Step) -> float:
    match step.action:
        case WaitFor():
            return WAITS[step.service]
        case StartContainer():
            return 0.5
    return 0.25


def test_seconds_of_each_phase() -> None:
    run = timeline(simulated(World().plan(STACK), seconds, began=0.25))
    assert (run.project, run.stages, run.seconds) == ("shop", (0.25,), 5.75)
    assert seconds_of_phases(run) == {
        "db": {"create": 0.25, "start": 0.5, "ready": 3.0},
        "api": {"create": 0.25, "start": 0.5, "ready": 1.0},
    }
    assert [(step.phase, step.began, step.ended) for step in run.rows()["api"]] == [
        ("create", 0.5, 0.75),
        ("start", 4.25, 4.75),
        ("ready", 4.75, 5.75),
    ]


def test_steps_of_several_plans_are_counted_through_and_images_stand_at_each_service() -> None:
    images, rest = Draft("shop"), Draft("shop")
    images.add(PullImage(Image(ref="app:1", services=("web", "worker"))), "not here")
    rest.add(StartContainer("shop-web-1", "shop-web-1"), "new", of=Replica("web"))
    rest.add(StartContainer("shop-web-2", "shop-web-2"), "new", of=Replica("web", 2))
    events = [
        *simulated(images.plan(), lambda _: 4.0, began=1.0),
        *simulated(rest.plan(), lambda _: 0.5, began=6.0),
        Confirmed(frozenset({"web"}), 7.0),
    ]
    run = timeline(events)
    assert [(step.id, step.stage, step.began) for step in run.steps] == [
        (1, 0, 1.0),
        (2, 1, 6.0),
        (3, 1, 6.0),
    ]
    assert (run.stages, run.seconds) == ((1.0, 6.0), 7.0)
    assert seconds_of_phases(run) == {
        "worker": {"pull": 4.0},
        "web": {"pull": 4.0, "start": 0.5},
        "web-2": {"start": 0.5},
    }


def test_time_in_which_steps_of_a_phase_overlap_counts_once() -> None:
    draft = Draft()
    for condition in (Condition.started, Condition.healthy):
        draft.add(WaitFor("web", "web", condition), "", of=Replica("web"))
    waits = simulated(draft.plan(), lambda step: 2.0 if step.id == 1 else 3.0)
    assert seconds_of_phases(timeline(waits)) == {"web": {"ready": 3.0}}


def test_what_failed_and_what_was_left_is_told_and_what_never_began_is_not_there() -> None:
    draft = Draft()
    db = draft.add(WaitFor("db", "db", Condition.healthy), "", of=Replica("db"))
    draft.add(WaitFor("web", "web", Condition.ready), "", of=Replica("web"))
    draft.add(StartContainer("api", "api"), "", db, of=Replica("api"))
    plan = draft.plan()
    first, second, third = plan.steps
    run = timeline(
        [
            Planned(plan, 0.0),
            Started(first, 0.0),
            Started(second, 0.0),
            Failed(first, 2.0, 2.0, OSError()),
            Skipped(third, 2.0, first),
            Skipped(second, 3.0, None),
        ]
    )
    assert [(step.service, step.result, step.seconds) for step in run.steps] == [
        ("db", "failed", 2.0),
        ("web", "interrupted", 3.0),
    ]


def test_a_step_keeps_what_it_needs_also_where_the_order_of_other_steps_implies_it() -> None:
    draft = Draft()
    first = draft.add(StartContainer("a", "a"), "", of=Replica("a"))
    second = draft.add(StartContainer("b", "b"), "", first, of=Replica("b"))
    draft.add(StartContainer("c", "c"), "", first, second, of=Replica("c"))
    plan = draft.plan()
    assert (plan.steps[2].after, plan.steps[2].implied) == (frozenset({2}), frozenset({1}))
    assert [step.needs for step in timeline(simulated(plan, lambda _: 1.0)).steps] == [(), (1,), (1, 2)]

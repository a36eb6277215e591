"""The last look of `up`: which containers are waited for once more."""

import math

import pytest
from msgspec.structs import replace
from plan_world import World, stack

from stackctl.planner.steps.actions import WaitFor
from stackctl.planner.steps.events import Done
from stackctl.planner.steps.plan import Plan
from stackctl.planner.up.confirmation import plan_confirmation, plan_settling
from stackctl.planner.world.desire import desire
from stackctl.planner.world.observed import ObservedContainer
from stackctl.planner.world.replica import Replica

TEXT = '[services.web]\nimage = "app:1"\nrestart = "always"\n'
WEB = Replica("web")


@pytest.mark.parametrize(
    ("status", "seconds"),
    [
        ("Up Less than a second", 1),
        ("Up 1 second (health: starting)", 2),
        ("Up 59 seconds (Paused)", 60),
        ("Up About a minute", 120),
        ("Up 12 minutes (healthy)", 780),
        ("Up About an hour", math.inf),
        ("Up 3 days", math.inf),
        ("Restarting (1) 2 seconds ago", math.inf),
        ("", math.inf),
    ],
)
def test_how_long_it_runs_at_most_is_told_by_the_engines_words(status: str, seconds: float) -> None:
    assert ObservedContainer(id="c", name="c", status=status).runs_less_than == seconds


def confirmation(state: str, status: str, away: float | None) -> Plan:
    """The plan for a service that was last seen so many seconds ago."""
    world = World()
    world.up(stack(TEXT))
    desired = desire(stack(TEXT), instance=world.engine.observe().containers[0].instance or "")
    there = [replace(c, state=state, status=status) for c in world.engine.observe().containers]
    return plan_confirmation(desired, there, (), {} if away is None else {WEB: away})


def test_who_has_run_since_it_was_seen_is_not_asked() -> None:
    assert not confirmation("running", "Up 4 seconds", 4.9).steps
    assert not confirmation("running", "Up Less than a second", 0.9).steps
    assert not confirmation("running", "Up Less than a second", None).steps, "another up has started it"


def test_who_was_restarted_since_it_was_seen_must_keep_running_as_long() -> None:
    (step,) = confirmation("running", "Up 3 seconds", 4.0).steps
    assert step.why == "the engine has restarted it"
    assert isinstance(step.action, WaitFor)
    assert (step.action.settle, step.action.restarts) == (4.0, 2)
    assert step.action.timeout > step.action.settle
    (step,) = confirmation("running", "Up 3 seconds", 600.0).steps
    assert isinstance(step.action, WaitFor)
    assert step.action.settle == 10.0


@pytest.mark.parametrize(("away", "settle", "restarts"), [(3.0, 3.0, 2), (None, 0.5, None)])
def test_who_is_being_restarted_must_keep_running_too(
    away: float | None, settle: float, restarts: int | None
) -> None:
    (step,) = confirmation("restarting", "Restarting (1) 1 second ago", away).steps
    assert isinstance(step.action, WaitFor)
    assert (step.action.settle, step.action.restarts) == (settle, restarts)


@pytest.mark.parametrize(("seconds", "waits"), [(0.1, True), (3.0, True), (6.0, False)])
def test_who_was_started_lately_must_keep_running(seconds: float, waits: bool) -> None:
    events = [Done(step, 1.0, 0.1) for step in World().plan(stack(TEXT)).steps]
    desired = desire(stack(TEXT), instance="i")
    actions = [step.action for step in plan_settling(desired, events, 1.0 + seconds).steps]
    assert [a.ran for a in actions if isinstance(a, WaitFor)] == ([pytest.approx(seconds)] if waits else [])
    assert not plan_settling(desired, events, 1.0 + seconds, {WEB}).steps

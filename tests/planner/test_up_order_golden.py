"""Order and failure pass through what needs no work: a job that completed, a service that runs."""

from __future__ import annotations

from plan_stories import changed, do, first, lines
from plan_world import Behaviour, World, desired, plan_up

from stackctl.engine.execute import execute
from stackctl.planner.steps.actions import StopContainer, WaitFor
from stackctl.planner.steps.events import Failed, Skipped

MIGRATED = """\
[services.db]
image = "db:1"
healthcheck = { tcp = 5432 }
[jobs.migrate]
image = "app:1"
command = "true"
depends_on = ["db"]
[services.api]
image = "app:1"
depends_on = ["migrate"]
"""
CHAIN = """\
[services.c]
image = "app:1"
[services.b]
image = "app:1"
depends_on = ["c"]
[services.a]
image = "app:1"
depends_on = ["b"]
"""
SEEDED = """\
[jobs.migrate]
image = "app:1"
command = "true"
[jobs.seed]
image = "app:1"
command = "true"
depends_on = ["migrate"]
[services.app]
image = "app:1"
depends_on = ["seed"]
"""


def stopped(text: str, *names: str) -> World:
    """Brought up, and then these were stopped by hand."""
    return do(World().up(text), *(StopContainer(name, "", 1) for name in names))


def test_a_completed_job_in_the_middle() -> None:
    world = stopped(MIGRATED, "shop-api-1", "shop-db-1")
    assert lines(world.plan(MIGRATED)) == [
        "#1 StartContainer shop-db-1, not running",
        "[1] -> #2 WaitFor shop-db-1 healthy, api needs migrate, which needs it",
        "[2] -> #3 StartContainer shop-api-1, not running",
        "[3] -> #4 WaitFor shop-api-1 ready, up waits for it",
    ]


def test_a_running_service_in_the_middle() -> None:
    assert lines(stopped(CHAIN, "shop-a-1", "shop-c-1").plan(CHAIN)) == [
        "#1 StartContainer shop-c-1, not running",
        "[1] -> #2 WaitFor shop-c-1 ready, a needs b, which needs it",
        "[2] -> #3 StartContainer shop-a-1, not running",
        "[3] -> #4 WaitFor shop-a-1 ready, up waits for it",
    ]


def test_a_running_service_in_the_middle_that_is_still_to_be_asked() -> None:
    """It may pass its check before what it needs is there."""
    checked = CHAIN.replace("[services.b]", "[services.b]\nhealthcheck = { tcp = 1 }")
    plan = stopped(checked, "shop-a-1", "shop-c-1").plan(checked)
    assert {"WaitFor shop-b-1 healthy", "WaitFor shop-c-1 ready"} <= first(plan, "StartContainer shop-a-1")


def test_several_in_the_middle() -> None:
    longer = CHAIN.replace('depends_on = ["b"]', 'depends_on = ["middle"]') + (
        '[services.middle]\nimage = "app:1"\ndepends_on = ["b"]\n'
    )
    plan = stopped(longer, "shop-a-1", "shop-c-1").plan(longer)
    assert "WaitFor shop-c-1 ready" in first(plan, "StartContainer shop-a-1")
    assert plan.steps[1].why == "a needs middle, which needs it"


def test_a_paused_service_in_the_middle() -> None:
    world, wanted = stopped(CHAIN, "shop-a-1", "shop-c-1"), desired(CHAIN)
    plan = plan_up(wanted, changed(world.look(wanted), "shop-b-1", state="paused"))
    assert "WaitFor shop-c-1 ready" in first(plan, "StartContainer shop-a-1")


def test_only_the_start_of_what_is_behind_it() -> None:
    started = CHAIN.replace('depends_on = ["c"]', 'depends_on = { c = { condition = "service_started" } }')
    assert lines(stopped(started, "shop-a-1", "shop-c-1").plan(started)) == [
        "#1 StartContainer shop-c-1, not running",
        "[1] -> #2 StartContainer shop-a-1, not running",
        "[1] -> #3 WaitFor shop-c-1 ready, up waits for it",
        "[2] -> #4 WaitFor shop-a-1 ready, up waits for it",
    ]


def test_what_one_in_the_middle_can_do_without_may_fail() -> None:
    loose = CHAIN.replace('depends_on = ["c"]', "depends_on = { c = { required = false } }")
    plan = stopped(loose, "shop-a-1", "shop-c-1").plan(loose)
    waits = [
        step for step in plan.steps if isinstance(step.action, WaitFor) and step.action.name == "shop-c-1"
    ]
    assert [(step.why, step.optional) for step in waits] == [
        ("a needs b, which needs it", True),
        ("up waits for it", False),
    ]


def test_what_is_needed_on_two_ways_is_needed_if_it_is_on_one() -> None:
    loose = CHAIN.replace('depends_on = ["c"]', "depends_on = { c = { required = false } }")
    loose = loose.replace('depends_on = ["b"]', 'depends_on = ["b", "c"]')
    plan = stopped(loose, "shop-a-1", "shop-c-1").plan(loose)
    assert [step.why for step in plan.steps if step.optional] == []
    assert "WaitFor shop-c-1 ready" in first(plan, "StartContainer shop-a-1")


def test_a_job_that_fails_again_holds_what_stands_behind_one_that_completed() -> None:
    world = stopped(SEEDED, "shop-app-1")
    world.engine.behaviours["migrate"] = Behaviour(exit_code=3)
    changed_job = SEEDED.replace('"true"', '"false"', 1)
    plan = world.plan(changed_job)
    events = [*execute(plan, world.engine.perform)]
    assert [event.step.service for event in events if isinstance(event, Failed)] == ["migrate"]
    assert "app" in {event.step.service for event in events if isinstance(event, Skipped)}
    assert world.names()["shop-app-1"] == "exited"
    again = world.plan(changed_job)
    assert "WaitFor shop-migrate-1 completed" in first(again, "StartContainer shop-app-1")

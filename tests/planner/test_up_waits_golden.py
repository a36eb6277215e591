"""What a plan of `up` waits for, and what it believes without asking."""

from plan_stories import LESSON, WEB, acts, changed, do, lines, performed
from plan_world import World, desired, plan_up

from stackctl.planner.steps.actions import StopContainer, WaitFor
from stackctl.planner.steps.plan import Plan


def test_what_runs_is_asked_whether_it_is_ready() -> None:
    assert lines(World().up(LESSON).plan(LESSON)) == [
        "#1 WaitFor shop-postgres-1 healthy, up waits for it",
        "#2 WaitFor shop-redis-1 healthy, up waits for it",
        "#3 WaitFor shop-api-1 healthy, up waits for it",
    ]


def test_a_check_of_the_engine_is_not_asked_again_but_those_it_does_not_know_are() -> None:
    checked = WEB + 'healthcheck = { test = "true" }\n'
    world, wanted = World().up(checked), desired(checked)
    assert plan_up(wanted, changed(world.look(wanted), "shop-web-1", health="healthy")) == Plan("shop")
    assert lines(plan_up(wanted, changed(world.look(wanted), "shop-web-1", health="starting"))) == [
        "#1 WaitFor shop-web-1 healthy, up waits for it",
    ]
    redis = '[services.redis]\nimage = "redis:7"\nhealthcheck = { test = "true" }\n'
    world, wanted = World().up(redis), desired(redis)
    observed = changed(world.look(wanted), "shop-redis-1", health="healthy")
    assert lines(plan_up(wanted, observed)) == [
        "#1 WaitFor shop-redis-1 healthy, up waits for it",
    ]


def test_without_a_check_what_runs_is_believed() -> None:
    assert World().up(WEB + 'ports = ["80"]\n').plan(WEB + 'ports = ["80"]\n') == Plan("shop")


def test_a_paused_container_is_left_alone() -> None:
    world, wanted = World().up(LESSON), desired(LESSON)
    observed = changed(world.look(wanted), "shop-postgres-1", state="paused")
    assert lines(plan_up(wanted, observed)) == [
        "#1 WaitFor shop-redis-1 healthy, up waits for it",
        "#2 WaitFor shop-api-1 healthy, up waits for it",
        "note: paused, and not waited for: postgres (stackctl unpause postgres)",
    ]


def test_dependents_do_not_wait_for_a_paused_container() -> None:
    world, wanted = World().up(LESSON), desired(LESSON)
    do(world, StopContainer("shop-api-1", "", 10))
    observed = changed(world.look(wanted), "shop-postgres-1", state="paused")
    assert lines(plan_up(wanted, observed)) == [
        "#1 WaitFor shop-redis-1 healthy, api needs it",
        "[1] -> #2 StartContainer shop-api-1, not running",
        "[2] -> #3 WaitFor shop-api-1 healthy, up waits for it",
        "note: paused, and not waited for: postgres (stackctl unpause postgres)",
    ]


def test_a_paused_container_that_has_to_be_restarted_is_waited_for() -> None:
    world, wanted = World().up(WEB), desired(WEB + "[networks.default]\ninternal = true\n")
    observed = changed(world.look(wanted), "shop-web-1", state="paused")
    plan = plan_up(wanted, observed)
    assert acts(step.action for step in plan.steps)[-2:] == [
        "StartContainer shop-web-1",
        "WaitFor shop-web-1 ready",
    ]
    assert plan.notes == ()


def test_conditions_of_dependencies() -> None:
    text = """\
[services.db]
image = "db:1"
[jobs.migrate]
image = "app:1"
command = "true"
depends_on = ["db"]
[services.api]
image = "app:1"
healthcheck = { http = ":8000/health" }
[services.api.depends_on]
db = { condition = "service_started" }
migrate = { condition = "service_completed_successfully" }
[services.web]
image = "app:1"
depends_on = { api = { condition = "service_healthy", required = false } }
"""
    assert lines(World().plan(text)) == [
        "#1 CreateNetwork shop_default, not there",
        "[1] -> #2 CreateContainer shop-db-1, not there",
        "[1] -> #3 CreateContainer shop-migrate-1, not there",
        "[1] -> #4 CreateContainer shop-api-1, not there",
        "[1] -> #5 CreateContainer shop-web-1, not there",
        "[2] -> #6 StartContainer shop-db-1, new",
        "[6] -> #7 WaitFor shop-db-1 ready, migrate needs it",
        "[3, 7] -> #8 StartContainer shop-migrate-1, new",
        "[8] -> #9 WaitFor shop-migrate-1 completed, api needs it",
        "[4, 9] -> #10 StartContainer shop-api-1, new",
        "[10] -> #11 WaitFor shop-api-1 healthy, web needs it",
        "[5, 11] -> #12 StartContainer shop-web-1, new",
        "[10] -> #13 WaitFor shop-api-1 healthy, up waits for it",
        "[12] -> #14 WaitFor shop-web-1 ready, up waits for it",
    ]


def test_an_optional_dependency_may_fail() -> None:
    text = """\
[services.db]
image = "db:1"
[services.cache]
image = "redis:7"
[services.api]
image = "app:1"
depends_on.db = { required = false }
depends_on.cache = { condition = "service_started", required = false }
"""
    plan = World().plan(text)
    assert lines(plan) == [
        "#1 CreateNetwork shop_default, not there",
        "[1] -> #2 CreateContainer shop-db-1, not there",
        "[1] -> #3 CreateContainer shop-cache-1, not there",
        "[1] -> #4 CreateContainer shop-api-1, not there",
        "[2] -> #5 StartContainer shop-db-1, new",
        "[3] -> #6 StartContainer shop-cache-1, new",
        "[5] -> #7 WaitFor shop-db-1 ready, api needs it",
        "[6] -> #8 WaitFor shop-cache-1 started, api needs it",
        "[4, 7, 8] -> #9 StartContainer shop-api-1, new",
        "[5] -> #10 WaitFor shop-db-1 ready, up waits for it",
        "[6] -> #11 WaitFor shop-cache-1 healthy, up waits for it",
        "[9] -> #12 WaitFor shop-api-1 ready, up waits for it",
    ]
    assert [step.id for step in plan.steps if step.optional] == [7, 8]


def test_to_end_well_is_enough_for_a_job_and_for_a_service_that_nobody_restarts_nor_checks() -> None:
    text = """\
[jobs.once]
image = "app:1"
[services.plain]
image = "app:1"
[services.kept]
image = "app:1"
restart = "always"
[services.checked]
image = "app:1"
healthcheck = { tcp = 80 }
"""
    waits = performed(World().plan(text), WaitFor)
    assert {wait.name: wait.oneshot_ok for wait in waits} == {
        "shop-once-1": True,
        "shop-plain-1": True,
        "shop-kept-1": False,
        "shop-checked-1": False,
    }

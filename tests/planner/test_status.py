"""Desired beside observed: what is there, and how it differs from the spec. It agrees with the plan."""

from __future__ import annotations

from msgspec.structs import replace
from plan_stories import changed
from plan_world import World, desired, status

from stackctl.planner.status import StatusRow

TEXT = """
[services.db]
image = "db:1"
[services.api]
image = "app:1"
depends_on = ["db"]
[jobs.seed]
image = "base"
command = "true"
volumes = ["/tmp:/x"]
"""


def drift(world: World, text: str = TEXT) -> dict[str, tuple[str, ...]]:
    """What differs, by container (or service, where there is none)."""
    rows = status(desired(text), world.engine.observe())
    return {row.container or row.service: row.drift for row in rows if row.drift}


def test_nothing_differs_after_up_though_a_job_would_run_again() -> None:
    world = World().up(TEXT)
    assert drift(world) == {}
    rows = status(desired(TEXT), world.engine.observe())
    assert [(row.service, row.kind, row.state) for row in rows] == [
        ("db", "service", "running"),
        ("seed", "job", "exited"),
        ("api", "service", "running"),
    ]


def test_nothing_is_there_yet() -> None:
    rows = status(desired(TEXT), World().engine.observe())
    assert {(row.state, row.drift, row.image) for row in rows} == {
        ("missing", ("not created",), image) for image in ("db:1", "app:1", "base")
    }


def test_a_changed_definition() -> None:
    assert drift(World().up(TEXT), TEXT.replace("app:1", "app:2")) == {"shop-api-1": ("image changed",)}


def test_what_does_not_run() -> None:
    world = World().up(TEXT)
    world.engine.die("shop-db-1", 1)
    assert drift(world) == {"shop-db-1": ("not running",)}


def test_a_job_that_failed() -> None:
    text = TEXT.replace('command = "true"', 'command = "false"')
    world = World()
    world.do(step for step in world.plan(text).steps if type(step.action).__name__ != "WaitFor")
    assert drift(world, text) == {"shop-seed-1": ("did not complete",)}


def test_names_and_networks() -> None:
    world = World().up(TEXT)
    container = world.engine._find("shop-db-1")
    container.name = "by-hand"
    container.networks.clear()
    assert drift(world) == {"by-hand": ("should be called shop-db-1", "is not in network shop_default")}


def test_a_replacement_that_was_interrupted() -> None:
    changed = TEXT.replace("app:1", "app:2")
    plain = TEXT.partition("[jobs.seed]")[0]
    world = World().up(plain).up_to("CreateContainer", plain.replace("app:1", "app:2"))
    assert drift(world, changed) == {
        "seed": ("not created",),
        "shop-api-1.new": ("should be called shop-api-1", "not running"),
        "shop-api-1": ("it was being replaced",),
    }
    assert drift(world, plain) == {"shop-api-1.new": ("left over from an interrupted run",)}


def test_what_is_not_in_the_spec() -> None:
    world = World().up(TEXT)
    assert drift(world, TEXT.replace("[services.api]", "[services.web]")) == {
        "web": ("not created",),
        "shop-api-1": ("not in the spec",),
    }


CHECKED = '[services.web]\nimage = "base"\nhealthcheck = { http = ":8000/health" }\n'


def answered(answer: str, health: str = "") -> StatusRow:
    """The row of a running service whose check gave this answer."""
    observed = changed(World().up(CHECKED).engine.observe(), "shop-web-1", health=health)
    (web,) = (c for c in observed.containers if c.service == "web")
    (shown,) = status(desired(CHECKED), replace(observed, answers={web.id: answer}))
    return shown


def test_a_check_that_passed_from_outside_is_shown_as_health() -> None:
    shown = answered("")
    assert (shown.health, shown.drift) == ("healthy", ())


def test_a_check_that_failed_is_shown_with_what_it_said() -> None:
    shown = answered("http :8000/health: 404 Not Found")
    assert (shown.health, shown.drift) == ("failing", ("failing · http :8000/health: 404 Not Found",))
    assert answered("http :8000/health: 404 Not Found", "healthy").health == "failing"


def test_nothing_has_failed_while_the_engine_says_that_it_starts() -> None:
    shown = answered("http :8000/health: connection refused", "starting")
    assert (shown.health, shown.drift) == ("starting", ())


def test_what_the_engine_calls_unhealthy_differs_too() -> None:
    shown = answered("", "unhealthy")
    assert (shown.health, shown.drift) == ("unhealthy", ("failing · healthcheck: unhealthy",))


DEBUG = TEXT + '[services.debug]\nimage = "base"\nprofiles = ["debug"]\n'


def test_a_service_that_no_profile_enables_has_no_row() -> None:
    world = World().up(DEBUG)
    assert drift(world, DEBUG) == {}
    assert [row.service for row in status(desired(DEBUG), world.engine.observe())] == ["db", "seed", "api"]


def test_unless_it_is_there_and_then_nothing_is_said_against_it() -> None:
    world = World().up(DEBUG, profiles=["debug"])
    rows = status(desired(DEBUG), world.engine.observe())
    assert [(row.service, row.state, row.drift) for row in rows][-1] == ("debug", "running", ())
    only = status(desired(DEBUG, services=["db"]), world.engine.observe())
    assert [row.service for row in only] == ["db"]

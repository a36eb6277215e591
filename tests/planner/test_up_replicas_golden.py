"""Plans with several replicas of a service."""

from __future__ import annotations

from plan_stories import do, first, lines, scaled
from plan_world import World, desired, plan_up, status

from stackctl.planner.steps.actions import StopContainer
from stackctl.planner.world.desired import Desired

TEXT = """\
[services.web]
image = "app:1"
[services.proxy]
image = "app:1"
depends_on = { web = { restart = true } }
"""


def two(text: str = TEXT) -> Desired:
    return scaled(desired(text), {"web": 2})


def up(world: World, wanted: Desired) -> World:
    world.do(plan_up(wanted, world.look(wanted)).steps)
    return world


def test_from_nothing() -> None:
    assert lines(plan_up(two(), World().engine.observe())) == [
        "#1 CreateNetwork shop_default, not there",
        "[1] -> #2 CreateContainer shop-web-1, not there",
        "[1] -> #3 CreateContainer shop-web-2, not there",
        "[1] -> #4 CreateContainer shop-proxy-1, not there",
        "[2] -> #5 StartContainer shop-web-1, new",
        "[3] -> #6 StartContainer shop-web-2, new",
        "[5] -> #7 WaitFor shop-web-1 ready, proxy needs it",
        "[6] -> #8 WaitFor shop-web-2 ready, proxy needs it",
        "[4, 7, 8] -> #9 StartContainer shop-proxy-1, new",
        "[9] -> #10 WaitFor shop-proxy-1 ready, up waits for it",
    ]


def test_one_more_leaves_the_others_alone() -> None:
    world = World().up(TEXT)
    assert lines(plan_up(two(), world.look(two()))) == [
        "#1 CreateContainer shop-web-2, not there",
        "[1] -> #2 StartContainer shop-web-2, new",
        "[2] -> #3 WaitFor shop-web-2 ready, up waits for it",
    ]


def test_one_less_is_removed() -> None:
    world = up(World(), two())
    assert lines(world.plan(TEXT)) == [
        "#1 StopContainer shop-web-2, one more than asked for",
        "[1] -> #2 RemoveContainer shop-web-2, one more than asked for",
    ]


def test_each_is_replaced_and_what_lives_off_them_is_stopped_before_the_first() -> None:
    world, after = up(World(), two()), two(TEXT.replace("app:1", "app:2", 1))
    plan = plan_up(after, world.look(after))
    for number in (1, 2):
        assert "StopContainer shop-proxy-1" in first(plan, f"StopContainer shop-web-{number}")
        assert f"WaitFor shop-web-{number} ready" in first(plan, "StartContainer shop-proxy-1")
    assert next(step.why for step in plan.steps if step.service == "proxy") == "web is replaced"


def test_what_needs_a_service_waits_for_all_of_its_replicas_also_through_one_that_runs() -> None:
    text = TEXT + '[services.edge]\nimage = "app:1"\ndepends_on = ["proxy"]\n'
    world = up(World(), two(text))
    do(world, StopContainer("shop-web-2", "", 1), StopContainer("shop-edge-1", "", 1))
    assert lines(plan_up(two(text), world.look(two(text)))) == [
        "#1 StartContainer shop-web-2, not running",
        "[1] -> #2 WaitFor shop-web-2 ready, edge needs proxy, which needs it",
        "[2] -> #3 StartContainer shop-edge-1, not running",
        "[3] -> #4 WaitFor shop-edge-1 ready, up waits for it",
    ]


def test_each_has_a_row() -> None:
    world = do(up(World(), two()), StopContainer("shop-web-2", "", 1))
    rows = status(two(), world.engine.observe())
    assert [(str(row.replica), row.state, row.drift) for row in rows] == [
        ("web", "running", ()),
        ("web-2", "exited", ("not running",)),
        ("proxy", "running", ()),
    ]

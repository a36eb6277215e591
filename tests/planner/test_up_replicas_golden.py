"""Plans with several replicas of a service."""

from __future__ import annotations

import pytest
from plan_stories import do, first, lines, performed
from plan_world import World, desired, plan_up, status

from stackctl.errors import SpecError
from stackctl.planner.steps.actions import RemoveContainer, StopContainer
from stackctl.planner.view.slots import UpOptions
from stackctl.planner.view.view import View
from stackctl.planner.world.desired import Desired

TEXT = """\
[services.web]
image = "app:1"
[services.proxy]
image = "app:1"
depends_on = { web = { restart = true } }
"""


WEB = """\
[services.web]
image = "app:{}"
scale = {}
"""


def two(text: str = TEXT) -> Desired:
    return desired(text.replace("[services.web]\n", "[services.web]\nscale = 2\n"))


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


def test_less_drops_first_what_is_obsolete_then_the_highest_numbers() -> None:
    world = up(World(), desired(WEB.format(1, 4)))
    do(world, StopContainer("shop-web-2", "", 1), RemoveContainer("shop-web-2", ""))
    world.up(WEB.format(1, 2))
    assert world.names() == {"shop-web-1": "running", "shop-web-3": "running"}
    new = desired(WEB.format(2, 4))
    world.do(plan_up(new, world.look(new), UpOptions(recreate="never")).steps)
    assert [*sorted(world.names())] == ["shop-web-1", "shop-web-2", "shop-web-3", "shop-web-4"]
    removed = performed(world.plan(WEB.format(2, 2)), RemoveContainer)
    assert sorted(action.name for action in removed) == ["shop-web-1", "shop-web-3"]
    world.up(WEB.format(2, 2))
    assert world.plan(WEB.format(2, 2)).changes == ()
    assert [*sorted(world.up(WEB.format(2, 3)).names())] == ["shop-web-1", "shop-web-2", "shop-web-4"]


@pytest.mark.parametrize(
    "shared",
    ['network_mode = "service:web"', 'ipc = "service:web"', 'pid = "service:web"', 'volumes_from = ["web"]'],
)
def test_who_shares_with_a_service_shares_with_the_container_that_is_left(shared: str) -> None:
    world = up(World(), desired(WEB.format(1, 2)))
    do(world, StopContainer("shop-web-1", "", 1), RemoveContainer("shop-web-1", ""))
    text = WEB.format(1, 1) + f'[services.other]\nimage = "app:1"\n{shared}\n'
    world.up(text)
    assert world.names() == {"shop-web-2": "running", "shop-other-1": "running"}
    assert world.plan(text).changes == ()


def test_a_link_leads_to_the_container_that_is_left() -> None:
    world = up(World(), desired(WEB.format(1, 2)))
    do(world, StopContainer("shop-web-1", "", 1), RemoveContainer("shop-web-1", ""))
    wanted = desired(WEB.format(1, 1) + '[services.other]\nimage = "app:1"\nlinks = ["web:api"]\n')
    other = View.of(wanted, world.engine.observe()).desired.containers[-1]
    assert [place.links for place in other.networks] == [("shop-web-2:api",)]


def test_none_at_all_takes_all_away_as_slowly_as_the_file_allows() -> None:
    world = up(World(), desired(WEB.format(1, 2) + 'stop_grace_period = "3s"\n'))
    none = desired(
        WEB.format(1, 0)
        + 'stop_grace_period = "3s"\n[services.proxy]\nimage = "app:1"\ndepends_on = ["web"]\n'
    )
    plan = plan_up(none, world.look(none))
    assert {step.action.grace for step in plan.steps if isinstance(step.action, StopContainer)} == {3}
    world.do(plan.steps)
    assert world.names() == {"shop-proxy-1": "running"}
    assert plan_up(none, world.look(none)).changes == ()


def test_who_shares_the_network_of_a_service_shares_that_of_the_first_container() -> None:
    sharing = '[services.side]\nimage = "app:1"\nnetwork_mode = "service:web"\nscale = 2\n'
    world = up(World(), desired(WEB.format(1, 3) + sharing))
    now = {c.name: c for c in world.engine.observe().containers}
    assert {now[f"shop-side-{n}"].network_mode for n in (1, 2)} == {f"container:{now['shop-web-1'].id}"}
    do(world, StopContainer("shop-web-1", "", 1), RemoveContainer("shop-web-1", ""))
    world.up(WEB.format(1, 2) + sharing)
    now = {c.name: c for c in world.engine.observe().containers}
    assert {now[f"shop-side-{n}"].network_mode for n in (1, 2)} == {f"container:{now['shop-web-2'].id}"}
    assert world.plan(WEB.format(1, 2) + sharing).changes == ()


def test_nobody_can_share_the_network_of_a_service_without_a_container() -> None:
    with pytest.raises(SpecError, match="side shares the network of web, which is scaled to 0"):
        desired(WEB.format(1, 0) + '[services.side]\nimage = "app:1"\nnetwork_mode = "service:web"\n')


def test_each_has_a_row() -> None:
    world = do(up(World(), two()), StopContainer("shop-web-2", "", 1))
    rows = status(two(), world.engine.observe())
    assert [(str(row.replica), row.state, row.drift) for row in rows] == [
        ("web", "running", ()),
        ("web-2", "exited", ("not running",)),
        ("proxy", "running", ()),
    ]

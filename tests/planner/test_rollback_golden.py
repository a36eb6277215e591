"""The plans of `up --rollback`: nothing is removed that is needed to go back until all is ready; and the way back itself."""

from __future__ import annotations

from plan_world import World, desired, stack

from stackctl.planner.life.stops import Stops
from stackctl.planner.steps.actions import (
    Action,
    ConnectNetwork,
    CreateContainer,
    StopContainer,
    WaitFor,
)
from stackctl.planner.steps.events import Done, Event, Planned, Started
from stackctl.planner.steps.plan import Plan, Step, UndoPlan
from stackctl.planner.steps.timeline import timeline
from stackctl.planner.undoing import Before, plan_undo
from stackctl.planner.view.slots import UpOptions
from stackctl.planner.view.view import View
from stackctl.planner.world.desired import Attachment, DesiredContainer
from stackctl.planner.world.matching import ours
from stackctl.planner.world.replica import Replica
from stackctl.show.run.board import Board
from stackctl.spec.model import Condition

ROLLBACK = UpOptions(rollback=True, remove_orphans=True)
OLD = """
[services.db]
image = "db:1"
restart = "always"
volumes = ["data:/data"]
[services.web]
image = "app:1"
depends_on = ["db"]
[services.gone]
image = "app:1"
[volumes.data]
"""
NEW = """
[services.db]
image = "db:1"
environment.A = "1"
volumes = ["data:/data", "more:/more"]
[services.web]
image = "app:1"
depends_on = ["db"]
[volumes.data]
[volumes.more]
"""
INTERNAL = "[networks.default]\ninternal = true\n"


def undo(world: World, text: str, last: str, *meanwhile: Action) -> UndoPlan:
    """The way back after all steps of an `up`, until the first one of a kind, and after what others did `meanwhile`."""
    wanted = desired(text)
    view = View.of(wanted, world.look(wanted, ROLLBACK), ROLLBACK)
    mine = [container.id for container in ours(view.observed, wanted.project, wanted.instance)]
    networks = [network.id for network in view.observed.networks]
    before = Before(view, world.engine.arrangement(mine, networks))
    world.up_to(last, text, ROLLBACK)
    for action in meanwhile:
        world.engine.perform(action, lambda _: None)
    stopped = [a.container for a in world.engine.performed if isinstance(a, StopContainer)]
    arrangement = world.engine.arrangement(mine, ())
    return plan_undo(before, world.engine.observe(), arrangement, Stops.of(stack(text)), stopped)


def lines(plan: Plan) -> list[str]:
    return str(plan).splitlines()


def test_removals_come_last() -> None:
    assert lines(World().up(OLD).plan(NEW, ROLLBACK)) == [
        "#1 StopContainer shop-gone-1, not in the spec",
        "#2 CreateVolume shop_more, not there",
        "[2] -> #3 CreateContainer shop-db-1.new, environment.A added, restart removed, volumes./more added",
        "[3] -> #4 SetRestart shop-db-1, replaced: environment.A added, restart removed, volumes./more added",
        "[4] -> #5 StopContainer shop-db-1, replaced: environment.A added, restart removed, volumes./more added",
        "[5] -> #6 RenameContainer shop-db-1 to shop-db-1.old, makes way for its successor",
        "[6] -> #7 RenameContainer shop-db-1.new to shop-db-1, takes its place",
        "[7] -> #8 StartContainer shop-db-1, new",
        "[8] -> #9 WaitFor shop-db-1 ready, up waits for it",
        "[1] -> #10 RemoveContainer shop-gone-1, not in the spec",
        "[8] -> #11 RemoveContainer shop-db-1.old, it was replaced",
    ]


def test_what_was_replaced_comes_back() -> None:
    assert lines(undo(World().up(OLD), NEW, "WaitFor")) == [
        "#1 SetRestart shop-db-1.old, it was so before",
        "#2 StopContainer shop-db-1, the run goes back",
        "[1, 2] -> #3 RemoveContainer shop-db-1, this run has made it",
        "[3] -> #4 RenameContainer shop-db-1.old to shop-db-1, it was so before",
        "#5 StartContainer shop-gone-1, it ran before",
        "[5] -> #6 WaitFor shop-gone-1 started, it ran before",
        "[4] -> #7 StartContainer shop-db-1, it ran before",
        "[7] -> #8 WaitFor shop-db-1 started, it ran before",
        "[3] -> #9 RemoveVolume shop_more, this run has made it",
    ]


def test_what_leaves_a_network_that_is_made_again_stays_until_all_is_ready() -> None:
    assert lines(World().up(OLD).plan(NEW + INTERNAL, ROLLBACK)) == [
        "#1 StopContainer shop-gone-1, not in the spec",
        "#2 StopContainer shop-web-1, network shop_default is rebuilt",
        "[2] -> #3 DisconnectNetwork shop-web-1 from shop_default, its definition changed",
        "#4 StopContainer shop-db-1, network shop_default is rebuilt",
        "[4] -> #5 DisconnectNetwork shop-db-1 from shop_default, its definition changed",
        "[1] -> #6 DisconnectNetwork shop-gone-1 from shop_default, its definition changed",
        "[3, 5, 6] -> #7 RemoveNetwork shop_default, its definition changed",
        "[7] -> #8 CreateNetwork shop_default, its definition changed",
        "#9 CreateVolume shop_more, not there",
        "[8, 9] -> #10 CreateContainer shop-db-1.new, environment.A added, restart removed, volumes./more added",
        "[10] -> #11 SetRestart shop-db-1, replaced: environment.A added, restart removed, volumes./more added",
        "[11] -> #12 RenameContainer shop-db-1 to shop-db-1.old, makes way for its successor",
        "[12] -> #13 RenameContainer shop-db-1.new to shop-db-1, takes its place",
        "[13] -> #14 StartContainer shop-db-1, new",
        "[14] -> #15 WaitFor shop-db-1 ready, web needs it",
        "[8] -> #16 ConnectNetwork shop-web-1 to shop_default, web joins it",
        "[15, 16] -> #17 StartContainer shop-web-1, network shop_default is rebuilt",
        "[17] -> #18 WaitFor shop-web-1 ready, up waits for it",
        "[1] -> #19 RemoveContainer shop-gone-1, not in the spec",
        "[14] -> #20 RemoveContainer shop-db-1.old, it was replaced",
    ]


def test_the_network_that_was_removed_is_made_again() -> None:
    assert lines(undo(World().up(OLD), NEW + INTERNAL, "StartContainer")) == [
        "#1 SetRestart shop-db-1.old, it was so before",
        "#2 StopContainer shop-db-1, the run goes back",
        "[1, 2] -> #3 RemoveContainer shop-db-1, this run has made it",
        "[3] -> #4 RemoveNetwork shop_default, this run has made it",
        "[4] -> #5 CreateNetwork shop_default, it was so before",
        "[3] -> #6 RenameContainer shop-db-1.old to shop-db-1, it was so before",
        "[5] -> #7 ConnectNetwork shop-web-1 to shop_default, it was so before",
        "[5] -> #8 ConnectNetwork shop-gone-1 to shop_default, it was so before",
        "[5, 6] -> #9 ConnectNetwork shop-db-1 to shop_default, it was so before",
        "[8] -> #10 StartContainer shop-gone-1, it ran before",
        "[10] -> #11 WaitFor shop-gone-1 started, it ran before",
        "[9] -> #12 StartContainer shop-db-1, it ran before",
        "[12] -> #13 WaitFor shop-db-1 started, it ran before",
        "[7, 13] -> #14 StartContainer shop-web-1, it ran before",
        "[14] -> #15 WaitFor shop-web-1 ready, it ran before",
        "[3] -> #16 RemoveVolume shop_more, this run has made it",
    ]


def test_after_the_first_up_nothing_is_left() -> None:
    assert lines(undo(World(), OLD, "WaitFor")) == [
        "#1 StopContainer shop-db-1, the run goes back",
        "#2 StopContainer shop-gone-1, the run goes back",
        "#3 RemoveContainer shop-web-1, this run has made it",
        "[1] -> #4 RemoveContainer shop-db-1, this run has made it",
        "[2] -> #5 RemoveContainer shop-gone-1, this run has made it",
        "[3, 4, 5] -> #6 RemoveNetwork shop_default, this run has made it",
        "[4] -> #7 RemoveVolume shop_data, this run has made it",
    ]


def test_the_last_steps_are_those_that_remove() -> None:
    plan = World().up(OLD).plan(NEW, ROLLBACK)
    assert [step.id for step in plan.steps if step.last] == [10, 11]
    assert not any(step.last for step in World().up(OLD).plan(NEW).steps)


def test_the_last_steps_are_told_in_their_row_though_the_last_look_had_a_plan_too() -> None:
    """The plan of `confirmed` comes between the steps of a plan and its last steps."""
    plan = World().up(OLD).plan(NEW, ROLLBACK)
    looked = Step(1, WaitFor("shop-db-1", "shop-db-1", Condition.started), "", of=Replica("db"))
    events: list[Event] = [Planned(plan, 0)]
    events += [Started(step, 1) for step in plan.parts[0].steps]
    events += [Done(step, 2, 1) for step in plan.parts[0].steps]
    events += [Planned(Plan("shop", (looked,), ("a note",)), 2), Started(looked, 2), Done(looked, 3, 1)]
    for last in plan.parts[1].steps:
        events += [Started(last, 3), Done(last, 4, 1)]
    board = Board()
    for event in events:
        board.show(event, event.at)
    assert {row.name: (row.tone, row.state) for row in board.rows(4)} == {
        "db": ("ready", "started"),
        "gone": ("ready", "removed"),
        "volume": ("ready", "created"),
    }
    told = timeline(events)
    assert len(told.steps) == len(plan.steps) + 1
    assert {step.result for step in told.steps} == {"done"}


def test_a_name_that_was_exchanged_is_exchanged_again() -> None:
    named = '[services.{}]\nimage = "app:1"\ncontainer_name = "{}"\n'
    world = World().up(named.format("a", "one") + named.format("b", "two"))
    plan = undo(world, named.format("a", "two") + named.format("b", "one"), "WaitFor")
    world.do(plan.steps)
    names = {c.service: (c.name, c.state) for c in world.engine.observe().containers}
    assert names == {"a": ("one", "running"), "b": ("two", "running")}
    assert plan.whole


def test_a_network_that_others_have_joined_meanwhile_is_kept_with_a_note() -> None:
    stranger = CreateContainer(DesiredContainer(name="s", service="s", image="base"), "s")
    join = ConnectNetwork("s", Attachment("shop_default"), "s")
    plan = undo(World(), OLD, "StartContainer", stranger, join)
    assert plan.notes == ("network shop_default is kept: s would lose it",)
    assert not plan.whole

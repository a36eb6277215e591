import pytest
from show_stories import Run, all_there, failing_run, first_plans, lesson, plan_up

from stackctl.planner.steps.actions import PullImage, RemoveContainer, StartContainer, StopContainer, WaitFor
from stackctl.planner.steps.events import (
    Done,
    Failed,
    Planned,
    Progress,
    Progressed,
    Rescued,
    Skipped,
    Started,
)
from stackctl.planner.steps.outcome import outcome
from stackctl.planner.steps.plan import Draft, Plan
from stackctl.planner.world.desired import Image
from stackctl.planner.world.replica import Replica
from stackctl.show.run.board import Board, BoardRow
from stackctl.show.run.failure import summary
from stackctl.spec.model import Condition


def board_at(now: float) -> dict[str, BoardRow]:
    """The lesson's first `up`, up to a time."""
    board = Board()
    for event in failing_run():
        if event.at <= now:
            board.show(event, event.at)
    return {
        row.detail.partition(" ·")[0] if row.name in ("network", "volume") else row.name: row
        for row in board.rows(now)
    }


def test_pulling_tells_the_bytes_and_building_the_step() -> None:
    rows = board_at(1.8)
    assert rows["postgres"] == BoardRow("postgres", "active", "pulling", "", 1.8, (10_000_000, 41_000_000))
    assert rows["api"] == BoardRow(
        "api", "active", "building", "step 2/4 · RUN pip install -r requirements.txt", 1.8
    )


def test_who_has_its_image_has_pulled_until_the_next_plan() -> None:
    assert board_at(4.0)["postgres"] == BoardRow("postgres", "ready", "pulled", "pulled 41 MB in 3.9 s", 3.9)


def test_rows_stand_in_the_order_of_the_latest_plan() -> None:
    assert list(board_at(5.0)) == ["myapp_default", "myapp_pgdata", "postgres", "redis", "api"]


def test_what_others_wait_for_stands_before_them() -> None:
    draft = Draft()
    stop = draft.add(StopContainer("1", "api", 10), "replaced", of=Replica("api"))
    ready = draft.add(WaitFor("2", "db", Condition.healthy), "api needs it", of=Replica("db"))
    draft.add(StartContainer("1", "api"), "new", stop, ready, of=Replica("api"))
    board = Board()
    board.show(Planned(draft.plan(), 0), 0)
    assert [row.name for row in board.rows(0)] == ["db", "api"]


def test_each_replica_has_a_row() -> None:
    draft = Draft()
    for number in (1, 2):
        name = f"myapp-web-{number}"
        start = draft.add(StartContainer(name, name), "new", of=Replica("web", number))
        wait = draft.add(WaitFor(name, name, Condition.healthy), "", start, of=Replica("web", number))
        draft.add(StartContainer(f"app-{number}", ""), "new", wait, of=Replica("app", number))
    board = Board()
    plan = draft.plan()
    run = Run(plan)
    board.show(Planned(plan, 0), 0)
    board.show(Started(run.step("StartContainer", "web"), 1), 1)
    assert [row.name for row in board.rows(2)] == ["web", "app", "web-2", "app-2"]
    assert [row.state for row in board.rows(2)] == ["starting", "waiting", "queued", "waiting"]
    assert [row.detail for row in board.rows(2)] == ["", "for web", "", "for web-2"]
    assert [row.name for row in board.rows_of(plan.steps[4], 2)] == ["web-2"]


def test_rows_before_their_turn_name_who_is_first() -> None:
    rows = board_at(5.05)
    assert rows["myapp_default"] == BoardRow(
        "network", "active", "creating", "myapp_default", rows["myapp_default"].seconds
    )
    assert rows["redis"] == BoardRow("redis", "queued", "queued", "behind network myapp_default", None)
    assert rows["api"].state == "waiting"


def test_who_waits_says_for_whom_and_why() -> None:
    rows = board_at(5.65)
    assert rows["postgres"].state == "starting"
    assert rows["postgres"].detail == "the database system is starting up"
    assert rows["api"].state == "waiting"
    assert rows["api"].detail == "for postgres, redis · postgres: the database system is starting up"
    assert board_at(6.0)["api"].detail == "for postgres · the database system is starting up"


def test_who_is_ready_says_what_was_done() -> None:
    assert board_at(7.5)["redis"].state == "healthy"
    assert board_at(7.5)["redis"].detail == "created"
    assert board_at(7.5)["postgres"].detail == "pulled 41 MB in 3.9 s · created"
    assert board_at(7.5)["myapp_pgdata"] == BoardRow(
        "volume", "ready", "created", "myapp_pgdata", board_at(7.5)["myapp_pgdata"].seconds
    )


def test_time_spent_waiting_for_others_is_not_its_own() -> None:
    assert board_at(7.0)["api"].seconds == pytest.approx(5.1)
    assert board_at(8.0)["api"].seconds == pytest.approx(5.7)


def test_the_failed_one_says_why() -> None:
    row = board_at(9)["api"]
    assert (row.tone, row.detail) == ("failed", "myapp-api-1 ended with exit code 137, out of memory")


def test_skipped_names_the_cause_or_the_interruption() -> None:
    plan = plan_of_two()
    board, run = Board(), Run(plan)
    board.show(run.planned(), 0)
    board.show(run.started("StopContainer", "api", 0), 0)
    board.show(run.failed("StopContainer", "api", 1, OSError("gone")), 1)
    board.show(run.skipped("RemoveContainer", "db", 1, run.step("StopContainer", "api")), 1)
    assert [row.detail for row in board.rows(1)] == ["gone", "api failed"]
    board.show(run.skipped("RemoveContainer", "db", 1, None), 1)
    assert board.rows(1)[1] == BoardRow("db", "skipped", "skipped", "interrupted", None)


def test_what_an_interrupt_has_left_half_done_is_told() -> None:
    draft = Draft("myapp")
    stop = draft.add(StopContainer("1", "myapp-db-1", 10), "going down", of=Replica("db"))
    draft.add(RemoveContainer("1", "myapp-db-1"), "going down", stop, of=Replica("db"))
    plan = draft.plan()
    run = Run(plan)
    events = [
        run.planned(),
        run.done("StopContainer", "db", 1),
        run.skipped("RemoveContainer", "db", 1, None),
    ]
    board = Board()
    for event in events:
        board.show(event, 1)
    assert [row.detail for row in board.rows(1)] == ["stopped · interrupted"]
    assert summary(outcome(events), [plan]) == "begun 1 · interrupted in 1.0 s"


def test_what_was_put_back_says_so() -> None:
    board, run = Board(), Run(plan_of_two())
    board.show(run.planned(), 0)
    board.show(run.failed("StopContainer", "api", 1, OSError("gone")), 1)
    board.show(Rescued(run.step("StopContainer", "api"), 2), 2)
    assert board.rows(2)[0].detail == "gone · what worked before runs again"


def test_down_is_queued_behind_dependents_and_tells_notes() -> None:
    board, run = Board(), Run(plan_of_two())
    board.show(run.planned(), 0)
    board.show(run.started("StopContainer", "api", 0), 0)
    assert board.rows(0) == (
        BoardRow("api", "active", "stopping", "", 0.0),
        BoardRow("db", "queued", "queued", "behind api", None),
    )
    board.show(run.done("StopContainer", "api", 10, "killed after 10 s"), 10)
    board.show(run.started("RemoveContainer", "db", 10), 10)
    board.show(run.done("RemoveContainer", "db", 11), 11)
    assert board.rows(11) == (
        BoardRow("api", "ready", "stopped", "killed after 10 s", 10.0),
        BoardRow("db", "ready", "removed", "", 1.0),
    )


def plan_of_two() -> Plan:
    draft = Draft("myapp")
    stop = draft.add(StopContainer("1", "myapp-api-1", 10), "going down", of=Replica("api"))
    draft.add(RemoveContainer("2", "myapp-db-1"), "going down", stop, of=Replica("db"))
    return draft.plan()


def test_a_recreated_service_tells_the_reason() -> None:
    plan = plan_up(lesson("debug"), all_there(lesson()))
    board = Board()
    board.show(Planned(plan, 0), 0)
    board.show(Started(plan.steps[0], 0), 0)
    assert "recreating" in [row.state for row in board.rows(0)]
    for step in plan.steps:
        board.show(Started(step, 0), 0)
        board.show(Done(step, 1, 1), 1)
    row = next(row for row in board.rows(1) if row.name == "api")
    assert (row.state, row.detail) == ("healthy", "recreated: environment.LOG_LEVEL changed")


def test_an_image_several_services_need_shows_at_each() -> None:
    draft = Draft()
    draft.add(PullImage(Image(ref="redis:7", services=("cache", "queue"))), "not here", of=Replica("cache"))
    board, run = Board(), Run(draft.plan())
    board.show(run.planned(), 0)
    board.show(run.started("PullImage", "cache", 0), 0)
    assert [(row.name, row.state) for row in board.rows(1)] == [("cache", "pulling"), ("queue", "pulling")]


def test_no_more_than_three_names_are_listed() -> None:
    draft = Draft()
    waits = [
        draft.add(WaitFor(name, name, Condition.healthy), "app needs it", of=Replica(name))
        for name in "abcde"
    ]
    draft.add(StopContainer("app", "app", 10), "", *waits, of=Replica("app"))
    board = Board()
    board.show(Planned(draft.plan(), 0), 0)
    assert board.rows(0)[-1].detail == "for a, b, c +2"


def test_the_classic_builder_and_buildkit_both_tell_their_step() -> None:
    images, _ = first_plans()
    build = next(step for step in images.steps if step.service == "api")
    board = Board()
    board.show(Planned(images, 0), 0)
    board.show(Started(build, 0), 0)
    told = {}
    for line in ("Step 2/9 : COPY . /app", "#7 [app 3/9] RUN make", "compiling 10/20", "[internal] load"):
        board.show(Progress(build, 0, Progressed(line)), 0)
        told[line] = board.rows(0)[-1].detail
    assert list(told.values()) == [
        "step 2/9 · COPY . /app",
        "step 3/9 · RUN make",
        "step 3/9 · compiling 10/20",
        "step 3/9 · [internal] load",
    ]


def test_the_second_plan_may_count_its_time_from_zero() -> None:
    plan = plan_of_two()
    board = Board()
    board.show(Planned(first_plans()[0], 0), 0)
    board.show(Planned(plan, 0), 10.0)
    board.show(Started(plan.steps[0], 1.0), 11.0)
    assert board.rows(12.0)[0].seconds == 1.0
    board.show(Failed(plan.steps[0], 3.0, 2.0, OSError("gone")), 13.0)
    board.show(Skipped(plan.steps[1], 3.0, plan.steps[0]), 13.0)
    assert board.rows(20.0)[0].seconds == 2.0

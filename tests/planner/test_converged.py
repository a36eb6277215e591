"""Whether a service of a Swarm has come to its goal: services, tasks and nodes in, a verdict out."""

import pytest
from msgspec.structs import replace

from stackctl.errors import RolledBackError, WaitError, WaitTimeoutError
from stackctl.planner.swarm.converged import Convergence, Verdict, at_rest, stands_still
from stackctl.planner.world import labels
from stackctl.planner.world.swarm_desired import SwarmGoal
from stackctl.planner.world.swarm_observed import ObservedNode, ObservedService, ObservedTask

GOAL = SwarmGoal(name="shop_web", digest="d1", task_digest="t1", tasks=2, settle=5.0)
SERVICE = ObservedService(
    id="s1", name="shop_web", version=7, replicas=2, running=2, desired=2, labels={labels.DIGEST: "d1"}
)
NODES = {
    "n1": ObservedNode(id="n1", name="one"),
    "n2": ObservedNode(id="n2", name="two"),
    "n3": ObservedNode(id="n3", name="three", state="down"),
}


def task(id_: str, slot: int = 1, node: str = "n1", state: str = "running", **more: object) -> ObservedTask:
    made = ObservedTask(id=id_, service_id="s1", slot=slot, node_id=node, state=state, digest="t1")
    return replace(made, **more)


BOTH = (task("a", 1, "n1"), task("b", 2, "n2"))


def seen(
    *looks: tuple[float, ObservedService, tuple[ObservedTask, ...]], goal: SwarmGoal = GOAL
) -> list[str]:
    convergence = Convergence(goal)
    return [convergence.look(service, tasks, NODES, now).state for now, service, tasks in looks]


def last(service: ObservedService, *tasks: ObservedTask, goal: SwarmGoal = GOAL) -> Verdict:
    """The verdict after it has been so for a minute."""
    convergence = Convergence(goal)
    for now in range(60):
        convergence.look(service, (), NODES, now) if now == 0 else None
        verdict = convergence.look(service, tasks, NODES, float(now))
        if verdict.state != "waiting":
            return verdict
    return verdict


def test_a_new_service_has_converged_when_all_slots_have_run_for_the_time_of_watching() -> None:
    assert seen((0, SERVICE, BOTH), (4.9, SERVICE, BOTH), (5, SERVICE, BOTH)) == [
        "waiting",
        "waiting",
        "converged",
    ]


def test_the_time_of_watching_begins_again_when_a_task_ends() -> None:
    one = (BOTH[0], task("b", 2, "n2", "failed"))
    looks = [(0, BOTH), (3, one), (6, BOTH), (9, BOTH), (11, BOTH)]
    found = seen(*((now, SERVICE, tasks) for now, tasks in looks))
    assert found == ["waiting"] * 4 + ["converged"]


def test_an_update_that_the_engine_has_watched_needs_no_further_time() -> None:
    assert seen((0, replace(SERVICE, update_state="completed"), BOTH)) == ["converged"]


def test_an_update_under_way_is_waited_for_as_long_as_an_older_task_runs() -> None:
    updating = replace(SERVICE, update_state="updating")
    assert last(updating, *BOTH, task("c", 2, "n1", digest="t0")).state == "waiting"


def test_an_update_that_waits_for_a_lost_node_alone_counts_as_done_after_a_while() -> None:
    """The rule follows from how swarmkit counts: an update waits for the task that it has begun, and a task of a lost node tells nothing
    any more. On real nodes a worker that was killed and one that was drained were seen (`tests/swarm/test_deploy_nodes.py`, Engine
    20.10), but no update that waited for ever.
    """
    updating = replace(SERVICE, update_state="updating")
    lost = task("c", 1, "n3", "assigned", digest="t1")
    old = task("d", 1, "n3", digest="t0")
    looks = [(0, (lost, old)), (10, (*BOTH, lost, old)), (29, (*BOTH, lost, old)), (30.1, (*BOTH, lost, old))]
    found = seen(*((now, updating, tasks) for now, tasks in looks))
    assert found == ["waiting", "waiting", "waiting", "converged"]


def test_an_update_stands_still_that_leaves_old_tasks_beside_new_ones_because_of_a_lost_node() -> None:
    """Seen with Engine 20.10 and the order start-first, after a node had crashed while its task started."""
    updating = replace(SERVICE, update_state="updating")
    lost = task("c", 1, "n3", "starting", desired_state="shutdown")
    old = task("d", 1, "n2", digest="t0")
    whole = (*BOTH, lost, old)
    assert stands_still(GOAL, updating, whole, NODES)
    assert not stands_still(GOAL, replace(SERVICE, update_state="completed"), whole, NODES)
    for missing in whole:
        assert not stands_still(GOAL, updating, [each for each in whole if each != missing], NODES)
    assert not stands_still(GOAL, updating, whole, {**NODES, "n3": ObservedNode(id="n3", name="three")})


@pytest.mark.parametrize(
    ("tasks", "why"),
    [
        ((BOTH[0],), "one of two"),
        ((BOTH[0], task("b", 1, "n2")), "two in one slot: the old one of it still ends"),
        ((BOTH[0], task("b", 2, "n3")), "on a dead node"),
        ((BOTH[0], task("b", 2, "gone")), "on a node that has left"),
        ((BOTH[0], task("b", 2, digest="t0")), "of the earlier definition"),
        ((BOTH[0], task("b", 2, desired_state="shutdown")), "about to end"),
        ((BOTH[0], task("b", 2, state="starting")), "not healthy yet"),
        ((), "nothing yet"),
    ],
)
def test_it_waits_for_tasks_that_do_not_count(tasks: tuple[ObservedTask, ...], why: str) -> None:
    assert last(SERVICE, *tasks).state == "waiting", why


def test_a_task_of_another_image_does_not_count() -> None:
    goal = replace(GOAL, image="web:2@sha256:1")
    assert last(SERVICE, *BOTH, goal=goal).state == "waiting"
    pinned = tuple(replace(each, image="web:2@sha256:1") for each in BOTH)
    assert last(SERVICE, *pinned, goal=goal).state == "converged"


def test_a_gate_for_a_started_service_needs_one_task() -> None:
    goal = replace(GOAL, started=True)
    assert seen((0, SERVICE, BOTH[:1]), goal=goal) == ["converged"]
    assert seen((0, SERVICE, ()), goal=goal) == ["waiting"]


def test_a_global_service_is_not_waited_for_on_nodes_that_are_lost_meanwhile() -> None:
    goal = replace(GOAL, mode="global", tasks=3, nodes=frozenset({"n1", "n2", "n3"}))
    on_all = (*(replace(each, slot=0) for each in BOTH), task("c", 0, "n3", "pending", error="not available"))
    assert last(SERVICE, *on_all, goal=goal).state == "converged"
    verdict = last(SERVICE, *on_all[1:], goal=goal)
    assert (verdict.state, verdict.text) == ("waiting", "1 of 2 running")


@pytest.mark.parametrize(("availability", "told"), [("active", True), ("pause", True), ("drain", None)])
def test_the_list_of_services_tells_nothing_while_a_node_is_emptied(
    availability: str, told: bool | None
) -> None:
    nodes = [NODES["n1"], replace(NODES["n2"], availability=availability)]
    assert at_rest(GOAL, SERVICE, nodes) is told


def test_a_global_service_is_counted_by_nodes() -> None:
    goal = replace(GOAL, mode="global")
    on_each = (task("a", 0, "n1"), task("b", 0, "n2"))
    assert last(SERVICE, *on_each, goal=goal).state == "converged"
    assert last(SERVICE, on_each[0], task("b", 0, "n1"), goal=goal).state == "waiting"


def test_zero_tasks_are_reached_at_once() -> None:
    goal = replace(GOAL, tasks=0)
    assert last(SERVICE, goal=goal).state == "converged"
    assert last(SERVICE, goal=replace(goal, started=True)).state == "converged"


@pytest.mark.parametrize(
    ("state", "text"),
    [
        ("rollback_started", "goes back to what it was before: update rolled back"),
        ("rollback_paused", "goes back to what it was before: update rolled back"),
        ("rollback_completed", "has gone back to what it was before: update rolled back"),
    ],
)
def test_a_service_that_goes_back_has_not_converged_though_all_tasks_run(state: str, text: str) -> None:
    back = replace(
        SERVICE, update_state=state, update_message="update rolled back", labels={labels.DIGEST: "d0"}
    )
    failed = task("c", 1, "n1", "failed", error="task: non-zero exit (3)", exit_code=3)
    verdict = last(back, *(replace(each, digest="t0") for each in BOTH), failed)
    assert (verdict.state, verdict.text, verdict.error) == ("rolled back", text, "task: non-zero exit (3)")
    with pytest.raises(RolledBackError, match=r"shop_web .* \(3\)") as raised:
        verdict.raised(GOAL)
    assert raised.value.exit_code == 6


def test_a_rollback_that_was_asked_for_is_no_failure() -> None:
    goal = replace(GOAL, rolled_back=True, digest="", task_digest="")
    back = replace(SERVICE, labels={labels.DIGEST: "d0"})
    looks = ("rollback_started", "rollback_completed")
    found = [last(replace(back, update_state=state), *BOTH, goal=goal).state for state in looks]
    assert found == ["waiting", "converged"]
    assert last(replace(back, update_state="rollback_paused"), *BOTH, goal=goal).state == "failed"


def test_a_paused_update_fails_with_the_error_of_its_task() -> None:
    paused = replace(SERVICE, update_state="paused", update_message="update paused due to failure")
    verdict = last(paused, BOTH[0], task("c", 2, "n2", "failed", error="unhealthy", digest="t1"))
    assert (verdict.state, verdict.error) == ("failed", "unhealthy")


def test_a_rejected_task_fails_at_once() -> None:
    rejected = task("c", 2, "n2", "rejected", error="No such image: nope:1")
    found = seen((0, SERVICE, ()), (1, SERVICE, (rejected,)))
    assert found == ["waiting", "failed"]
    assert last(SERVICE, rejected).error == "No such image: nope:1"


def test_what_had_ended_before_the_first_look_is_an_older_story() -> None:
    rejected = task("old", 2, "n2", "rejected", error="No such image: nope:1")
    assert seen((0, SERVICE, (rejected, *BOTH)), (6, SERVICE, (rejected, *BOTH))) == ["waiting", "converged"]


def test_three_failures_in_one_slot_are_enough() -> None:
    def failed(*slots: int) -> tuple[ObservedTask, ...]:
        return tuple(
            task(f"f{i}", slot, "n1", "failed", error="exit (1)", exit_code=1) for i, slot in enumerate(slots)
        )

    assert last(SERVICE, *failed(1, 1, 2, 2)).state == "waiting"
    verdict = last(SERVICE, *failed(1, 1, 2, 1))
    assert (verdict.state, verdict.exit_code) == ("failed", 1)


def test_an_error_that_stays_fails_after_a_while_and_is_shown_before() -> None:
    pending = task("p", 2, "", "pending", error="no suitable node (scheduling constraints not satisfied)")
    tasks = (BOTH[0], pending)
    looks = [(0, tasks), (15, tasks), (15.1, tasks)]
    assert seen(*((now, SERVICE, each) for now, each in looks)) == ["waiting", "waiting", "failed"]
    convergence = Convergence(GOAL)
    assert convergence.look(SERVICE, tasks, NODES, 0).error == pending.error


def test_an_error_that_goes_is_forgotten() -> None:
    pending = (BOTH[0], task("p", 2, "", "pending", error="no suitable node"))
    looks = [(0, pending), (14, BOTH), (16, pending), (30, pending), (31.1, pending)]
    found = seen(*((now, SERVICE, tasks) for now, tasks in looks))
    assert found == ["waiting", "waiting", "waiting", "waiting", "failed"]


def test_a_service_that_somebody_else_changed_or_removed_is_not_waited_for() -> None:
    assert last(replace(SERVICE, labels={labels.DIGEST: "d2"}), *BOTH).state == "failed"
    assert Convergence(GOAL).look(None, (), NODES, 0).state == "failed"


JOB = SwarmGoal(name="shop_migrate", digest="d1", task_digest="t1", mode="replicated-job", tasks=2)
RUN = replace(SERVICE, mode="replicated-job", iteration=3)


@pytest.mark.parametrize(
    ("tasks", "state"),
    [
        (("complete", "complete"), "converged"),
        (("complete", "running"), "waiting"),
        (("complete", "failed"), "failed"),
        (("complete", "rejected"), "failed"),
        (("complete",), "waiting"),
    ],
)
def test_a_job_has_converged_when_its_completions_are_there(tasks: tuple[str, ...], state: str) -> None:
    made = [
        task(f"j{i}", i, "n1", each, iteration=3, desired_state="complete")
        for i, each in enumerate(tasks, start=1)
    ]
    earlier = [task(f"e{i}", i, "n1", "complete", iteration=2) for i in (1, 2)]
    assert last(RUN, *made, *earlier, goal=JOB).state == state


def test_a_job_whose_failed_task_is_tried_again_is_waited_for() -> None:
    failed = task("j1", 1, "n1", "failed", iteration=3)
    assert last(RUN, failed, task("j2", 1, "n1", "running", iteration=3), goal=JOB).state == "waiting"


@pytest.mark.parametrize(
    ("service", "nodes", "found"),
    [
        (SERVICE, ("n1", "n2"), True),
        (SERVICE, ("n1", "n3"), None),
        (replace(SERVICE, running=3), ("n1",), None),
        (replace(SERVICE, running=1), ("n1",), None),
        (replace(SERVICE, update_state="updating"), ("n1",), None),
        (replace(SERVICE, update_state="completed"), ("n1",), True),
        (replace(SERVICE, labels={}), ("n1",), False),
    ],
)
def test_the_list_of_services_tells_that_nothing_is_to_do(
    service: ObservedService, nodes: tuple[str, ...], found: bool | None
) -> None:
    assert at_rest(GOAL, service, [NODES[each] for each in nodes]) is found


def test_a_job_is_at_rest_when_it_has_completed() -> None:
    assert at_rest(JOB, replace(RUN, completed=2), []) is True
    assert at_rest(JOB, replace(RUN, completed=1), []) is None


def test_the_deadline_tells_how_far_it_came_and_why_not_further() -> None:
    pending = task("p", 2, "", "pending", error="no suitable node")
    verdict = Convergence(GOAL).look(SERVICE, (BOTH[0], pending), NODES, 0)
    error = verdict.too_late(GOAL, 30)
    assert isinstance(error, WaitTimeoutError)
    assert error.message == (
        "shop_web has not come to run within 30 s: 1 of 2 running, 1 pending: no suitable node"
    )
    with pytest.raises(WaitError, match="cannot start: no suitable node"):
        Verdict("failed", "cannot start", "no suitable node").raised(GOAL)
    Verdict("waiting", "x").raised(GOAL)

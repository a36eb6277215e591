"""The contract of a Swarm on the simulated manager, and what only that one can do."""

from __future__ import annotations

import math
import threading
from collections import Counter

import pytest
from msgspec.structs import replace
from swarm_contract import Stack, SwarmContract

from stackctl.engine.execute import execute
from stackctl.engine.memory import Behaviour, MemoryEngine
from stackctl.engine.memory.swarm import MemorySwarm
from stackctl.engine.protocol import Engine
from stackctl.engine.ready.swarm import Polls
from stackctl.errors import EngineError, RolledBackError, WaitError, WaitTimeoutError
from stackctl.planner.steps.actions import RemoveService, WaitForService, WaitForTasksGone
from stackctl.planner.steps.outcome import outcome
from stackctl.planner.steps.plan import Draft
from stackctl.planner.world.desired import DesiredHealthcheck
from stackctl.planner.world.observed import ImageConfig
from stackctl.planner.world.swarm_desired import (
    Amounts,
    DesiredService,
    Placing,
    Rollout,
    SwarmGoal,
    SwarmPort,
)
from stackctl.planner.world.swarm_observed import ObservedNode, ObservedService, ObservedTask

BUSYBOX = {"busybox": ImageConfig(command=("sh",))}


class TestMemorySwarm(SwarmContract):
    @pytest.fixture
    def engine(self) -> Engine:
        return MemoryEngine(BUSYBOX, swarm=MemorySwarm(3))


class Simulated(Stack):
    def __init__(self, nodes: int = 3, **behaviours: Behaviour) -> None:
        self.swarm = MemorySwarm(nodes)
        engine = MemoryEngine(BUSYBOX, swarm=self.swarm, behaviours=behaviours)
        self.behaviours = engine.behaviours
        super().__init__(engine)

    def running(self) -> set[str]:
        """The places in which tasks run, as `slot@node`."""
        node = self.observe().node
        return {
            f"{task.slot}@{node[task.node_id].name}"
            for task in self.engine.swarm_tasks(self.project)
            if (task.state, task.desired_state) == ("running", "running")
        }


def _checked(spec: DesiredService) -> DesiredService:
    check = DesiredHealthcheck(test=("CMD", "true"), interval=1.0, retries=3)
    return replace(spec, template=replace(spec.template, healthcheck=check))


def test_the_tasks_of_a_dead_node_run_elsewhere_and_the_swarm_counts_them_twice() -> None:
    stack = Simulated()
    web = stack.create(stack.service("web", replicas=3))
    stack.wait(web)
    assert stack.running() == {"1@node1", "2@node2", "3@node3"}
    stack.swarm.kill_node("node3")
    stack.swarm.advance(12)
    assert stack.running() == {"1@node1", "2@node2", "3@node1"} or "3@node2" in stack.running()
    assert stack.seen(web).running == 4
    stack.wait(web)
    stack.swarm.start_node("node3")
    stack.swarm.advance(1)
    assert stack.seen(web).running == 3


def test_down_goes_on_without_a_dead_node_and_names_it() -> None:
    stack = Simulated()
    web = stack.create(stack.service("web", replicas=3))
    stack.wait(web)
    stack.swarm.kill_node("node3")
    live = stack.seen(web)
    stack.do(RemoveService(live.id, live.name))
    note = stack.do(WaitForTasksGone(stack.project, {live.name: live.id}))
    assert note == "node3 cannot be reached: containers there are removed when it is back"


def test_a_task_that_does_not_end_is_waited_for_until_the_deadline() -> None:
    stack = Simulated(web=Behaviour(ignores_stop=True))
    web = stack.service("web")
    web = stack.create(replace(web, template=replace(web.template, grace=90)))
    stack.wait(web)
    live = stack.seen(web)
    stack.do(RemoveService(live.id, live.name))
    with pytest.raises(WaitTimeoutError, match=r"1 container left of .* on node1"):
        stack.do(WaitForTasksGone(stack.project, {live.name: live.id}, timeout=30.0))
    assert stack.do(WaitForTasksGone(stack.project, {live.name: live.id}, timeout=90.0)) == ""


def test_drain_moves_tasks_and_a_global_service_leaves_the_node() -> None:
    stack = Simulated()
    stack.wait(stack.create(stack.service("web", replicas=3)))
    everywhere = stack.create(stack.service("all", mode="global"))
    stack.wait(everywhere, tasks=3)
    stack.swarm.set_availability("node2", "drain")
    stack.swarm.advance(2)
    assert not [place for place in stack.running() if place.endswith("@node2")]
    assert len(stack.running()) == 5
    stack.swarm.set_availability("node2", "active")
    stack.swarm.advance(2)
    assert "0@node2" in stack.running()


def test_a_service_runs_when_it_is_healthy_and_never_before() -> None:
    stack = Simulated(slow=Behaviour(ready_after=2.0), never=Behaviour(ready_after=math.inf))
    began = stack.swarm.clock.now
    stack.wait(stack.create(_checked(stack.service("slow"))))
    assert stack.swarm.clock.now - began > 2.0
    with pytest.raises(WaitError, match="unhealthy container"):
        stack.wait(stack.create(_checked(stack.service("never"))))


def test_an_update_that_turns_unhealthy_goes_back_before_all_is_replaced() -> None:
    stack = Simulated()
    good = replace(stack.service("web", replicas=3), update=Rollout(monitor=2.0, order="start-first"))
    stack.wait(stack.create(good))
    bad = replace(_checked(stack.service("web", digest="2", replicas=3)), update=good.update)
    stack.behaviours["web"] = Behaviour(ready_after=math.inf)
    stack.update(bad)
    stack.swarm.advance(1)
    assert len(stack.running()) == 3, "start-first keeps the old tasks"
    with pytest.raises(RolledBackError, match="update rolled back due to failure"):
        stack.wait(bad)
    stack.wait(good, rolled_back=True)
    assert {t.digest for t in stack.engine.swarm_tasks(stack.project) if t.state == "running"} == {"1"}


def test_updates_take_so_many_places_at_once_and_wait_between_them() -> None:
    stack = Simulated()
    first = stack.create(stack.service("web", replicas=4))
    stack.wait(first)
    second = replace(
        stack.service("web", "sleep", "9999", digest="2", replicas=4),
        update=Rollout(parallelism=2, delay=10.0, monitor=1.0),
    )
    stack.update(second)
    stack.swarm.advance(5)
    new = [t for t in stack.engine.swarm_tasks(stack.project) if t.digest == "2"]
    assert [t.state for t in new] == ["running"] * 2
    stack.wait(second)
    assert stack.seen(second).update_state == "completed"


def test_placement_counts_ports_resources_and_tasks_of_a_node() -> None:
    stack = Simulated(2)
    port = SwarmPort(target=80, published=8080, mode="host")
    tight = {
        "port": stack.service("port", replicas=3, ports=(port,)),
        "most": stack.service("most", replicas=3, placement=Placing(max_per_node=1)),
        "room": stack.service("room", replicas=3, reservations=Amounts(memory=6 << 30)),
    }
    for spec in tight.values():
        stack.create(spec)
    stack.swarm.advance(5)
    errors = {}
    for task in stack.engine.swarm_tasks(stack.project):
        if task.state == "pending":
            key = next(s.key for s in stack.observe().services if s.id == task.service_id)
            errors[key] = task.error
    assert errors == {
        "port": "no suitable node (host-mode port already in use on 2 nodes)",
        "most": "no suitable node (max replicas per node limit exceed)",
        "room": "no suitable node (insufficient resources on 2 nodes)",
    }


def test_a_plan_waits_for_two_hundred_services_on_twenty_nodes_at_once() -> None:
    stack = Simulated(20)
    draft = Draft(stack.project)
    for number in range(200):
        spec = stack.create(stack.service(f"s{number}", replicas=3))
        goal = SwarmGoal(name=spec.name, digest="1", task_digest="1", tasks=3, settle=1.0)
        draft.add(WaitForService(goal, stack.project), "test")
    result = outcome(execute(draft.plan(), stack.engine.perform))
    assert result.exit_code == 0, result.failures[0].error
    counts = Counter(task.node_id for task in stack.engine.swarm_tasks(stack.project))
    assert (len(counts), set(counts.values())) == (20, {30})


def test_all_waits_share_each_look_and_one_that_leaves_keeps_nobody() -> None:
    looks: list[bool] = []
    now = [0.0]

    def ask(nodes: bool) -> tuple[list[ObservedService], list[ObservedTask], list[ObservedNode] | None]:
        looks.append(nodes)
        return [], [], [] if nodes else None

    def sleep(seconds: float) -> None:
        now[0] += seconds

    polls = Polls(ask, lambda: now[0], sleep)
    together = threading.Barrier(5)
    seen: list[list[int]] = []

    def wait(number: int) -> None:
        mine: list[int] = []
        with polls.waiting():
            together.wait()
            for _ in range(number + 2):
                found = polls.after(mine[-1] if mine else 0, lambda: False)
                assert found
                mine.append(found.number)
        seen.append(mine)

    threads = [threading.Thread(target=wait, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == [[*range(1, count + 1)] for count in range(2, 7)]
    assert looks == [True, False, False, False, False, False]
    assert now[0] == pytest.approx(2.5), "half a second between two looks"


def test_an_engine_that_manages_nothing_says_so() -> None:
    alone = MemoryEngine()
    assert (alone.observe_swarm().state, alone.observe_swarm().manager) == ("inactive", False)
    with pytest.raises(EngineError, match="not a swarm manager"):
        alone.swarm_tasks("shop")
    worker = MemoryEngine(swarm=MemorySwarm(2, manager=False)).observe_swarm()
    assert (worker.manager, worker.state, worker.managers) == (False, "active", ("10.0.0.1:2377",))
    leaderless = MemoryEngine(swarm=MemorySwarm(3, leaderless=True)).observe_swarm()
    assert (leaderless.manager, leaderless.services, leaderless.reason) == (
        True,
        (),
        "The swarm does not have a leader.",
    )


def test_registries_know_images_by_digest() -> None:
    engine = MemoryEngine(registry={"shop/web:1": ImageConfig()})
    first = engine.image_digest("shop/web:1")
    assert first is not None
    assert first.startswith("sha256:")
    engine.revise("shop/web:1")
    assert engine.image_digest("shop/web:1") not in (None, first)
    assert engine.image_digest("local:1") is None

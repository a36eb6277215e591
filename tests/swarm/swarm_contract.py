"""What every engine that manages a Swarm must do. One class, run against the simulated manager and against a real Swarm.

A subclass gives the `engine` fixture: a manager of a Swarm of three nodes that have `busybox`. The times of updates are short, so that
the real Swarm is quick as well.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from stackctl.engine.protocol import Engine
from stackctl.errors import EngineError, OutOfSequenceError, RolledBackError, WaitError, WaitTimeoutError
from stackctl.planner.steps.actions import (
    Action,
    CreateConfig,
    CreateNetwork,
    CreateSecret,
    CreateService,
    LabelNode,
    RefreshAuth,
    RemoveConfig,
    RemoveNetwork,
    RemoveSecret,
    RemoveService,
    RollBackService,
    UpdateService,
    WaitForService,
    WaitForTasksGone,
)
from stackctl.planner.steps.events import Progressed
from stackctl.planner.world import labels as names
from stackctl.planner.world.desired import Attachment, DesiredContainer, DesiredNetwork
from stackctl.planner.world.swarm_desired import (
    DesiredService,
    DesiredSwarmFile,
    Placing,
    Restarting,
    Rollout,
    SwarmFileUse,
    SwarmGoal,
)
from stackctl.planner.world.swarm_observed import Mode, ObservedService, ObservedSwarm
from stackctl.secret import Secret

_NEVER = Restarting(condition="none")


class Stack:
    """A stack of its own on the Swarm, with short words for what the tests do to it."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.project = f"contract{uuid.uuid4().hex[:8]}"
        self.labels = {names.PROJECT: self.project, names.INSTANCE: "i", names.STACK: self.project}
        self.network = f"{self.project}_default"
        self.news: list[str] = []

    def do(self, action: Action) -> str:
        return self.engine.perform(action, lambda news: self.news.append(news.text), lambda: False)

    def connected(self) -> None:
        wanted = DesiredNetwork(key="default", name=self.network, driver="overlay", labels=self.labels)
        self.do(CreateNetwork(wanted))

    def service(
        self, key: str, *command: str, digest: str = "1", mode: Mode = "replicated", **given: Any
    ) -> DesiredService:
        labels = {**self.labels, names.SERVICE: key, names.DIGEST: digest}
        job = mode.endswith("-job")
        return DesiredService(
            name=f"{self.project}_{key}",
            service=key,
            template=DesiredContainer(
                name=key,
                service=key,
                image="busybox",
                command=command or ("sleep", "600"),
                grace=0,
                networks=given.pop("networks", ()),
            ),
            image="busybox",
            labels=labels,
            task_labels=labels,
            digest=digest,
            task_digest=digest,
            endpoint_mode="dnsrr",
            mode=mode,
            update=Rollout(parallelism=0, monitor=2.0),
            rollback=Rollout(parallelism=0, monitor=0.5, failure_action="pause"),
            restart=_NEVER if job else Restarting(delay=0.1),
            **given,
        )  # fmt: skip

    def wait(
        self, spec: DesiredService, timeout: float = 60.0, *, tasks: int | None = None, **goal: Any
    ) -> None:
        wanted = SwarmGoal(
            name=spec.name,
            digest=spec.digest,
            task_digest=spec.task_digest,
            mode=spec.mode,
            tasks=spec.replicas if tasks is None else tasks,
            settle=0.1,
            **goal,
        )
        self.do(WaitForService(wanted, self.project, timeout))

    def create(self, spec: DesiredService) -> DesiredService:
        self.do(CreateService(spec))
        return spec

    def seen(self, spec: DesiredService) -> ObservedService:
        return self.observe().by_key[spec.service]

    def observe(self) -> ObservedSwarm:
        return self.engine.observe_swarm(self.project)

    def update(self, spec: DesiredService) -> None:
        live = self.seen(spec)
        self.do(UpdateService(live.id, live.version, spec))

    def clean(self) -> None:
        observed = self.observe()
        for service in observed.services:
            self.do(RemoveService(service.id, service.name))
        if observed.services:
            self.do(WaitForTasksGone(self.project, {each.name: each.id for each in observed.services}))
        for network in observed.networks:
            if network.project == self.project:
                self.do(RemoveNetwork(network.id, network.name))
        for secret in observed.secrets:
            if secret.project == self.project:
                self.do(RemoveSecret(secret.id, secret.name))
        for config in observed.configs:
            if config.project == self.project:
                self.do(RemoveConfig(config.id, config.name))


class SwarmContract:
    @pytest.fixture
    def stack(self, engine: Engine) -> Iterator[Stack]:
        stack = Stack(engine)
        yield stack
        stack.clean()
        left = stack.observe()
        assert not left.services
        everything = (*left.networks, *left.secrets, *left.configs)
        assert not [each.name for each in everything if each.project == stack.project]

    def test_a_service_with_secret_config_and_network_runs_once_and_its_log_is_read(
        self, stack: Stack
    ) -> None:
        stack.connected()
        secret = DesiredSwarmFile(
            section="secrets",
            key="pw",
            name=f"{stack.project}_pw_1",
            content=Secret("x"),
            labels=stack.labels,
        )
        config = DesiredSwarmFile(
            section="configs", key="c", name=f"{stack.project}_c_1", content=Secret("y"), labels=stack.labels
        )
        for _ in range(2):  # a run whose answer was lost asks again
            stack.do(CreateSecret(secret))
            stack.do(CreateConfig(config))
        spec = stack.service(
            "web",
            "sh", "-c", "echo hello; sleep 600",
            replicas=3,
            networks=(Attachment(stack.network, ("web",)),),
            files=(
                SwarmFileUse(section="secrets", name=secret.name, target="/run/secrets/pw"),
                SwarmFileUse(section="configs", name=config.name, target="/etc/c"),
            ),
        )  # fmt: skip
        for _ in range(2):
            stack.create(spec)
        theirs = {**stack.labels, names.INSTANCE: "theirs"}
        with pytest.raises(OutOfSequenceError, match="already exists"):
            stack.create(replace(spec, labels=theirs))
        network = DesiredNetwork(key="default", name=stack.network, driver="overlay", labels=theirs)
        with pytest.raises(OutOfSequenceError, match="already exists"):
            stack.do(CreateNetwork(network))
        stack.wait(spec)
        (service,) = stack.observe().services
        assert (service.replicas, service.running, service.desired, service.digest) == (3, 3, 3, "1")
        assert (service.mode, service.endpoint_mode, service.previous) == ("replicated", "dnsrr", False)
        assert len(service.secrets) == len(service.configs) == len(service.networks) == 1
        tasks = stack.engine.swarm_tasks(stack.project)
        assert {(task.slot, task.state, task.digest) for task in tasks} == {
            (slot, "running", "1") for slot in (1, 2, 3)
        }
        assert len({task.node_id for task in tasks}) == 3
        lines = [*stack.engine.service_logs([spec.name])]
        assert {(line.container, line.text) for line in lines} == {(task.id, "hello") for task in tasks}
        assert [line.time for line in lines] == sorted(line.time for line in lines)
        assert stack.do(RemoveSecret(next(iter(service.secrets)), secret.name))  # it is in use
        with pytest.raises(EngineError, match="in use"):
            stack.do(RemoveNetwork(service.networks[0], stack.network))

    def test_an_update_names_a_version_and_goes_back_when_its_tasks_fail_or_when_it_is_asked_to(
        self, stack: Stack
    ) -> None:
        good = stack.create(stack.service("web", replicas=2))
        stack.wait(good)
        old = stack.seen(good)
        better = stack.service("web", "sleep", "601", digest="2", replicas=2)
        stack.update(better)
        with pytest.raises(OutOfSequenceError):
            stack.do(UpdateService(old.id, old.version, good))
        stack.wait(better)
        live = stack.seen(better)
        assert (live.update_state, live.digest, live.previous_digest) == ("completed", "2", "1")
        bad = stack.service("web", "false", digest="3", replicas=2)
        stack.update(bad)
        with pytest.raises(RolledBackError):
            stack.wait(bad)
        stack.wait(better, rolled_back=True)
        live = stack.seen(better)
        assert (live.update_state, live.digest) == ("rollback_completed", "2")
        stack.update(good)
        stack.wait(good)
        for _ in range(2):  # a run whose answer was lost asks again
            stack.do(RollBackService(live.id, live.name))
        stack.wait(better, rolled_back=True)
        assert stack.seen(better).digest == "2"

    def test_an_update_that_may_not_go_back_stops(self, stack: Stack) -> None:
        good = stack.create(stack.service("web"))
        stack.wait(good)
        bad = replace(
            stack.service("web", "false", digest="2"),
            update=Rollout(failure_action="pause", monitor=2.0),
        )
        stack.update(bad)
        with pytest.raises(WaitError, match="stopped"):
            stack.wait(bad)
        assert stack.seen(bad).update_state == "paused"

    def test_what_cannot_run_is_told_with_the_error_of_the_task(self, stack: Stack) -> None:
        nowhere = stack.service("nowhere", placement=Placing(constraints=("node.labels.no==where",)))
        failing = stack.service("failing", "sh", "-c", "exit 7")
        for spec in (nowhere, failing):
            stack.create(spec)
        with pytest.raises(WaitError, match=r"3 times: task: non-zero exit \(7\)"):
            stack.wait(failing)
        with pytest.raises(WaitTimeoutError, match="no suitable node"):
            stack.wait(nowhere, 1.0)
        node = next(node for node in stack.observe().nodes if node.role == "worker")
        stack.do(LabelNode(node.id, node.name, {"no": "where"}))
        try:
            stack.wait(nowhere)
            mine = stack.seen(nowhere).id
            tasks = [t for t in stack.engine.swarm_tasks(stack.project) if t.service_id == mine]
            assert {(task.state, task.node_id) for task in tasks} == {("running", node.id)}
        finally:
            stack.do(LabelNode(node.id, node.name, {"no": "more"}))

    def test_a_job_is_done_once_and_again_when_it_is_forced(self, stack: Stack) -> None:
        job = stack.create(stack.service("job", "true", mode="replicated-job", replicas=2))
        broken = stack.create(stack.service("broken", "sh", "-c", "exit 3", mode="replicated-job"))
        stack.wait(job)
        live = stack.seen(job)
        assert (live.mode, live.replicas, live.completed, live.iteration) == ("replicated-job", 2, 2, 0)
        with pytest.raises(WaitError, match=r"exit \(3\)") as caught:
            stack.wait(broken)
        assert caught.value.exit_code_of_container == 3
        stack.update(replace(job, force=1))
        stack.wait(replace(job, force=1))
        live = stack.seen(job)
        assert (live.completed, live.iteration, live.force) == (2, 1, 1)

    def test_a_global_service_runs_on_each_node_and_waits_are_left_early(self, stack: Stack) -> None:
        everywhere = stack.create(stack.service("all", mode="global"))
        stack.wait(everywhere, tasks=3)
        tasks = stack.engine.swarm_tasks(stack.project)
        assert {task.node_id for task in tasks} == {node.id for node in stack.observe().nodes}
        before = stack.seen(everywhere)
        stack.do(RefreshAuth(before.id, before.name))
        assert stack.seen(everywhere).version != before.version
        assert {task.id for task in stack.engine.swarm_tasks(stack.project)} == {task.id for task in tasks}
        goal = SwarmGoal(name=everywhere.name, digest="1", tasks=9, mode="global")
        asked = iter([False] * 2)
        wait = WaitForService(goal, stack.project, 60.0)
        assert stack.engine.perform(wait, _quiet, lambda: next(asked, True)) == ""


def _quiet(_: Progressed) -> None:
    """Nobody reads it."""

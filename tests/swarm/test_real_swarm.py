"""The contract on a real Swarm, and how many calls it costs."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from cluster import Cluster
from msgspec.structs import replace
from proxy import RecordingProxy
from swarm_contract import Stack, SwarmContract

from stackctl.engine.docker.docker_engine import DockerEngine
from stackctl.engine.execute import execute
from stackctl.engine.transport.connect import connect
from stackctl.planner.steps.actions import RemoveService, WaitForService
from stackctl.planner.steps.outcome import outcome
from stackctl.planner.steps.plan import Draft
from stackctl.planner.world.swarm_desired import SwarmGoal

pytestmark = pytest.mark.docker
pytest_plugins = ["swarm_fixtures"]


class TestRealSwarm(SwarmContract):
    @pytest.fixture
    def engine(self, cluster: Cluster) -> Iterator[DockerEngine]:
        engine = connect(environ={"DOCKER_HOST": cluster.manager.host})
        yield engine
        engine.close()

    @pytest.mark.slow
    def test_an_update_names_a_version_and_goes_back_when_its_tasks_fail_or_when_it_is_asked_to(
        self, stack: Stack
    ) -> None:
        super().test_an_update_names_a_version_and_goes_back_when_its_tasks_fail_or_when_it_is_asked_to(stack)


@pytest.fixture
def stack(cluster: Cluster, tmp_path: Path) -> Iterator[tuple[Stack, RecordingProxy]]:
    """A stack on an engine whose calls are counted."""
    with RecordingProxy(cluster.manager.socket, tmp_path / "s") as proxy:
        engine = connect(environ={"DOCKER_HOST": f"unix://{proxy.path}"})
        stack = Stack(engine)
        yield stack, proxy
        stack.clean()
        engine.close()


def test_a_look_must_cost_six_calls_and_all_waits_together_two_for_each_tick(
    stack: tuple[Stack, RecordingProxy],
) -> None:
    on, proxy = stack
    proxy.forget()
    engine = connect(environ={"DOCKER_HOST": f"unix://{proxy.path}"})
    with closing(engine):
        assert engine.id
        assert engine.observe_swarm(on.project).manager
    asked = [request.path.partition("?")[0].rpartition("/")[2] for request in proxy.requests]
    lists = ["configs", "info", "networks", "nodes", "secrets", "services"]
    assert sorted(path for path in asked if path != "_ping") == lists
    draft = Draft(on.project)
    for number in range(8):
        spec = on.create(on.service(f"s{number}"))
        goal = SwarmGoal(name=spec.name, digest="1", task_digest="1", settle=1.0)
        draft.add(WaitForService(goal, on.project), "test")
    proxy.forget()
    result = outcome(execute(draft.plan(), on.engine.perform))
    assert result.exit_code == 0
    assert not proxy.writes
    asked = [request.path.partition("?")[0].rpartition("/")[2] for request in proxy.requests]
    assert asked.count("services") == asked.count("tasks") < 8 * 2
    assert asked.count("nodes") <= asked.count("tasks")
    assert set(asked) == {"services", "tasks", "nodes"}


@pytest.mark.slow
def test_a_log_must_be_followed_until_its_service_is_removed(stack: tuple[Stack, RecordingProxy]) -> None:
    on, _ = stack
    script = "i=0; while sleep 0.2; do i=$((i+1)); echo line $i; done"
    spec = on.create(on.service("talk", "sh", "-c", script, replicas=2))
    on.wait(spec)
    with closing(on.engine.service_logs([spec.name], follow=True)) as lines:  # type: ignore[type-var]
        found: dict[str, list[str]] = {}
        for line in lines:
            found.setdefault(line.container, []).append(line.text)
            if len(found) == 2 and all(len(texts) > 6 for texts in found.values()):
                live = on.seen(spec)
                on.do(RemoveService(live.id, live.name))
                break
        for texts in found.values():
            assert texts == [f"line {number}" for number in range(1, len(texts) + 1)]
        for _ in lines:
            """The rest, until the service is gone."""


def test_a_private_image_must_be_pulled_by_every_node_with_the_login_of_the_user(
    stack: tuple[Stack, RecordingProxy], cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on, _ = stack
    with (
        closing(cluster.serve_registry(("ann", "secret"))) as registry,
        closing(cluster.manager.api) as api,
    ):
        ref = f"{registry.address}/own:1"
        api.tag("busybox", f"{registry.address}/own", "1")
        login = {"username": "ann", "password": "secret"}
        assert "digest" in api.push(f"{registry.address}/own", "1", auth_config=login)
        monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
        assert on.engine.image_digest(ref) is None
        auth = base64.b64encode(b"ann:secret").decode()
        (tmp_path / "config.json").write_text(json.dumps({"auths": {registry.address: {"auth": auth}}}))
        digest = on.engine.image_digest(ref)
        assert digest
        assert digest.startswith("sha256:")
        spec = replace(on.service("own", replicas=3), image=f"{ref}@{digest}")
        on.wait(on.create(spec), image=spec.image)
        assert len({task.node_id for task in on.engine.swarm_tasks(on.project)}) == 3

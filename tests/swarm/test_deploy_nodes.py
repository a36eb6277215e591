"""Nodes of a Swarm that die or are emptied while a stack is deployed."""

from __future__ import annotations

import json
import secrets
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from cluster import Cluster
from deployed import NOTHING, SLEEP, Deployed
from proxy import RecordingProxy, Request
from scenario import eventually

pytestmark = [pytest.mark.docker, pytest.mark.slow]
pytest_plugins = ["swarm_fixtures"]


def spec(level: int, replicas: int = 4) -> str:
    return f"""
[services.db]
{SLEEP}
volumes = ["data:/data"]
environment = {{ LEVEL = "{level}" }}
[services.api]
{SLEEP}
environment = {{ LEVEL = "{level}" }}
depends_on = ["db"]
deploy.replicas = {replicas}
[services.last]
{SLEEP}
depends_on = ["api"]
deploy.mode = "global"
[volumes.data]
sticky = true
"""


def when(recorder: RecordingProxy, path: str, number: int, do: Callable[[], None]) -> None:
    """Do something once the manager has got that many writes to such a path."""
    found: list[Request] = []

    def sent(request: Request) -> None:
        if request.writes and request.path.startswith(path):
            found.append(request)
            if len(found) == number:
                do()

    recorder.sent = sent


def wait(process: subprocess.Popen[str]) -> tuple[int, str]:
    with process:
        stdout, stderr = process.communicate(timeout=200)
    return process.returncode, stdout + stderr


def state_of(swarm: Deployed, node: str) -> str:
    found: str = next(
        row["Status"]["State"] for row in swarm.api.nodes() if row["Description"]["Hostname"] == node
    )
    return found


def test_a_deploy_must_converge_on_the_nodes_that_are_left(swarm: Deployed, recorder: RecordingProxy) -> None:
    victim = swarm.cluster.nodes[2]
    swarm.write(spec(1))
    when(recorder, "/services/create", 2, victim.kill)  # the tasks of api are about to start
    try:
        code, told = wait(swarm.start("deploy"))
        assert code == 0, told
        eventually(lambda: state_of(swarm, "node3") == "down", 60)
        swarm.run("deploy")
        status = json.loads(swarm.run("deploy", "status", "--json").stdout)
        (api,) = (row for row in status["services"] if row["service"] == "api")
        assert (api["running"], api["wanted"], set(api["nodes"])) == (4, 4, {"node1", "node2"})
        swarm.write(spec(2))
        swarm.run("deploy")
    finally:
        victim.start()
    eventually(lambda: state_of(swarm, "node3") == "ready", 60)
    swarm.run("deploy")
    assert swarm.nodes_of("last") == {"node1", "node2", "node3"}
    swarm.run("deploy", "down")
    assert swarm.left() == NOTHING


def test_an_update_that_a_lost_node_holds_up_must_be_begun_anew(
    swarm: Deployed, recorder: RecordingProxy
) -> None:
    victim = swarm.cluster.nodes[2]
    text = f"""
[services.api]
{SLEEP}
environment = {{ LEVEL = "1" }}
deploy.replicas = 6
deploy.update_config.order = "start-first"
"""
    swarm.write(text)
    swarm.run("deploy")
    swarm.write(text.replace('LEVEL = "1"', 'LEVEL = "2"'))
    when(recorder, "/services/", 1, lambda: threading.Timer(0.3, victim.crash).start())
    try:
        code, told = wait(swarm.start("deploy", "--timeout", "45"))
        assert code in (0, 4), told  # 4: the new tasks of that node had begun
        swarm.run("deploy")
        rest = swarm.cluster.nodes[:2]
        eventually(lambda: sum(row["State"] == "running" for n in rest for row in swarm.on(n)) == 6, 60)
        assert swarm.environment_of("api") == ["LEVEL=2"]
        assert swarm.run("deploy", "plan", "--detailed-exitcode").code == 0
    finally:
        victim.start()
    eventually(lambda: state_of(swarm, "node3") == "ready", 60)


def test_an_emptied_node_must_lose_its_tasks_and_the_stack_still_fit(swarm: Deployed) -> None:
    swarm.write(spec(1, replicas=3))
    swarm.run("deploy")
    (home,) = swarm.nodes_of("db")
    other = next(name for name in ("node2", "node3") if name != home)

    def availability(node: str, what: str) -> None:
        swarm.docker("node", "update", "--availability", what, node)

    try:
        availability(other, "drain")
        eventually(lambda: other not in swarm.nodes_of("api") | swarm.nodes_of("last"))
        swarm.run("deploy")
        assert len(swarm.tasks("api")) == 3
        assert swarm.run("deploy", "plan", "--detailed-exitcode").code == 0
        availability(home, "drain")
        swarm.write(spec(2, replicas=3))
        refused = swarm.run("deploy", code=None)
        assert refused.code not in (0, 4, 6)
        assert "no node may run it" in refused.stderr
        assert "drain" in refused.stderr
    finally:
        for node in (other, home):
            availability(node, "active")
    swarm.run("deploy")
    assert swarm.nodes_of("db") == {home}


@pytest.fixture(scope="module")
def managers() -> Iterator[Cluster]:
    """A Swarm in which each node is a manager: it outlives one of them."""
    with Cluster(3, managers=3) as cluster:
        yield cluster


def test_a_deploy_must_outlive_the_leader(managers: Cluster, tmp_path: Path) -> None:
    asked = managers.nodes[1]
    with (
        closing(asked.api) as api,
        RecordingProxy(asked.socket, tmp_path / "engine.sock") as recorder,
    ):
        project = Deployed(f"t{secrets.token_hex(4)}", tmp_path, api, cluster=managers)
        project.env["DOCKER_HOST"] = f"unix://{recorder.path}"
        project.write(spec(1))
        when(recorder, "/services/create", 2, managers.nodes[0].kill)
        code, told = wait(project.start("deploy"))
        assert "Traceback" not in told
        assert code == 0, told
        assert len({task["Slot"] for task in project.tasks("api")}) == 4
        project.write(spec(2))
        project.run("deploy")
        managers.nodes[0].start()
        eventually(lambda: state_of(project, "node1") == "ready", 60)
        project.run("deploy")
        project.run("deploy", "down")
        eventually(lambda: project.left() == NOTHING, 60)


def test_a_deploy_whose_engine_dies_must_say_so_and_the_next_one_converge(
    managers: Cluster, tmp_path: Path
) -> None:
    first, second = managers.nodes[0], managers.nodes[1]
    with closing(second.api) as api, RecordingProxy(first.socket, tmp_path / "engine.sock") as recorder:
        project = Deployed(f"t{secrets.token_hex(4)}", tmp_path, api, cluster=managers)
        project.write(spec(1))
        project.env["DOCKER_HOST"] = f"unix://{recorder.path}"
        when(recorder, "/services/create", 2, first.kill)
        code, told = wait(project.start("deploy"))
        assert code in (1, 5), told
        assert "Traceback" not in told
        project.env["DOCKER_HOST"] = second.host
        project.run("deploy")
        assert len({task["Slot"] for task in project.tasks("api")}) == 4
        first.start()
        eventually(lambda: state_of(project, "node1") == "ready", 60)
        project.run("deploy", "down")
        eventually(lambda: project.left() == NOTHING, 60)

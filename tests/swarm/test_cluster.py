"""The Swarm that the other tests use: it is a real one, and it goes whatever happens to its owner."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import docker
import pytest
from cluster import Cluster
from docker.types import ContainerSpec, EndpointSpec, ServiceMode, TaskTemplate
from private_engine import sweep

pytestmark = pytest.mark.docker
pytest_plugins = ["swarm_fixtures"]

PORTS: Any = {8080: (80, "tcp", "host")}
_SERVER = 'echo "$0" > /name; exec httpd -f -p 80 -h /'


def _until(met: Callable[[], Any], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _says(cluster: Cluster, number: int) -> bytes:
    with cluster.nodes[number].connect(8080) as connection:
        connection.sendall(b"GET /name HTTP/1.0\r\n\r\n")
        return b"".join(iter(lambda: connection.recv(4096), b""))


@pytest.mark.slow
def test_three_nodes_must_share_a_network_have_a_registry_and_survive_a_killed_engine(
    cluster: Cluster,
) -> None:
    registry = cluster.registry
    with closing(cluster.manager.api) as api:
        api.tag("busybox", f"{registry.address}/own", "1")
        api.push(f"{registry.address}/own", "1")
        digest = api.inspect_distribution(f"{registry.address}/own:1")["Descriptor"]["digest"]
        network = api.create_network("smoke", driver="overlay", attachable=True)["Id"]
        command = ["sh", "-c", _SERVER, "{{.Task.Slot}}"]
        service = api.create_service(
            TaskTemplate(
                ContainerSpec(f"{registry.address}/own:1@{digest}", command=command, stop_grace_period=1),
                networks=[network],
            ),
            name="smoke",
            mode=ServiceMode("replicated", 3),
            endpoint_spec=EndpointSpec(mode="dnsrr", ports=PORTS),
        )["ID"]

        def running() -> set[str]:
            tasks = api.tasks(filters={"service": "smoke", "desired-state": "running"})
            return {task["NodeID"] for task in tasks if task["Status"]["State"] == "running"}

        try:
            _until(lambda: len(running()) == 3)
            assert all(b"200 OK" in _says(cluster, number) for number in range(3))
            for node in cluster.nodes:
                with closing(node.api) as one:
                    (container,) = node.containers(running=True)
                    found = one.exec_start(
                        one.exec_create(container["Id"], ["nslookup", "tasks.smoke"])["Id"]
                    )
                    assert found.count(b"10.0.") == 3, found
        finally:
            api.remove_service(service)
            _until(lambda: not any(node.containers() for node in cluster.nodes))
            _until(lambda: _removed(api, network))
        cluster.nodes[2].restart()
        assert not cluster.nodes[2].containers()


def _removed(api: docker.APIClient, network: str) -> bool:
    try:
        api.remove_network(network)
    except docker.errors.APIError as error:
        return error.status_code == 404
    return True


@pytest.mark.slow
def test_a_cluster_whose_owner_is_killed_must_go() -> None:
    program = (
        "import os; from cluster import Cluster; c = Cluster(1, images=()); print(c.directory, c.nodes[0].pid, "
        "flush=True); os.kill(os.getpid(), 9)"
    )
    tests = Path(__file__).parents[1]
    found = ":".join(
        str(path) for path in (tests.parent, *(tests / n for n in ("engine", "swarm", "docker", "faults")))
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": found},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -9, done.stderr
    directory, pid = done.stdout.split()
    _until(lambda: not Path(f"/proc/{pid}").exists())
    sweep()
    assert not Path(directory).exists()

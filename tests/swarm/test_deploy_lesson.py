"""The lesson's stack, whose file says nothing of a Swarm: on three nodes, on one machine, and back, with the same data."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPConnection
from socket import create_connection, socket

import docker
import pytest
from cluster import Node
from deployed import NOTHING, Deployed
from private_engine import save
from scenario import ROOT

pytestmark = [pytest.mark.docker, pytest.mark.slow]
pytest_plugins = ["swarm_fixtures"]

PORT = 8000
FOR_THE_SWARM = """
[services.api]
image = "{image}"
ports = [{{ target = 8000, published = 8000, mode = "host" }}]
deploy.replicas = 3
deploy.endpoint_mode = "dnsrr"
[services.postgres]
deploy.endpoint_mode = "dnsrr"
[services.redis]
deploy.endpoint_mode = "dnsrr"
deploy.placement.constraints = ["node.role == manager"]
[volumes.pgdata]
sticky = true
"""


@pytest.fixture
def lesson(swarm: Deployed) -> Iterator[Deployed]:
    """The stack and its images: the registry has that of the API, the manager the others."""
    shutil.copytree(ROOT / "examples/api", swarm.directory / "examples/api")
    shutil.copy(ROOT / "stack.toml", swarm.directory)
    shutil.copy(ROOT / ".env.example", swarm.directory / ".env")
    manager, registry = swarm.cluster.manager, swarm.cluster.registry
    built = f"{swarm.name}-api:latest"
    with closing(docker.from_env()) as shared:
        shared.images.build(path=str(ROOT / "examples/api"), tag=built, rm=True)
        files = [save(image, swarm.directory) for image in (built, "postgres:15", "redis:7")]
        shared.images.remove(built)
    manager.load(*files)
    swarm.api.tag(built, f"{registry.address}/myapp-api", "1")
    assert "digest" in swarm.api.push(f"{registry.address}/myapp-api", "1")
    swarm.write(FOR_THE_SWARM.format(image=f"{registry.address}/myapp-api:1"), "deploy.toml")
    yield swarm
    on_manager(swarm, "down")


def on_manager(swarm: Deployed, *args: str) -> str:
    """Run `stackctl` on the manager: only there its addresses of containers and its loopback answer."""
    done = subprocess.run(
        ["nsenter", "-t", str(swarm.cluster.manager.pid), "-n", sys.executable, "-m", "stackctl", *args],
        cwd=swarm.directory,
        env=swarm.environment | swarm.env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.returncode, done.stderr
    return done.stdout


def visits(connect: Callable[[], socket]) -> int:
    """The number of visits in Postgres, this one, too."""
    connection = HTTPConnection("api")
    connection.sock = connect()
    with closing(connection):
        connection.request("GET", "/")
        found: int = json.load(connection.getresponse())["postgres"]["visits"]
    return found


def test_the_lesson_must_answer_through_every_node_and_move_to_one_machine_and_back(lesson: Deployed) -> None:
    nodes = lesson.cluster.nodes

    def published(node: Node) -> Callable[[], socket]:
        return lambda: node.connect(PORT)

    def at_home() -> socket:
        return lesson.cluster.manager.within(lambda: create_connection(("127.0.0.1", PORT)))

    deploy = ("-f", "stack.toml", "-f", "deploy.toml", "deploy")
    lesson.run(*deploy)
    assert lesson.nodes_of("api") == {node.name for node in nodes}
    assert [visits(published(node)) for node in nodes] == [1, 2, 3]
    refused = lesson.run("up", code=None)
    assert refused.code, refused.output

    lesson.run(*deploy, "down")
    assert lesson.left() == NOTHING
    on_manager(lesson, "up")
    assert visits(at_home) == 4
    refused = lesson.run(*deploy, code=None)
    assert refused.code not in (0, 4, 6)
    assert "stackctl down" in refused.stderr
    on_manager(lesson, "down")

    lesson.run(*deploy)
    assert [visits(published(node)) for node in nodes] == [5, 6, 7]

"""The fixtures of the tests on a real Swarm."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from cluster import Cluster
from deployed import Deployed
from private_engine import why_not
from proxy import RecordingProxy


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """Three nodes, of which the first is the manager. Every test leaves them as it found them."""
    assert not why_not(), why_not()  # a scenario that did not run has shown nothing
    with Cluster(3) as cluster:
        yield cluster


@pytest.fixture
def swarm(tmp_path: Path, cluster: Cluster) -> Iterator[Deployed]:
    """A project on the cluster, and nothing of it afterwards."""
    directory = tmp_path / "project"
    directory.mkdir()
    with closing(cluster.manager.api) as api:
        project = Deployed(f"t{secrets.token_hex(4)}", directory, api, cluster=cluster)
        try:
            yield project
        finally:
            project.clean()


@pytest.fixture
def recorder(tmp_path: Path, swarm: Deployed) -> Iterator[RecordingProxy]:
    """The project's way to the manager, with every request on record."""
    with RecordingProxy(swarm.cluster.manager.socket, tmp_path / "engine.sock") as proxy:
        swarm.env["DOCKER_HOST"] = f"unix://{proxy.path}"
        yield proxy

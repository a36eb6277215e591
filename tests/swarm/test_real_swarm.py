"""The contract on a real Swarm, and how many calls it costs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from cluster import Cluster
from swarm_contract import SwarmContract

from stackctl.engine.docker.docker_engine import DockerEngine
from stackctl.engine.transport.connect import connect

pytestmark = pytest.mark.docker
pytest_plugins = ["swarm_fixtures"]


class TestRealSwarm(SwarmContract):
    @pytest.fixture
    def engine(self, cluster: Cluster) -> Iterator[DockerEngine]:
        engine = connect(environ={"DOCKER_HOST": cluster.manager.host})
        yield engine
        engine.close()

"""The fixtures of the tests on a real Swarm."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from cluster import Cluster, why_not


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """Three nodes, of which the first is the manager. Every test leaves them as it found them."""
    assert not why_not(), why_not()  # a scenario that did not run has shown nothing
    with Cluster(3) as cluster:
        yield cluster

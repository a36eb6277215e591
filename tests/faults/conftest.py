"""Faults on a real engine: whatever goes wrong, the next run makes it good.

`make soak` runs all of this; CI a part. `--times N` changes how often a test of random moments tries.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from engine_fixtures import docker_api, neighbour, project, recorder, shared

__all__ = ["docker_api", "neighbour", "project", "recorder", "shared"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--times", type=int, help="how often a test of random moments tries")


@pytest.fixture
def times(request: pytest.FixtureRequest) -> Callable[[int], int]:
    """`times(10)`: how often to try; 10, unless `--times` says another number."""

    def given(usual: int) -> int:
        said = request.config.getoption("--times", default=None)
        return usual if said is None else int(said)

    return given

"""Faults on a real engine: whatever goes wrong, the next run makes it good.

`make soak` runs all of this; CI a part. `--times N` changes how often a test of random moments tries.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from engine_fixtures import docker_api, neighbour, project, recorder, shared
from points import figures

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


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many points were tried, and what became of them."""
    ended = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    if rows := [row for report in ended for name, row in report.user_properties if name == "point"]:
        for part, title in enumerate(("by scenario", "by fault")):
            terminalreporter.section(f"points {title}")
            terminalreporter.write_line(figures(rows, part))

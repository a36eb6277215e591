"""Scenarios on a real engine: each says "X must Y", in a project of its own, on free host ports, and leaves nothing behind."""

from __future__ import annotations

from collections.abc import Generator
from importlib.util import find_spec

import pytest
from engine_fixtures import bring_up, docker_api, free_port, neighbour, project, recorder, shared, suite
from scenario import Project

__all__ = ["bring_up", "docker_api", "free_port", "neighbour", "project", "recorder", "shared", "suite"]

collect_ignore = [] if find_spec("inspect_ai") else ["test_inspect_sandbox.py"]
"""`make inspect` installs Inspect and runs its checks."""

LONGEST = ("test_export_same", "test_kill", "test_lab_trials", "test_lesson_pages", "test_testing_recipes")
"""Less than a third of the whole time: the first worker has them all. What other workers take from it at the end is short."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest: at the end no worker has to wait for it. Then comes what needs a Swarm: so the same worker has
    it, and no other one makes a cluster.
    """
    items.sort(key=lambda item: (item.path.stem not in LONGEST, item.path.parent.name != "swarm"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed scenario shows what the engine had at that moment."""
    report = yield
    if report.failed and call.when == "call":
        for name, project in getattr(item, "funcargs", {}).items():
            if isinstance(project, Project):
                report.sections.append((f"{name} on the engine", project.story()))
    return report

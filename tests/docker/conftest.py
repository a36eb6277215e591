"""Scenarios on a real engine: each says "X must Y", in a project of its own, on free host ports, and leaves nothing behind."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Generator, Iterator
from importlib.util import find_spec
from pathlib import Path

import docker
import pytest
from proxy import RecordingProxy
from scenario import Project, free_ports
from suite import Suite

from stackctl.testing import Running

collect_ignore = [] if find_spec("inspect_ai") else ["test_inspect_sandbox.py"]
"""`make inspect` installs Inspect and runs its checks."""

ENGINE = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")


@pytest.fixture(scope="session")
def docker_api() -> Iterator[docker.APIClient]:
    """The engine. Without one these tests fail: a scenario that did not run has shown nothing."""
    client = docker.APIClient(base_url=ENGINE)
    client.ping()
    yield client
    client.close()


@pytest.fixture
def project(tmp_path: Path, docker_api: docker.APIClient) -> Iterator[Project]:
    yield from _project(tmp_path / "project", docker_api)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, docker_api: docker.APIClient) -> Iterator[Project]:
    """One project for all tests of a file: what takes long to come up, and is only looked at."""
    yield from _project(tmp_path_factory.mktemp("shared") / "project", docker_api)


@pytest.fixture(scope="module")
def bring_up(
    stack_factory: Callable[..., Running],
    tmp_path_factory: pytest.TempPathFactory,
    docker_api: docker.APIClient,
) -> Callable[..., Project]:
    """A stack that the plugin brings up and takes away, for tests that only look at it, as the command line sees it."""

    def up(text: str, **settings: object) -> Project:
        directory = tmp_path_factory.mktemp("stack")
        file = directory / "stack.toml"
        file.write_text(text)
        app = stack_factory(file=(str(file),), **settings)
        return Project(app.project, directory, docker_api)

    return up


@pytest.fixture
def neighbour(tmp_path: Path, docker_api: docker.APIClient) -> Iterator[Project]:
    """Another project on the same engine."""
    yield from _project(tmp_path / "neighbour", docker_api)


def _project(directory: Path, api: docker.APIClient) -> Iterator[Project]:
    directory.mkdir(exist_ok=True)
    made = Project(f"t{secrets.token_hex(4)}", directory, api)
    try:
        yield made
    finally:
        made.clean()


@pytest.fixture
def suite(pytester: pytest.Pytester, docker_api: docker.APIClient) -> Iterator[Suite]:
    """A project with tests of its own."""
    for project in _project(pytester.path, docker_api):
        yield Suite(project, pytester)


@pytest.fixture
def recorder(tmp_path: Path, project: Project) -> Iterator[RecordingProxy]:
    """The project's way to the engine, with every request on record."""
    with RecordingProxy(Path(ENGINE.removeprefix("unix://")), tmp_path / "engine.sock") as proxy:
        project.env["DOCKER_HOST"] = f"unix://{proxy.path}"
        yield proxy


@pytest.fixture
def free_port() -> int:
    """A host port that nobody holds at the moment."""
    return free_ports(1)[0]


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

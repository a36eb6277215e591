"""The fixtures of every test on a real engine, wherever it lies."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest
from proxy import RecordingProxy
from scenario import Project, free_ports, recorded
from suite import Suite
from ways import ENGINE

from stackctl.testing import Running


@pytest.fixture(scope="session")
def docker_api() -> Iterator[docker.APIClient]:
    """The engine. Without one these tests fail: a scenario that did not run has shown nothing."""
    client = docker.APIClient(base_url=f"unix://{ENGINE}")
    client.ping()
    yield client
    client.close()


@pytest.fixture
def project(tmp_path: Path, docker_api: docker.APIClient) -> Iterator[Project]:
    yield from project_at(tmp_path / "project", docker_api)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, docker_api: docker.APIClient) -> Iterator[Project]:
    """One project for all tests of a file: what takes long to come up, and is only looked at."""
    yield from project_at(tmp_path_factory.mktemp("shared") / "project", docker_api)


@pytest.fixture
def neighbour(tmp_path: Path, docker_api: docker.APIClient) -> Iterator[Project]:
    """Another project on the same engine."""
    yield from project_at(tmp_path / "neighbour", docker_api)


def project_at(directory: Path, api: docker.APIClient) -> Iterator[Project]:
    """A project in this directory, and nothing of it afterwards."""
    directory.mkdir(exist_ok=True)
    made = Project(f"t{secrets.token_hex(4)}", directory, api)
    try:
        yield made
    finally:
        made.clean()


@pytest.fixture
def recorder(tmp_path: Path, project: Project) -> Iterator[RecordingProxy]:
    """The project's way to the engine, with every request on record."""
    with recorded(project, Path(ENGINE), tmp_path / "engine.sock") as proxy:
        yield proxy


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
def suite(pytester: pytest.Pytester, docker_api: docker.APIClient) -> Iterator[Suite]:
    """A project with tests of its own."""
    for made in project_at(pytester.path, docker_api):
        yield Suite(made, pytester)


@pytest.fixture
def free_port() -> int:
    """A host port that nobody holds at the moment."""
    return free_ports(1)[0]

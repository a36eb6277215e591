"""The six mistakes that people make with a page of `docker run`: each must be reported before anything is written."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping

import pytest
from proxy import RecordingProxy
from scenario import NOTHING, Project, servers, sleepers

pytestmark = pytest.mark.docker

DATABASE = """
[services.db]
image = "postgres:15"
environment.POSTGRES_PASSWORD = "secret"
volumes = ["data:/var/lib/postgresql/data"]
[volumes.data]
"""
STOPPING = {
    "SC101 an undefined network": ("SC101", sleepers(web='networks = ["backend"]'), "backend"),
    "SC101 an undefined volume": ("SC101", sleepers(web='volumes = ["data:/data"]'), "data"),
    "SC101 an undefined service": ("SC101", sleepers(web='depends_on = ["db"]'), "db"),
    "SC102 a host that is no service": (
        "SC102",
        DATABASE + sleepers(web='environment.DATABASE_URL = "postgresql://postgres:secret@database/app"'),
        "database",
    ),
    "SC301 a variable that the image needs": (
        "SC301",
        DATABASE.replace('environment.POSTGRES_PASSWORD = "secret"', ""),
        "POSTGRES_PASSWORD",
    ),
    "SC303 a variable that is not set": (
        "SC303",
        sleepers(web='environment.TOKEN = "${NOBODY_SETS_THIS}"'),
        "NOBODY_SETS_THIS",
    ),
    "SC501 a host port twice": (
        "SC501",
        sleepers(web='ports = ["18080:80"]', api='ports = ["18080:8000"]'),
        "18080",
    ),
}
WARNED = {
    "SC201 used, but not waited for": (
        "SC201",
        sleepers(api="", web='environment.API_URL = "http://api:8000"'),
    ),
    "SC302 a misspelt variable": (
        "SC302",
        sleepers(web='environment.SETTINGS_MODULE = "a"', worker='environment.SETINGS_MODULE = "a"'),
    ),
    "SC401 a database without a volume": (
        "SC401",
        '[services.db]\nimage = "postgres:15"\nenvironment.POSTGRES_PASSWORD = "secret"',
    ),
}


def cases(table: Mapping[str, tuple[str, ...]]) -> pytest.MarkDecorator:
    names = ("rule", "spec", "culprit")[: len(next(iter(table.values())))]
    return pytest.mark.parametrize(names, table.values(), ids=table)


@cases(STOPPING)
def test_an_error_must_stop_up_before_it_writes(
    project: Project, recorder: RecordingProxy, rule: str, spec: str, culprit: str
) -> None:
    project.write(spec)
    told = project.run("up", code=2).stderr
    assert rule in told
    assert culprit in told
    assert "stack.toml:" in told
    assert recorder.writes == []
    assert project.resources() == NOTHING


@cases(WARNED)
def test_a_warning_must_be_told_and_up_go_on(project: Project, rule: str, spec: str) -> None:
    project.write(spec)
    assert rule in project.run("up").stderr
    assert set(project.states().values()) == {"running"}


@cases(WARNED)
def test_strict_must_make_a_warning_stop_up(
    project: Project, recorder: RecordingProxy, rule: str, spec: str
) -> None:
    project.write(spec)
    assert rule in project.run("up", "--strict", code=2).stderr
    assert recorder.writes == []
    assert project.resources() == NOTHING


@pytest.fixture
def listener() -> Iterator[int]:
    """A port that this process listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_port_held_by_a_process_must_stop_up_naming_it_and_a_free_one(
    project: Project, recorder: RecordingProxy, listener: int
) -> None:
    project.write(sleepers(first="", web=f'ports = ["{listener}:80"]'))
    told = project.run("up", code=1).stderr
    assert "SC502" in told
    assert f"process {os.getpid()}" in told
    assert recorder.writes == []
    assert project.resources() == NOTHING
    free = int(told.partition('take a free port: "')[2].partition(":")[0])
    with socket.create_server(("127.0.0.1", free)):
        assert free != listener


def test_a_port_held_by_a_container_must_stop_up_naming_it(
    project: Project, neighbour: Project, recorder: RecordingProxy, free_port: int
) -> None:
    spec = servers(web=f'ports = ["{free_port}:80"]')
    neighbour.write(spec)
    neighbour.run("up")
    project.write(spec)
    told = project.run("up", code=1).stderr
    assert f"container {neighbour.name}-web-1 of project {neighbour.name}" in told
    assert recorder.writes == []
    assert project.resources() == NOTHING
    assert neighbour.states() == {"web": "running"}


def test_all_mistakes_must_be_told_at_once(project: Project, recorder: RecordingProxy) -> None:
    project.write(
        sleepers(
            a='networks = ["backend"]',
            b='volumes = ["data:/data"]',
            c='environment.DATABASE_URL = "postgresql://database/app"',
            d='environment.TOKEN = "${NOBODY_SETS_THIS}"',
            e='ports = ["18080:80"]',
            f='ports = ["18080:8000"]',
        )
    )
    told = project.run("up", code=2).stderr
    assert [told.count(rule) for rule in ("SC101", "SC102", "SC303", "SC501")] == [2, 1, 1, 1]
    assert recorder.requests == []

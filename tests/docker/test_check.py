"""check must find on the engine what would stop up, and write nothing."""

from __future__ import annotations

import json
import socket

import docker
import pytest
from proxy import RecordingProxy
from scenario import NOTHING, Project, servers, sleepers

pytestmark = pytest.mark.docker

DB = """
[services.db]
image = "postgres:15"
environment = { POSTGRES_PASSWORD = "old" }
volumes = ["data:/var/lib/postgresql/data"]
[volumes.data]
"""


def rules(project: Project, *args: str, code: int | None = None) -> list[str]:
    """`rule severity` of what check finds, without remarks."""
    found = project.run("check", "--json", *args, code=code)

    problems = json.loads(found.stdout)["problems"]
    return [f"{p['rule']} {p['severity']}" for p in problems if p["severity"] != "info"]


def test_check_must_write_nothing_and_find_what_stops_up(project: Project, recorder: RecordingProxy) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        project.write(
            sleepers(web=f'ports = ["{port}:80"]', api='volumes = ["./missing.conf:/x.conf", "other:/y"]')
            + '[volumes.other]\nexternal = true\nname = "check-nobody-made-it"\n'
        )
        told = project.run("check", code=2).stdout
        for rule in ("SC502", "SC403", "SC117"):
            assert f"error {rule}" in told
        assert "checked: spec, files, engine" in told
        assert f"{project.directory.name}/stack.toml:" in told or "stack.toml:" in told
        assert rules(project, "--offline", code=0) == []
        assert "SC502" in project.run("up", code=1).stderr
    assert recorder.writes == []
    assert project.resources() == NOTHING


def test_check_must_find_nothing_wrong_with_a_stack_that_runs(
    project: Project, free_port: int, recorder: RecordingProxy
) -> None:
    project.write(servers(web=f'container_name = "{project.name}-x"\nports = ["{free_port}:80"]'))
    assert rules(project, code=0) == []
    project.run("up")
    written = len(recorder.writes)
    assert rules(project, code=0) == []
    assert len(recorder.writes) == written


def test_check_must_name_a_stranger_that_has_the_name(project: Project, docker_api: docker.APIClient) -> None:
    name = f"{project.name}-stranger"
    project.write(sleepers(web=f'container_name = "{name}"'))
    made = docker_api.create_container("busybox", name=name)
    try:
        assert rules(project, code=2) == ["SC110 error"]
    finally:
        docker_api.remove_container(made["Id"])
    assert rules(project, code=0) == []


def test_check_must_tell_of_data_that_do_not_follow_unless_a_comment_allows_it(project: Project) -> None:
    project.write(DB)
    project.run("up")
    new = DB.replace('"old"', '"new"')
    project.write(new)
    assert rules(project, code=0) == ["SC307 warning"]
    assert rules(project, "--strict", code=2) == ["SC307 error"]
    allowed = new.replace(
        "environment", "# stackctl: allow SC307 — ALTER USER was run in the server\nenvironment"
    )
    project.write(allowed)
    assert rules(project, "--strict", code=0) == []
    told = project.run("up", "--strict").output
    assert "SC307" not in told
    assert rules(project, "--strict", code=2) == ["SC001 error"]


def test_check_must_ask_the_engine_also_if_a_rule_about_the_stack_finds_an_error(project: Project) -> None:
    project.write(
        sleepers(web='environment.DATABASE_URL = "postgresql://u:p@bd/x"\nvolumes = ["./none:/x"]', db="")
    )
    assert sorted(rules(project, code=2)) == ["SC102 error", "SC403 error"]


def test_check_must_refuse_a_project_that_runs_from_another_directory(
    project: Project, neighbour: Project
) -> None:
    project.write(sleepers(web=""))
    project.run("up")
    neighbour.write(sleepers(web=""))
    told = neighbour.run("check", "-p", project.name, code=2).stdout
    assert f"project {project.name} is already running from" in told


def test_a_corrected_file_must_come_up(project: Project) -> None:
    project.write(
        DB.replace("[volumes.data]\n", "").replace('volumes = ["data:/var/lib/postgresql/data"]\n', "")
        + sleepers(
            web='depends_on = ["bd"]\nenvironment.DATABASE_URL = "postgresql://postgres:old@db/postgres"'
        )
    )
    project.run("up", code=2)
    told = project.run("check", "--fix", "--strict")
    assert '+depends_on = ["db"]' in told.stderr
    project.run("up", "--strict")
    assert project.states() == {"db": "running", "web": "running"}
    assert project.resources()["volumes"] == [f"{project.name}_db-data"]

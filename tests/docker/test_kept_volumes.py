"""What the data of a kept volume do not follow must be told before anything happens."""

from __future__ import annotations

import docker
import pytest
from scenario import Project

pytestmark = pytest.mark.docker

DB = """
[services.db]
image = "postgres:15"
environment = { POSTGRES_PASSWORD = "old" }
volumes = ["data:/var/lib/postgresql/data"]
[volumes.data]
"""


def test_a_password_that_the_database_will_not_learn_must_be_told_before(project: Project) -> None:
    project.write(DB)
    project.run("up")
    before = project.ids()
    project.write(DB.replace('"old"', '"new"'))
    assert "warning SC307: services.db.environment.POSTGRES_PASSWORD" in project.run("plan").stderr
    (warning,) = project.json("plan")["warnings"]
    assert warning["place"].endswith("stack.toml:4:17")
    assert "SC307" in project.run("up", "--strict", code=1).stderr
    assert project.ids() == before
    told = project.run("up").stderr
    assert told.index("SC307") < told.index("recreated 1")
    assert told.count("SC307") == 1
    assert "SC307" not in project.run("up").stderr


def test_up_must_stop_before_a_server_runs_on_data_that_it_does_not_open(
    project: Project, docker_api: docker.APIClient
) -> None:
    newer = f"{project.name}.example/postgres"
    docker_api.tag("postgres:15", newer, "16")
    try:
        project.write(DB)
        project.run("up")
        before = project.ids()
        project.write(DB.replace("postgres:15", f"{newer}:16"))
        for command in ("plan", "up"):
            told = project.run(command, code=1).stderr
            assert "error SC408: services.db.image" in told
            assert "holds data of postgres 15, and postgres 16 does not open them" in told
        assert project.ids() == before
        assert project.states() == {"db": "running"}
    finally:
        docker_api.remove_image(f"{newer}:16")

"""A stack that Docker Compose has brought up: beside it, or taken over."""

from __future__ import annotations

import pytest
from exported import compose
from faulty import FAULTS
from proxy import Exchange, RecordingProxy
from scenario import Project

pytestmark = pytest.mark.docker

COMPOSED = """\
services:
  db:
    image: busybox
    init: true
    command: sleep infinity
    stop_grace_period: 0s
    volumes: ["data:/data", /scratch]
volumes: {data: }
"""


def test_a_project_of_compose_must_be_refused_stand_beside_or_be_taken_over_with_its_volumes(
    project: Project, recorder: RecordingProxy
) -> None:
    name = project.name
    composed = project.write(COMPOSED, "compose.yaml")
    compose(project, "-p", name, "up", "-d")
    compose(project, "-p", name, "exec", "-T", "db", "touch", "/data/kept", "/scratch/kept")
    theirs = project.api.inspect_container(f"{name}-db-1")["State"]

    told = project.run("up", code=1).stderr
    assert f"Docker Compose has made a project {name} from {composed}: " in told
    assert "--adopt takes it over" in told
    assert "-p OTHER" in told
    assert recorder.writes == []

    project.run("-p", f"{name}-two", "up")
    assert project.api.inspect_container(f"{name}-db-1")["State"] == theirs

    project.run("up", "--adopt")
    assert project.states() == {"db": "running"}
    assert project.inside("db", "ls", "/data", "/scratch") == "/data:\nkept\n\n/scratch:\nkept\n"
    assert compose(project, "-p", name, "ps", "-aq").strip() == ""
    assert project.json("plan")["steps"] == []
    project.run("down", "--volumes")
    left = project.resources()
    assert f"{name}_data" in left["volumes"]
    assert f"{name}_default" not in left["networks"]


def test_what_a_takeover_could_not_remove_must_go_with_the_next(
    project: Project, recorder: RecordingProxy
) -> None:
    project.write(COMPOSED, "compose.yaml")
    compose(project, "-p", project.name, "up", "-d")

    def refuse(exchange: Exchange) -> None:
        FAULTS["500"](exchange, lambda: None)

    recorder.instead = lambda asked: (
        refuse if asked.method == "DELETE" and "containers" in asked.path else None
    )
    project.run("up", "--adopt", code=5)
    old = f"{project.name}-db-1.old"
    assert compose(project, "-p", project.name, "ps", "-a", "--format", "{{.Name}}").split() == [old]
    recorder.instead = lambda _: None
    project.run("up", "--adopt")
    assert compose(project, "-p", project.name, "ps", "-aq").strip() == ""
    assert project.states() == {"db": "running"}

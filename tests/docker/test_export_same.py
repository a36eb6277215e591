"""`export bash` and `export compose`: the script and Compose must make on a real engine what `up` makes."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Mapping

import pytest
from dotenv import dotenv_values
from example_copies import django_in, fullstack_in, lesson_in
from exported import compose, script
from hard_stacks import all_in_one, write
from made import Made, made, must_be_equal
from scenario import Project

pytestmark = pytest.mark.docker

PING = shlex.join(["sh", "-c", "redis-cli -h 127.0.0.1 -p 6379 ping | grep -Eq 'PONG|NOAUTH|NOPERM'"])


def pg(user: str, database: str) -> str:
    return f"pg_isready -h 127.0.0.1 -p 5432 -U {user} -d {database}"


def secrets(project: Project) -> dict[str, str]:
    """What a script takes from its environment only: it holds no secret."""
    files = (dotenv_values(file) for file in project.directory.rglob(".env"))
    return {name: value for file in files for name, value in file.items() if value}


def hard(project: Project) -> None:
    write(all_in_one(), project.directory, project.name)


@pytest.mark.parametrize(
    ("put", "checks"),
    [
        pytest.param(hard, {}, marks=pytest.mark.slow),
        (django_in, {"postgres": pg("cp_user", "task_db")}),
        (fullstack_in, {"db-1": pg("guestbook", "guestbook"), "cache-1": PING}),
    ],
)
def test_a_script_and_compose_must_make_what_up_makes(
    put: Callable[[Project], object], checks: Mapping[str, str], project: Project
) -> None:
    put(project)
    meant = made_by(project, "create")  # what it makes is what `up` starts
    project.run("down", "--volumes")
    must_be_made_by_script(project, meant)
    for container in project.resources()["containers"]:
        project.api.stop(container, timeout=0)  # the script would wait for each
    script(project, "down", "--volumes")
    must_be_made_by_compose(project, meant, checks, "create")


def test_the_lesson_must_be_the_same_however_it_is_made(project: Project) -> None:
    lesson_in(project)
    meant = made_by(project, "up")
    for sides in ((".", "run.sh"), (".", "running"), ("run.sh", f"project:{project.name}")):
        project.run("same", *sides)
    project.run("down", "--volumes")

    must_be_made_by_script(project, meant)
    for sides in ((".", "running"), ("run.sh", "running")):
        project.run("same", *sides)
    text = (project.directory / "run.sh").read_text()
    project.write(text.replace("redis:7", "redis:6"), "changed.sh")
    found = json.loads(project.run("same", "changed.sh", "running", "--json", code=1).stdout)
    (difference,) = found["differences"]
    assert (difference["left"], difference["right"]) == ("redis:6", "redis:7")

    script(project, "down", "--volumes")
    left = project.resources()
    assert (left["containers"], left["networks"], left["volumes"]) == ([], [], [])
    (up,) = re.findall(r"#   docker compose (up .*?)   ", (project.directory / "compose.yaml").read_text())
    checks = {"postgres-1": pg("postgres", "myapp"), "redis-1": PING}
    must_be_made_by_compose(project, meant, checks, *up.split())


def made_by(project: Project, command: str) -> Made:
    project.run(command)
    project.run("export", "bash", "-o", "run.sh")
    project.run("export", "compose", "-o", "compose.yaml")
    return made(project)


def must_be_made_by_script(project: Project, meant: Made) -> None:
    script(project, env=secrets(project))
    must_be_equal(made(project), meant)
    assert not (project.directory / "injected").exists()


def must_be_made_by_compose(project: Project, meant: Made, checks: Mapping[str, str], *command: str) -> None:
    """`checks`: what Compose asks containers that have no health check of their own, because it cannot ask from outside."""
    compose(project, *command)
    there = made(project)
    for name, test in checks.items():
        container = f"container {project.name}-{name}"
        asked: Made = there[container]["Config"].pop("Healthcheck")
        assert asked["Test"] == ["CMD-SHELL", test]
        assert "Healthcheck" not in meant[container]["Config"]
    must_be_equal(there, meant)
    assert not (project.directory / "injected").exists()
    project.clean()  # not Compose's own `down`, which fails if the engine forgets an endpoint (see Project.clean)

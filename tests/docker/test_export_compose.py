"""`export compose`: Docker Compose must make on a real engine what `up` makes."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from hard_stacks import all_in_one, write
from made import Made, made
from scenario import ROOT, Project

pytestmark = pytest.mark.docker

COMPOSE = str(Path(sys.executable).parent / "docker-compose")


def compose(project: Project, *args: str, env: Mapping[str, str]) -> str:
    """Run Docker Compose, with nothing in its environment that it does not need."""
    needed = {name: os.environ[name] for name in ("PATH", "HOME", "DOCKER_HOST") if name in os.environ}
    done = subprocess.run(
        [COMPOSE, *args],
        cwd=project.directory,
        env={**needed, **env},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def both(project: Project, *, env: Mapping[str, str] = {}, added: Mapping[str, list[str]] = {}) -> None:
    """Bring the stack up with stackctl, then with Compose, by the command that the file names, and compare. `added`: the check
    that the file adds to a container that has none, by container.
    """
    project.run("up", env=env)
    meant = made(project)
    project.run("export", "compose", "-o", "compose.yaml", env=env)
    text = (project.directory / "compose.yaml").read_text()
    project.run("down", "--volumes")
    (up,) = re.findall(r"#   docker compose (up .*?)   ", text)
    compose(project, *up.split(), env=env)
    there = made(project)
    for name, test in added.items():
        check: Made = there[f"container {name}"]["Config"].pop("Healthcheck")
        assert check["Test"] == test
        assert "Healthcheck" not in meant[f"container {name}"]["Config"]
    assert there.keys() == meant.keys()
    for name, facts in meant.items():
        for part, value in facts.items():
            assert there[name].get(part) == value, (name, part)
    assert there == meant
    project.clean()  # not Compose's own `down`, which fails if the engine forgets an endpoint (see Project.clean)


def test_compose_must_make_what_up_makes(project: Project) -> None:
    write(all_in_one(), project.directory, project.name)
    both(project)


def test_compose_must_make_the_stack_of_the_lesson(project: Project, free_port: int) -> None:
    shutil.copytree(ROOT / "examples/api", project.directory / "examples/api")
    shutil.copy(ROOT / "stack.toml", project.directory)
    project.write(f'[services.api]\nports = ["{free_port}:8000"]\n', "stack.override.toml")
    ready = "pg_isready -h 127.0.0.1 -p 5432 -U postgres -d myapp"
    ping = "redis-cli -h 127.0.0.1 -p 6379 ping | grep -Eq 'PONG|NOAUTH|NOPERM'"
    both(
        project,
        env={"POSTGRES_PASSWORD": "a-secret"},
        added={
            f"{project.name}-postgres-1": ["CMD-SHELL", ready],
            f"{project.name}-redis-1": ["CMD-SHELL", shlex.join(["sh", "-c", ping])],
        },
    )

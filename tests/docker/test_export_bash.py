"""`export bash`: the script must make on a real engine what `up` makes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping

import pytest
from hard_stacks import STACKS, write
from made import made
from scenario import NOTHING, ROOT, Project

pytestmark = pytest.mark.docker

SECRETS = {"DB_PASSWORD": "p@ss'w\"or d$1%/é", "TOKEN": "abc$(touch injected)def"}


def run(script: str, *args: str, env: Mapping[str, str], at: Project) -> str:
    """Run a script with bash, and nothing in its environment that it does not need."""
    (at.directory / "run.sh").write_text(script)
    needed = {name: os.environ[name] for name in ("PATH", "HOME", "DOCKER_HOST") if name in os.environ}
    done = subprocess.run(
        ["bash", "run.sh", *args],
        cwd=at.directory,
        env={**needed, **env},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def both(project: Project, *, env: Mapping[str, str] = {}, changed: tuple[str, str] | None = None) -> None:
    """Bring the stack up with stackctl, then with its script, and compare; the script then takes everything away. `changed`: what
    is replaced in the script for one difference; then `same` must say of every two that they make the same, and find that one.
    """
    project.run("up", env=env)
    meant = made(project)
    script = project.run("export", "bash", env=env).stdout
    project.write(script, "run.sh")
    if changed:
        for sides in ((".", "run.sh"), (".", "running"), ("run.sh", f"project:{project.name}")):
            project.run("same", *sides, env=env)
    project.run("down", "--volumes")
    run(script, env=env, at=project)
    there = made(project)
    if changed:
        for sides in ((".", "running"), ("run.sh", "running")):
            project.run("same", *sides, env=env)
        project.write(script.replace(*changed), "changed.sh")
        found = json.loads(project.run("same", "changed.sh", "running", "--json", env=env, code=1).stdout)
        (difference,) = found["differences"]
        assert (difference["left"], difference["right"]) == (changed[1], changed[0])
    assert there.keys() == meant.keys()
    for name, facts in meant.items():
        for part, value in facts.items():
            assert there[name].get(part) == value, (name, part)
    assert there == meant
    run(script, "down", "--volumes", env={}, at=project)
    assert project.resources() == NOTHING | {
        "volumes": [name for name in project.resources()["volumes"] if not name.startswith(project.name)]
    }
    assert not (project.directory / "injected").exists()


@pytest.mark.parametrize("name", STACKS)
def test_the_script_must_make_what_up_makes(name: str, project: Project) -> None:
    write(STACKS[name](), project.directory, project.name)
    both(project)


def test_the_script_of_the_lesson_must_make_what_up_makes(project: Project, free_port: int) -> None:
    shutil.copytree(ROOT / "examples/api", project.directory / "examples/api")
    shutil.copy(ROOT / "stack.toml", project.directory)
    project.write(f'[services.api]\nports = ["{free_port}:8000"]\n', "stack.override.toml")
    both(project, env={"POSTGRES_PASSWORD": "a-secret"}, changed=("redis:7", "redis:6"))


VARIABLES = """
[services.postgres]
image = "postgres:${TAG:-15}"
environment = { POSTGRES_PASSWORD = "${DB_PASSWORD}", POSTGRES_USER = "own er" }
[services.web]
image = "busybox"
user = "${UID:-0}"
command = ["sh", "-c", "exec sleep infinity", "--token", "${TOKEN}"]
env_file = "web.env"
environment = { URL = "${services.postgres.url}", RAW = "x:${DB_PASSWORD}:y", ME = { from_env = true } }
"""


def test_a_script_with_variables_must_make_what_up_makes(project: Project) -> None:
    project.write(VARIABLES)
    project.write("FROM_FILE='a  b'\nAPI_TOKEN=literal-token\n", "web.env")
    script = project.run("export", "bash", env=SECRETS).stdout
    assert not [text for text in (*SECRETS.values(), "literal-token", "p%40ss") if text in script]
    both_env = {**SECRETS, "API_TOKEN": "literal-token"}
    both(project, env=both_env)


def test_a_script_must_stop_when_a_secret_is_missing(project: Project) -> None:
    project.write(VARIABLES)
    project.write("", "web.env")
    script = project.run("export", "bash", env=SECRETS).stdout
    (project.directory / "run.sh").write_text(script)
    done = subprocess.run(
        ["bash", "run.sh"],
        cwd=project.directory,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "DB_PASSWORD: export DB_PASSWORD first" in done.stderr
    assert project.resources() == NOTHING


def test_a_script_must_say_why_a_service_is_not_ready(project: Project) -> None:
    project.write(
        '[services.web]\nimage = "busybox"\ncommand = "sh -c \'echo no luck; exit 3\'"\nhealthcheck = { tcp = 80 }\n'
    )
    script = project.run("export", "bash").stdout
    (project.directory / "run.sh").write_text(script)
    done = subprocess.run(
        ["bash", "run.sh"], cwd=project.directory, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert f"{project.name}-web-1 has ended before it was ready" in done.stderr
    assert "no luck" in done.stderr
    assert "up has failed" in done.stderr


def test_a_script_from_here_must_do_what_up_would_do(project: Project) -> None:
    services = '[services.{}]\nimage = "busybox"\ncommand = "sleep infinity"\nenvironment = {{ A = "{}" }}\n'
    project.write(services.format("web", 1) + services.format("new", 1))
    project.run("up", "web")
    kept = project.ids()["web"]
    run(project.run("export", "bash", "--from-here").stdout, env={}, at=project)
    assert project.states() == {"web": "running"}  # what the script has made carries no label of the project
    assert f"{project.name}-new-1" in project.resources()["containers"]
    assert project.ids()["web"] == kept

    project.write(services.format("web", 2))
    run(project.run("export", "bash", "--from-here").stdout, env={}, at=project)
    replaced = project.api.inspect_container(f"{project.name}-web-1")
    assert replaced["Id"] != kept
    assert replaced["State"]["Running"]
    assert "A=2" in replaced["Config"]["Env"]

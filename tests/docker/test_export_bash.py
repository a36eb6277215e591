"""`export bash`: the script must make on a real engine what `up` makes."""

from __future__ import annotations

import os
import subprocess

import pytest
from exported import script
from made import made, must_be_equal
from scenario import NOTHING, Project

pytestmark = pytest.mark.docker

SECRETS = {"DB_PASSWORD": "p@ss'w\"or d$1%/é", "TOKEN": "abc$(touch injected)def"}


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
    env = {**SECRETS, "API_TOKEN": "literal-token"}
    project.run("up", env=env)
    meant = made(project)
    project.run("down", "--volumes")
    project.run("export", "bash", "-o", "run.sh", env=SECRETS)
    text = (project.directory / "run.sh").read_text()
    assert not [secret for secret in (*SECRETS.values(), "literal-token", "p%40ss") if secret in text]
    script(project, env=env)
    must_be_equal(made(project), meant)
    assert not (project.directory / "injected").exists()


def test_a_script_must_stop_when_a_secret_is_missing(project: Project) -> None:
    project.write(VARIABLES)
    project.write("", "web.env")
    project.run("export", "bash", "-o", "run.sh", env=SECRETS)
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
    project.run("export", "bash", "-o", "run.sh")
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
    project.run("export", "bash", "--from-here", "-o", "run.sh")
    script(project)
    assert project.states() == {"web": "running"}  # what the script has made carries no label of the project
    assert f"{project.name}-new-1" in project.resources()["containers"]
    assert project.ids()["web"] == kept

    project.write(services.format("web", 2))
    project.run("export", "bash", "--from-here", "-o", "again.sh")
    (project.directory / "again.sh").replace(project.directory / "run.sh")
    script(project)
    replaced = project.api.inspect_container(f"{project.name}-web-1")
    assert replaced["Id"] != kept
    assert replaced["State"]["Running"]
    assert "A=2" in replaced["Config"]["Env"]

"""Libraries that drive Docker Compose by its command line must work with `stackctl` as that command.

pytest-docker is in `test_pytest_docker.py`.
"""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from scenario import NOTHING, Project
from test_testing_guides import environment
from test_testing_recipes import PACKAGES

pytestmark = pytest.mark.docker

STACK = {
    "stack.toml": """
        name = "NAME"
        [services.web]
        image = "busybox"
        command = "httpd -f -p 80 -h /etc"
        ports = ["80"]
        volumes = ["data:/data"]
        [services.quiet]
        image = "busybox"
        command = ["sh", "-c", "echo said; exec sleep infinity"]
        profiles = ["more"]
        [volumes.data]
    """,
    "compose.yaml": """
        name: NAME
        services:
          web:
            image: busybox
            init: true
            command: httpd -f -p 80 -h /etc
            ports: ["80"]
            volumes: ["data:/data"]
          quiet:
            image: busybox
            init: true
            command: sh -c "echo said; exec sleep infinity"
            profiles: [more]
        volumes:
          data:
    """,
}

TESTCONTAINERS = """
import sys
from testcontainers.compose import DockerCompose

file, stackctl = sys.argv[1:]
with DockerCompose(".", file, docker_command_path=stackctl, profiles=["more"], build=True, pull=False) as compose:
    assert sorted((c.Service, c.State) for c in compose.get_containers()) == [("quiet", "running"), ("web", "running")]
    host, port = compose.get_service_host_and_port("web", 80)
    compose.wait_for(f"http://127.0.0.1:{port}/passwd")
    assert compose.exec_in_container(["cat", "/etc/passwd"], "web")[0].startswith("root:")
    logs, errors = compose.get_logs("quiet")
    assert (logs.split("| ")[1], errors) == ("said\\n", "")
    assert sorted(compose.get_config()["services"]) == ["quiet", "web"]
    assert compose.get_container("web").get_container_info().State.Running
    compose.stop(down=False)
    assert compose.get_containers() == []
    assert {c.State for c in compose.get_containers(include_all=True)} == {"exited"}
    compose.start()
    assert len(compose.get_containers()) == 2
"""

PYTHON_ON_WHALES = """
import sys
from python_on_whales import DockerClient

file, stackctl = sys.argv[1:]
compose = DockerClient(client_call=[stackctl], compose_files=[file], compose_profiles=["more"]).compose
compose.build()
compose.up(detach=True, wait=True)
try:
    host, port = compose.port("web", 80)
    assert port > 1024
    assert compose.execute("web", ["cat", "/etc/passwd"], tty=False).startswith("root:")
    assert "said" in compose.logs("quiet", tail="1")
    assert any(project.running == 2 for project in compose.ls())
    compose.stop()
    compose.start()
    compose.restart("web")
    compose.pause("web")
    compose.unpause("web")
    assert compose.run("web", ["echo", "hello"], remove=True, tty=False, dependencies=False).strip() == "hello"
    compose.kill("quiet")
    compose.rm("quiet", stop=True)
    assert compose.version()
finally:
    compose.down(volumes=True)
"""


@pytest.mark.parametrize(
    ("program", "file"),
    [
        pytest.param(TESTCONTAINERS, "compose.yaml", id="testcontainers", marks=pytest.mark.slow),
        pytest.param(PYTHON_ON_WHALES, "stack.toml", id="whales", marks=pytest.mark.slow),
    ],
)
def test_a_client_must_start_query_enter_and_stop_a_stack(program: str, file: str, project: Project) -> None:
    project.write(textwrap.dedent(STACK[file]).replace("NAME", project.name), file)
    project.write(program, "program.py")
    done = subprocess.run(
        [sys.executable, "program.py", file, str(Path(sys.executable).with_name("stackctl"))],
        cwd=project.directory,
        env={**environment(), "PYTHONPATH": str(PACKAGES)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stdout
    assert project.resources() == NOTHING

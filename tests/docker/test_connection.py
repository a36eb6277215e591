"""The engine must be the one that was asked for, or the error says which one did not answer and what to do."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from proxy import Exchange, RecordingProxy, Request
from scenario import Project, sleepers

pytestmark = pytest.mark.docker

BUILT = """\
[services.web]
build = { dockerfile_inline = 'FROM busybox' }
command = "sleep infinity"
stop_grace_period = "0s"
"""
NO_ENGINE = {"DOCKER_HOST": "", "DOCKER_CONTEXT": ""}
WITHOUT_PRIVILEGE = ("setpriv", "--inh-caps=-dac_override", "--bounding-set=-dac_override")
"""Root may use every socket: for root this takes that right away."""


@pytest.fixture
def stack(project: Project) -> Project:
    project.write(sleepers(web=""))
    return project


def contexts(directory: Path, current: str = "", **hosts: str) -> dict[str, str]:
    """A DOCKER_CONFIG with these contexts, stored as the Docker CLI does it."""
    for name, host in hosts.items():
        meta = directory / "contexts/meta" / hashlib.sha256(name.encode()).hexdigest() / "meta.json"
        meta.parent.mkdir(parents=True)
        meta.write_text(json.dumps({"Name": name, "Metadata": {}, "Endpoints": {"docker": {"Host": host}}}))
    (directory / "config.json").write_text(json.dumps({"currentContext": current} if current else {}))
    return {**NO_ENGINE, "DOCKER_CONFIG": str(directory)}


def dead(tmp_path: Path) -> str:
    """The socket of an engine that was killed."""
    path = tmp_path / "dead.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    return f"unix://{path}"


@pytest.mark.parametrize(
    ("where", "words"),
    [
        (dead, "connection refused"),
        (lambda tmp_path: f"unix://{tmp_path}/none.sock", "does not exist"),
        (lambda _: "tcp://127.0.0.1:1", "connection refused"),
    ],
    ids=["dead socket", "no socket", "no listener"],
)
@pytest.mark.parametrize("command", ["up", "status", "down"])
def test_an_engine_that_does_not_answer_must_be_one_sentence_and_a_way_out(
    stack: Project, tmp_path: Path, where: Callable[[Path], str], words: str, command: str
) -> None:
    told = stack.run(command, code=1, env={"DOCKER_HOST": where(tmp_path)})
    error, hint = told.stderr.splitlines()
    assert error.startswith("error: ")
    assert "engine" in error
    assert words in error
    assert "DOCKER_HOST says so: correct it, or unset it" in hint


def test_an_unknown_context_must_be_an_error_never_another_engine(
    stack: Project, tmp_path: Path, recorder: RecordingProxy
) -> None:
    env = contexts(tmp_path / "config", real=f"unix://{recorder.path}")
    for args, more in ((["--context", "rael"], {}), ([], {"DOCKER_CONTEXT": "rael"})):
        told = stack.run(*args, "up", code=2, env=env | more).stderr
        assert "there is no Docker context 'rael'" in told
        assert "docker context ls" in told
    assert recorder.requests == []


def test_a_host_and_a_context_must_exclude_each_other(stack: Project, recorder: RecordingProxy) -> None:
    told = stack.run("-H", f"unix://{recorder.path}", "--context", "default", "up", code=2).stderr
    assert "--host and --context exclude each other" in told
    assert recorder.requests == []


@pytest.mark.parametrize(
    "address", ["ftp://host", "unix://relative.sock", "tcp://host:many", "ssh://-oProxyCommand=x"]
)
def test_what_is_no_address_must_be_a_usage_error(stack: Project, address: str) -> None:
    assert "is no address of an engine" in stack.run("-H", address, "status", code=2).stderr


def test_an_open_way_to_another_machine_must_be_refused_unless_accepted(stack: Project) -> None:
    """Whoever listens in between could do as root what they like, there and with what is sent."""
    far = ("-H", "tcp://engine.invalid:2375")
    told = stack.run(*far, "status", code=2).stderr
    assert "nothing protects the way" in told
    assert "--insecure" in told
    assert "does not answer" in stack.run(*far, "--insecure", "status", code=1).stderr


@pytest.mark.parametrize("by", ["option", "variable", "config"])
def test_a_context_must_lead_to_its_engine(
    stack: Project, tmp_path: Path, recorder: RecordingProxy, by: str
) -> None:
    env = contexts(tmp_path / "config", "mine" if by == "config" else "", mine=f"unix://{recorder.path}")
    args = {"option": ["--context", "mine"]}.get(by, [])
    env |= {"DOCKER_CONTEXT": "mine"} if by == "variable" else {}
    stack.run(*args, "up", env=env)
    assert stack.states() == {"web": "running"}
    assert recorder.writes


def test_a_host_must_go_before_everything_else(
    stack: Project, tmp_path: Path, recorder: RecordingProxy
) -> None:
    env = contexts(tmp_path / "config", "lost", lost=dead(tmp_path)) | {"DOCKER_HOST": dead_too(tmp_path)}
    stack.run("-H", f"unix://{recorder.path}", "up", env=env)
    assert recorder.writes


def dead_too(tmp_path: Path) -> str:
    return f"unix://{tmp_path}/none.sock"


def test_a_socket_that_one_may_not_use_must_name_the_group(stack: Project, recorder: RecordingProxy) -> None:
    recorder.path.chmod(0)
    lowered = WITHOUT_PRIVILEGE if os.geteuid() == 0 else ()
    told = subprocess.run(
        [*lowered, sys.executable, "-m", "stackctl", "up"],
        cwd=stack.directory,
        env=stack.environment | stack.env,
        capture_output=True,
        check=False,
        text=True,
    )
    assert told.returncode == 1, told.stderr
    error, hint = told.stderr.splitlines()
    assert f"no permission to use the Docker engine at {recorder.path}" in error
    assert "usermod -aG docker" in hint
    assert recorder.requests == []


def test_commands_that_need_no_engine_must_not_ask_for_one(stack: Project, tmp_path: Path) -> None:
    env = {"DOCKER_HOST": dead(tmp_path)}
    for args in (["config"], ["schema"], ["--help"], ["up", "--help"], ["completion", "bash"]):
        stack.run(*args, env=env)
    answer: dict[str, Any] = json.loads(stack.run("version", "--json", code=None, env=env).stdout)
    assert answer


def test_a_connection_that_is_cut_must_be_settled_within_the_run_or_be_told(
    stack: Project, recorder: RecordingProxy
) -> None:
    """The engine gets a write, and its answer is lost."""
    lost: list[Request] = []

    def cut(request: Request) -> None:
        if request.writes and (not lost or always):
            lost.append(request)
            raise ConnectionResetError

    always = False
    recorder.sent = cut
    stack.run("up")
    assert recorder.writes.count("POST /networks/create") == 1, "the next look has seen it"
    assert stack.states() == {"web": "running"}
    assert len(stack.resources()["networks"]) == 1
    always = True
    told = stack.run("up", "--force-recreate", code=5).stderr
    assert f"✘ web: the Docker engine at unix://{recorder.path} does not answer" in told
    recorder.sent = lambda _: None
    recorder.settle()
    stack.run("up")
    assert stack.states() == {"web": "running"}


@pytest.mark.parametrize(
    ("command", "call"), [(("run", "--rm", "web", "true"), "/wait"), (("up", "--build"), "/build")]
)
def test_an_answer_that_never_begins_must_be_told(
    project: Project, recorder: RecordingProxy, command: tuple[str, ...], call: str
) -> None:
    project.write(BUILT)
    project.run("build")

    def held(exchange: Exchange) -> None:
        exchange.drop()
        exchange.await_hang_up()

    recorder.instead = lambda request: held if call in request.path else None
    told = project.run(*command, env={"STACKCTL_ENGINE_TIMEOUT": "1"}, code=None)
    assert told.code in (1, 5)
    assert f"the Docker engine at {recorder.host} " in told.stderr
    assert "does not answer" in told.stderr
    recorder.instead = lambda _: None
    project.run(*command)

"""Where there is no more: room on the engine's disk, room on this machine, addresses for networks, a registry. The message says what
frees some; nothing half-made remains.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from private_engine import Machine, alone, why_not
from scenario import NOTHING, SLEEP, Project

pytestmark = [pytest.mark.docker, pytest.mark.skipif(bool(why_not()), reason=why_not())]

ONE_NETWORK = {"bip": "172.29.0.1/24", "default-address-pools": [{"base": "172.30.0.0/24", "size": 24}]}
STACK = f"""
[services.db]
{SLEEP}stop_grace_period = "0s"
environment.A = "1"
volumes = ["data:/data"]
[volumes.data]
"""


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    """An engine with a small disk, and with addresses for one network."""
    with alone(ONE_NETWORK, images=["busybox"], disk=64) as machine:
        yield machine


@pytest.fixture
def project(machine: Machine, tmp_path: Path) -> Iterator[Project]:
    with machine.project(tmp_path / "project") as made:
        try:
            yield made
        finally:
            machine.run("rm", "-f", f"{machine.data}/filler")


def fill(machine: Machine) -> None:
    machine.run("dd", "if=/dev/zero", f"of={machine.data}/filler", "bs=4k", check=False)


def test_a_full_disk_must_be_told_and_leave_nothing_half_made(project: Project, machine: Machine) -> None:
    project.write(STACK)
    project.run("up")
    project.inside("db", "touch", "/data/kept")
    before = project.ids()
    fill(machine)
    project.write(STACK.replace('"1"', '"2"'))
    said = project.run("up", code=1).stderr
    assert "no space left on device" in said
    assert "docker system df" in said
    assert "docker system prune" in said
    assert (project.ids(), project.states()) == (before, {"db": "running"})
    project.run("down")
    assert project.resources() == NOTHING | {"volumes": [f"{project.name}_data"]}
    fill(machine)
    said = project.run("up", code=None).stderr
    assert "no space left on device" in said
    project.run("down")
    assert project.resources() == NOTHING | {"volumes": [f"{project.name}_data"]}
    machine.run("rm", f"{machine.data}/filler")
    project.run("up")
    assert project.inside("db", "ls", "/data") == "kept\n"
    project.run("down", "--volumes")
    assert project.resources() == NOTHING


@pytest.mark.slow
def test_a_build_that_fills_the_disk_must_say_what_frees_it(project: Project) -> None:
    project.write("FROM busybox\nRUN dd if=/dev/zero of=/filler bs=1M count=80\n", "Dockerfile")
    project.write('services.web.build = "."')
    said = project.run("build", code=1).stderr
    assert "No space left on device" in said
    assert "docker system df" in said


@pytest.mark.slow
@pytest.mark.parametrize("room", ["files", "nothing"])
def test_a_full_disk_of_this_machine_must_be_told(project: Project, tmp_path: Path, room: str) -> None:
    """With room for the names of files alone, locks are held and what is remembered is lost. Without, no lock can be made."""
    full = tmp_path / "full"
    full.mkdir()
    places = dict.fromkeys(
        ("XDG_RUNTIME_DIR", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"), str(full)
    )
    project.write('checkouts = "isolated"\n' + STACK)

    def run(*args: str) -> tuple[int, str]:
        occupy = {
            "files": "mkdir $0/stackctl; dd if=/dev/zero of=$0/fill bs=4k",
            "nothing": "dd if=/dev/zero of=$0/fill bs=4k; while : > $0/$((i += 1)); do :; done",
        }[room]
        script = f'mount -t tmpfs -o size=64k,nr_inodes=40 tmpfs $0; ({occupy}) 2>/dev/null; exec "$@"'
        command = [*project.entering, sys.executable, "-m", "stackctl"]
        done = subprocess.run(
            ["unshare", "--mount", "sh", "-c", script, str(full), *command, *args],
            cwd=project.directory,
            env=project.environment | project.env | places,
            capture_output=True,
            text=True,
            check=False,
        )
        assert "Traceback" not in done.stderr
        assert "Errno" not in done.stderr
        return done.returncode, done.stderr

    if room == "files":
        assert run("up")[0] == 0
        assert run("down", "--volumes")[0] == 0
        return
    code, said = run("up")
    assert code == 3
    assert "No space left on device" in said
    assert str(full / "stackctl") in said
    assert "XDG_RUNTIME_DIR" in said
    assert project.resources() == NOTHING


class Refusing(BaseHTTPRequestHandler):
    """A registry that answers every request with the status in its port's server."""

    def do_GET(self) -> None:
        status = self.server.status  # type: ignore[attr-defined]
        code = {404: "MANIFEST_UNKNOWN", 429: "TOOMANYREQUESTS"}[status]
        body = json.dumps({"errors": [{"code": code, "message": code.lower().replace("_", " ")}]}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, *_: object) -> None:
        """Tests are quiet."""


@contextmanager
def answering(machine: Machine, status: int) -> Iterator[str]:
    """The address of a registry beside the engine."""
    server = machine.within(lambda: ThreadingHTTPServer(("127.0.0.1", 0), Refusing))
    server.status = status  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_nothing_must_be_stopped_before_all_images_are_there(project: Project, machine: Machine) -> None:
    project.write(STACK)
    project.run("up")
    before = project.ids()
    changed = STACK.replace('"1"', '"2"')
    with answering(machine, 404) as unknown, answering(machine, 429) as limited:
        for ref, cause in (
            ("127.0.0.1:1/app:1", "refused"),
            ("192.0.2.1:5000/app:1", "unreachable"),
            (f"{unknown}/app:1", "manifest unknown"),
            (f"{limited}/app:1", "toomanyrequests"),
        ):
            project.write(f'{changed}[services.web]\nimage = "{ref}"\n')
            said = project.run("up", code=1).stderr
            assert f"{ref}" in said
            assert "web" in said
            assert cause in said.lower()
            assert "hint" in said
            assert (project.ids(), project.states()) == (before, {"db": "running"})


@pytest.mark.slow
def test_without_addresses_the_message_must_say_what_frees_some(project: Project) -> None:
    project.write(f'[services.web]\n{SLEEP}networks = ["a", "b"]\n[networks.a]\n[networks.b]\n')
    said = project.run("up", code=5).stderr
    assert "stackctl gc" in said
    assert "docker network prune" in said
    project.run("down")
    assert project.resources() == NOTHING

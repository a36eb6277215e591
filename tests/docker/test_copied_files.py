"""Secrets and configs in containers of a real engine."""

from __future__ import annotations

import pytest
from proxy import RecordingProxy, Request
from scenario import NOTHING, Project

pytestmark = pytest.mark.docker

CANARY = "kanari-91ab"
STACK = """
[services.app]
image = "busybox"
command = ["sh", "-c", "stat -c '%u:%g %a %n' /run/secrets/* /etc/app/app.conf; cat /run/secrets/pw /etc/app/app.conf; sleep 600"]
stop_grace_period = "0s"
environment.PW_FILE = "/run/secrets/pw"
secrets = ["pw", { source = "token", target = "key", uid = 1000, gid = 1001, mode = "0400" }]
configs = [{ source = "app", target = "/etc/app/app.conf", mode = 0o640 }]

[services.hard]
image = "busybox"
command = ["sh", "-c", "cat /run/secrets/pw; touch /x; sleep 600"]
stop_grace_period = "0s"
read_only = true
tmpfs = ["/run", "/tmp"]
secrets = ["pw"]

[secrets]
pw.file = "pw.txt"
token.environment = "TOKEN"
[configs.app]
content = "level=${LEVEL:-info}\\n"
"""
THERE = """\
1000:1001 400 /run/secrets/key
0:0 444 /run/secrets/pw
0:0 640 /etc/app/app.conf
"""


def logs(project: Project) -> str:
    return project.run("logs", "--no-log-prefix", "app").stdout


def test_a_secret_must_be_there_with_its_owner_and_mode_before_the_process_starts(
    project: Project, recorder: RecordingProxy
) -> None:
    project.env["TOKEN"] = f"{CANARY}-token"
    project.write(STACK)
    project.write(f"{CANARY}-pw\n", "pw.txt")

    # A run that is killed between the creation and the copy leaves a container that fits, and has no files.
    process = project.start("up")

    def kill(request: Request) -> None:
        if request.method == "PUT":
            process.kill()

    recorder.asked = kill
    process.communicate(timeout=60)
    recorder.asked = lambda _: None
    recorder.settle()
    assert project.states()["app"] == "created"
    said = [project.run("up").output]
    assert logs(project) == f"{THERE}{CANARY}-pw\nlevel=info\n"
    assert str(project.inspect("app")).count(CANARY) == 0
    assert project.json("plan")["steps"] == []

    # Another content is another container, and the plan names it.
    project.write(f"{CANARY}-other\n", "pw.txt")
    said += [
        project.run(*args, code=None).output
        for args in (("plan",), ("plan", "--json"), ("status",), ("config",))
    ]
    assert "secrets.pw changed" in said[1]
    said.append(project.run("up").output)
    assert logs(project) == f"{THERE}{CANARY}-other\nlevel=info\n"
    hard = project.run("logs", "--no-log-prefix", "hard").output
    assert f"{CANARY}-other" in hard
    assert "Read-only file system" in hard
    assert CANARY not in "\n".join(said)

    # The volume for the secrets of a read-only container comes and goes with the container.
    assert len(project.resources()["volumes"]) == 1
    project.run("rm", "-fs", "hard")
    assert project.resources()["volumes"] == []

    # What is missing is told before anything is changed.
    (project.directory / "pw.txt").unlink()
    failed = project.run("up", code=2).output
    assert "stack.toml:19:4: error: secrets.pw.file: the file 'pw.txt' does not exist" in failed
    assert project.states() == {"app": "running"}
    project.run("down")
    assert project.resources() == NOTHING

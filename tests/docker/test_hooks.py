"""Hooks on a real engine: before the first start, after each start, before each stop."""

from __future__ import annotations

import pytest
from proxy import RecordingProxy, Request
from scenario import NOTHING, Project

pytestmark = pytest.mark.docker

STACK = """
[services.app]
image = "busybox"
command = ["sh", "-c", "cat /own/made; sleep 600"]
stop_grace_period = "5s"
environment.A = "1"
volumes = ["/own", "data:/data"]
secrets = ["pw"]
pre_start = [
    { command = ["sh", "-c", "echo made $$A $$B $$(cat /run/secrets/pw) | tee -a /data/log >/own/made"], environment.B = "2" },
    { image = "busybox", command = ["sh", "-c", "MORE"] },
]
post_start = [{ command = ["sh", "-c", "echo started $$A $$B $$(id -u) >>/data/log"], user = "0", environment = ["B"] }]
pre_stop = [{ command = ["sh", "-c", "echo stops >>/data/log; echo not so well; exit 3"] }]

[services.after]
image = "busybox"
command = ["cat", "/data/log"]
volumes = ["data:/data"]
depends_on.app.condition = "service_started"

[secrets]
pw.environment = "PW"
[volumes.data]
"""


def logs(project: Project, service: str) -> str:
    return project.run("logs", "--no-log-prefix", service).stdout


def is_exec(request: Request) -> bool:
    return request.method == "POST" and request.path.endswith("/exec")


def test_hooks_must_run_before_and_after_a_start_and_before_a_stop(
    project: Project, recorder: RecordingProxy
) -> None:
    project.env |= {"PW": "hunter2", "B": "3"}
    project.write(STACK.replace("MORE", "ping -c 1 -W 2 nobody || exit 7"))
    failed = project.run("up", code=5).output
    assert "exit code 7" in failed
    assert "bad address" in failed  # the last lines of the container of the hook
    assert project.states()["after"] == "created"

    # A run that is killed between the start and post_start leaves a container that runs, and the next run starts it again.
    project.write(STACK.replace("MORE", "true"))
    process = project.start("up")
    recorder.asked = lambda request: process.kill() if is_exec(request) else None
    process.communicate(timeout=60)
    recorder.asked = lambda _: None
    recorder.settle()
    assert "its post_start hooks were interrupted" in project.run("status").output

    project.run("up")
    assert (
        logs(project, "app") == "made 1 2 hunter2\n" * 2
    )  # the hook had the anonymous volume of the container, and the secret
    assert logs(project, "after") == "made 1 2 hunter2\nmade 1 2 hunter2\nstops\nstarted 1 3 0\n"
    assert len(project.resources()["containers"]) == 2
    assert len(project.resources()["volumes"]) == 2
    assert [step["action"] for step in project.json("plan")["steps"] if step["service"] == "app"] == []

    stopped = project.run("--progress", "plain", "stop", "app").output
    assert "pre_stop[0] ended with exit code 3" in stopped
    assert project.states()["app"] == "exited"
    project.run("start", "app")
    assert (
        project.inside("app", "tail", "-n", "2", "/data/log") == "stops\nstarted 1 3 0\n"
    )  # pre_start is not repeated
    project.run("down", "--volumes", "-y")
    assert project.resources() == NOTHING

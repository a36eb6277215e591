"""A run must come to its end, whoever stops reading, whatever signals are ignored, and whatever a terminal can show."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest
from scenario import NOTHING, Project, sleepers

pytestmark = pytest.mark.docker

STACK = sleepers(db='healthcheck = { test = "sleep 1" }', web='depends_on = ["db"]')
NEVER = sleepers(db='healthcheck = { test = "echo schnée ☃; false" }')


@pytest.mark.parametrize("progress", ["plain", "json", "quiet"])
def test_a_reader_who_leaves_must_stop_nothing(project: Project, progress: str) -> None:
    def unread(*args: str) -> int:
        with project.start("--progress", progress, *args) as process:
            assert process.stdout
            assert process.stderr
            process.stdout.close()
            process.stderr.close()
            return process.wait(60)

    project.write(STACK)
    assert unread("up") == 0
    assert project.states() == {"db": "running", "web": "running"}
    assert unread("down") == 0
    assert project.resources() == NOTHING
    project.write(NEVER)
    assert unread("up", "--wait-timeout", "1") == 4


def test_a_command_that_looks_must_end_with_its_reader(project: Project) -> None:
    project.write(
        sleepers(web="").replace('"sleep infinity"', """["sh", "-c", "while echo y; do sleep 0.1; done"]""")
    )
    project.run("up")
    with project.start("logs", "--follow") as process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline()
        process.stdout.close()
        assert process.wait(60) == 0
        assert process.stderr.read() == ""


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT], ids=["nohup", "in the background"])
def test_a_signal_that_is_ignored_must_stay_ignored(project: Project, number: signal.Signals) -> None:
    project.write(STACK)
    with subprocess.Popen(
        [sys.executable, "-m", "stackctl", "up"],
        cwd=project.directory,
        env=project.environment,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(number, signal.SIG_IGN),
    ) as process:
        assert process.stderr
        assert process.stderr.readline()
        process.send_signal(number)
        assert "interrupted" not in process.stderr.read()
    assert process.returncode == 0
    assert project.states() == {"db": "running", "web": "running"}


def test_a_terminal_of_another_encoding_must_get_what_it_can_show(project: Project) -> None:
    project.write(NEVER)
    latin, ascii_ = {"PYTHONIOENCODING": "iso-8859-1"}, {"PYTHONIOENCODING": "ascii"}
    told = project.run("up", "--wait-timeout", "1", code=4, env=ascii_)
    assert "\nx db: " in told.stderr
    assert "schn?e ?" in told.stderr
    assert told.output.isascii()
    assert "\\u" not in told.output
    project.write(
        sleepers(web="").replace('"sleep infinity"', """["sh", "-c", "echo snow ☃; sleep infinity"]""")
    )
    project.run("up", "--remove-orphans")
    for env in (latin, ascii_):
        assert project.run("logs", "web", env=env).stdout == "web-1  | snow ?\n"

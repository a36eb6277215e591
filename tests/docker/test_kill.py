"""A run that is interrupted must end cleanly, and the next one must go on. `tests/faults` kills runs."""

from __future__ import annotations

import signal
import subprocess
import time

import pytest
from scenario import Project, eventually, sleepers

pytestmark = pytest.mark.docker


def waiting(project: Project) -> subprocess.Popen[str]:
    """An `up` that waits for a service that does not get ready."""
    project.write(
        sleepers(db='healthcheck = { test = "false", start_period = "1m" }', web='depends_on = ["db"]')
    )
    process = project.start("up")
    eventually(lambda: project.states().get("db") == "running")
    return process


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
    ids=["int", "term", "hup"],
)
def test_a_signal_must_end_up_cleanly(project: Project, number: signal.Signals, code: int) -> None:
    with waiting(project) as process:
        process.send_signal(number)
        _, told = process.communicate(timeout=60)
    assert process.returncode == code, told
    assert "Traceback" not in told
    assert project.states() == {"db": "running", "web": "created"}
    project.write(sleepers(db="", web='depends_on = ["db"]'))
    project.run("up")
    assert project.states() == {"db": "running", "web": "running"}


def test_a_second_signal_must_leave_at_once(project: Project) -> None:
    project.write(sleepers(web='init = false\nstop_grace_period = "60s"'))
    project.run("up")
    with project.start("down") as process:
        assert process.stderr is not None
        process.stderr.readline()  # it stops the container, which does not listen
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 130
        process.stderr.read()
    assert project.states() == {"web": "running"}, "nobody waited for its end"

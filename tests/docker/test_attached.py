"""`up` that stays."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from scenario import SLEEP, Project, free_ports, recorded
from ways import ENGINE

pytestmark = pytest.mark.docker

STACK = f"""\
[services.safe]
{SLEEP}
[services.end]
image = "busybox"
command = ["sh", "-c", "echo out; echo err >&2; exit 0"]
[services.fail]
image = "busybox"
command = "sh -c 'exit 111'"
depends_on = {{ end = {{ condition = "service_completed_successfully" }} }}
"""
WRONG_CLOCK = """\
import time
for name in ("time", "clock_gettime"):
    def wrong(*clock, right=getattr(time, name)):
        return right(*clock) + ({seconds} if clock in ((), (time.CLOCK_REALTIME,)) else 0)
    setattr(time, name, wrong)
"""
"""What Python imports at its start (sitecustomize)."""


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--abort-on-container-failure"], 111),
        (["--exit-code-from", "safe"], 143),
    ],
)
def test_one_that_ends_must_stop_the_others(project: Project, options: list[str], code: int) -> None:
    project.write(STACK)
    told = project.run("up", *options, code=code)
    assert "end-1   | out\n" in told.stdout
    assert "end-1 exited with code 0\n" in told.stdout
    assert "| err" in told.stderr
    assert "| err" not in told.stdout
    assert project.states()["safe"] == "exited"


@pytest.mark.parametrize("hours", [1, -1])
def test_another_clock_than_the_engines_must_hide_no_line_and_no_end(
    project: Project, tmp_path: Path, hours: int
) -> None:
    project.write(STACK)
    project.write(WRONG_CLOCK.format(seconds=3600 * hours), "clock/sitecustomize.py")
    path = f"{project.directory / 'clock'}:{project.environment['PYTHONPATH']}"
    with (
        recorded(project, Path(ENGINE), tmp_path / "engine.sock", *free_ports(1)),
        project.start("up", "--abort-on-container-failure", env={"PYTHONPATH": path}) as process,
    ):
        out, err = process.communicate(timeout=60)
    assert process.returncode == 111, err
    assert "end-1   | out\n" in out
    assert out.count("end-1 exited with code 0\n") == 1


def test_ctrl_c_must_stop_what_was_named_and_again_must_kill(project: Project) -> None:
    deaf = "trap '' TERM; while :; do sleep 1; done"
    project.write(
        f'[services.db]\n{SLEEP}[services.app]\nimage = "busybox"\ndepends_on = ["db"]\nstop_grace_period = "200s"\n'
        f'command = ["sh", "-c", "echo here; {deaf}"]\n'
    )
    with project.start("up", "app", "--follow", "--no-log-prefix") as process:
        assert process.stdout
        while process.stdout.readline() != "here\n":
            pass
        process.send_signal(signal.SIGINT)
        assert process.stderr
        for words in ("again kills", "app  stopping"):
            while words not in process.stderr.readline():
                pass
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=120)
    assert process.returncode == 130
    assert project.states() == {"db": "running", "app": "exited"}

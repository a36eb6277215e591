"""`up` that stays."""

from __future__ import annotations

import signal

import pytest
from scenario import SLEEP, Project

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

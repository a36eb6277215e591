"""`attach` must connect this process with the main process of a container."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest
from scenario import Project, sleepers

pytestmark = pytest.mark.docker

QUICK = 'stop_grace_period = "0s"\nstdin_open = true\n'
READER = QUICK + "command = \"sh -c 'read word; echo got $$word; read word; exit 5'\"\n"
TRAP = (
    QUICK
    + """command = ["sh", "-c", "trap 'echo trapped; exit 9' TERM; while :; do echo on; sleep 0.1; done"]\n"""
)


def test_attach_must_pass_input_output_signals_and_the_exit_code(bring_up: Callable[..., Project]) -> None:
    text = sleepers(reader="", trap="").replace('command = "sleep infinity"\n', "")
    text = text.replace("[services.reader]\n", f"[services.reader]\n{READER}")
    project = bring_up(text.replace("[services.trap]\n", f"[services.trap]\n{TRAP}"))
    with project.start("attach", "reader") as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write("hello\n")
        process.stdin.flush()
        assert process.stdout.readline() == "got hello\n"
        process.communicate("again\n", timeout=60)
    assert process.returncode == 5
    assert "is not running" in project.run("attach", "reader", code=2).stderr
    with project.start("attach", "--no-stdin", "trap") as process:
        assert process.stdout
        assert process.stdout.readline() == "on\n"
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=60)
    assert (process.returncode, said.splitlines()[-1]) == (9, "trapped")

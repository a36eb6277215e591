"""`attach` must connect this process with the main process of a container."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest
from scenario import Project, sleepers

pytestmark = pytest.mark.docker

QUICK = 'stop_grace_period = "0s"\nstdin_open = true\n'
READER = QUICK + "command = \"sh -c 'read word; echo got $$word; read word; exit 5'\"\n"
ANSWERS = QUICK + "command = \"sh -c 'read word; echo got $$word; echo and >&2; exit 3'\"\n"
ONCE = "cat; echo ' out'; exit 4"
LAST = range(3)
TRAP = (
    QUICK
    + """command = ["sh", "-c", "trap 'echo trapped; exit 9' TERM; while :; do echo on; sleep 0.1; done"]\n"""
)


def test_attach_must_pass_input_output_signals_and_the_exit_code(bring_up: Callable[..., Project]) -> None:
    text = sleepers(reader="", trap="", **{f"last-{number}": "" for number in LAST}).replace(
        'command = "sleep infinity"\n', ""
    )
    text = text.replace("[services.reader]\n", f"[services.reader]\n{READER}")
    for number in LAST:
        text = text.replace(f"[services.last-{number}]\n", f"[services.last-{number}]\n{ANSWERS}")
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

    # What a process says as its last is told, also if the input has ended before, and however many are asked at once.
    asked = [project.start("attach", f"last-{number}") for number in LAST]
    for number, process in enumerate(asked):
        told = process.communicate(f"{number}\n", timeout=60)
        assert (process.returncode, *told) == (3, f"got {number}\n", "and\n")
    ran = [project.start("run", "--rm", "-T", "--no-deps", "trap", "sh", "-c", ONCE) for _ in range(2)]
    for process in ran:
        assert process.communicate("in", timeout=60)[0] == "in out\n"
        assert process.returncode == 4

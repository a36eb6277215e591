"""At whatever moment somebody presses Ctrl-C, ends the process or closes the terminal: what has begun comes to its end, nothing new
begins, the terminal is as before, and the next run goes on.
"""

from __future__ import annotations

import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from proxy import RecordingProxy, Request
from scenario import NOTHING, Project, eventually, sleepers
from terminal import Terminal, open_terminal, screen

import stackctl
from stackctl.engine.lock import lock

pytestmark = pytest.mark.docker

TWO = sleepers(db="", web='depends_on = ["db"]\nvolumes = ["data:/data"]') + "[volumes.data]\n"
LEFT = "left at once: what was under way may go on in the engine"
CREATE = "POST /containers/create"
STOP = "POST /containers/[^/]*/stop"
START = "POST /containers/[^/]*/start"


class Held:
    """The first call that matches `call` waits before the engine until `release`."""

    def __init__(self, recorder: RecordingProxy, call: str) -> None:
        self._reached, self._released = threading.Event(), threading.Event()
        self._call = call
        recorder.asked = self._asked

    def _asked(self, request: Request) -> None:
        if re.match(self._call, str(request)):
            self._reached.set()
            self._released.wait(120)

    def reach(self, terminal: Terminal) -> None:
        eventually(lambda: not terminal.read(0) and self._reached.is_set(), 60)

    def release(self) -> None:
        self._released.set()


@contextmanager
def holding(recorder: RecordingProxy, call: str) -> Iterator[Held]:
    held = Held(recorder, call)
    try:
        yield held
    finally:
        held.release()
        recorder.settle()
        recorder.asked = lambda _: None


def in_order(terminal: Terminal) -> str:
    """What stands on the screen; the terminal is as it was."""
    assert "Traceback" not in terminal.said, terminal.said
    assert terminal.settings() == terminal.before, "echo, line by line, and so on"
    assert terminal.said.rfind("\x1b[?25h") >= terminal.said.rfind("\x1b[?25l"), "the cursor is to be seen"
    assert "\x1b[?1049h" not in terminal.said, "no other screen"
    return "\n".join(row for row in screen(terminal.said) if row)


def insist(terminal: Terminal) -> int:
    """Hold Ctrl-C down until the program ends."""
    began = time.monotonic()
    while terminal.process.poll() is None:
        terminal.type("\x03")
        terminal.read(0)
        time.sleep(0.03)  # as a keyboard repeats
        assert time.monotonic() < began + 60, terminal.said
    code = terminal.end()
    return 130 if code == -signal.SIGINT else code  # one more came while the interpreter ended


def test_ctrl_c_while_containers_are_made_must_start_none_and_say_what_is_begun(
    project: Project, recorder: RecordingProxy
) -> None:
    project.write(TWO)
    with holding(recorder, CREATE) as held, open_terminal(project, "up") as terminal:
        held.reach(terminal)
        terminal.type("\x03")
        terminal.expect("Ctrl-C again leaves at once")
        held.release()
        assert terminal.end() == 130
        said = in_order(terminal)
    assert "web      skipped    created · interrupted" in said
    assert said.splitlines()[-1].startswith("created 2 · begun 2 · interrupted in ")
    assert project.states() == {"db": "created", "web": "created"}
    project.run("up")
    assert project.states() == {"db": "running", "web": "running"}

    engine = project.api.info()["ID"]
    with lock(engine, project.name), open_terminal(project, "down", "--lock-timeout", "600") as terminal:
        terminal.expect("waiting for")
        terminal.type("\x03")
        assert terminal.end() == 130
        assert in_order(terminal).splitlines()[-1].startswith("nothing changed · interrupted")
    assert project.states() == {"db": "running", "web": "running"}

    with holding(recorder, STOP) as held, open_terminal(project, "down") as terminal:
        held.reach(terminal)
        assert insist(terminal) == 130
        echoed = "^C"  # of a key that came after the end
        told = in_order(terminal).rstrip(f"{echoed}\n")
        assert told.endswith(f"{LEFT}; stackctl status shows what is there")


def test_ctrl_c_before_a_one_off_runs_must_leave_no_container(
    project: Project, recorder: RecordingProxy
) -> None:
    project.write(sleepers(web=""))
    command = ("run", "--no-deps", "web", "sleep", "100")
    with holding(recorder, CREATE) as held, open_terminal(project, *command) as terminal:
        held.reach(terminal)
        terminal.type("\x03")
        terminal.expect("Ctrl-C again leaves at once")
        held.release()
        assert terminal.end() == 130
        in_order(terminal)
    assert project.resources()["containers"] == []
    with holding(recorder, START) as held, open_terminal(project, *command) as terminal:
        held.reach(terminal)
        assert insist(terminal) == 130, "the engine has not answered"
        in_order(terminal)
    recorder.settle()
    project.run("down")
    assert project.resources() == NOTHING


def test_a_terminal_that_goes_away_must_end_every_command(project: Project) -> None:
    says = """command = ["sh", "-c", "echo said; sleep 999"]"""
    web = 'healthcheck = { test = "echo no disk; false" }\ndepends_on = ["db"]'
    project.write(sleepers(web=web) + f'[services.db]\nimage = "busybox"\n{says}\n')
    with open_terminal(project, "up") as terminal:
        terminal.expect("no disk")
        terminal.hang_up()
        assert terminal.end() == 129
    for args, seen in (
        (("logs", "-f", "db"), "said"), (("exec", "db", "sh"), "# "), (("debug", "db"), "# "),
    ):  # fmt: skip
        with open_terminal(project, *args) as terminal:
            terminal.expect(seen)
            terminal.hang_up()
            assert terminal.end() in (129, -signal.SIGHUP), args
    eventually(lambda: len(project.resources()["containers"]) == 2)
    project.run("down")
    assert project.resources() == NOTHING


def test_a_disk_without_room_for_the_output_must_be_told_and_stop_nothing(project: Project) -> None:
    project.write(sleepers(web=""))
    told = "error: cannot write the output: No space left on device"

    def full(*args: str, err: int = subprocess.PIPE) -> tuple[int, str]:
        with Path("/dev/full").open("w") as disk:
            ran = subprocess.run(
                [sys.executable, "-m", "stackctl", *args],
                cwd=project.directory, env=project.environment, check=False, text=True,
                stdin=subprocess.DEVNULL, stdout=disk, stderr=err or disk,
            )  # fmt: skip
        return ran.returncode, ran.stderr or ""

    assert full("--progress", "json", "up") == (1, f"{told}\n")
    assert project.states() == {"web": "running"}
    assert full("exec", "-T", "web", "echo", "hi") == (1, f"{told}\n")
    assert full("down", err=0)[0] == 0
    assert project.resources() == NOTHING


# What `make soak` runs


PHASES = {
    "plan": (["up"], r"GET /containers/json"),
    "make a network": (["up"], r"POST /networks/create"),
    "make a container": (["up"], CREATE),
    "start": (["up"], START),
    "stop": (["down"], STOP),
    "remove": (["down"], r"DELETE /containers/"),
    "restart": (["restart"], STOP),
    "scale": (["scale", "web=2"], CREATE),
    "save": (["snapshot", "create", "kept"], CREATE),
    "run": (["run", "--rm", "web", "sleep", "9"], CREATE),
    "begin to run": (["run", "--rm", "web", "sleep", "9"], START),
    "execute": (["exec", "-T", "web", "sleep", "9"], r"POST /containers/[^/]*/exec"),
    "debug": (["debug", "web", "sleep", "9"], CREATE),
    "begin to debug": (["debug", "web", "sleep", "9"], START),
}
"""For each phase of a run: the command, and the call at which it is interrupted."""


@pytest.mark.slow
@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("how", ["once", "twice", "term", "hup", "gone"])
def test_a_run_may_be_ended_in_each_phase(
    project: Project, recorder: RecordingProxy, phase: str, how: str
) -> None:
    args, call = PHASES[phase]
    code = {"term": 143, "hup": 129, "gone": 129}.get(how, 130)
    project.write(TWO)
    if args[0] != "up":
        project.run("up")
    with holding(recorder, call) as held, open_terminal(project, *args) as terminal:
        held.reach(terminal)
        began = time.monotonic()
        match how:
            case "once":
                terminal.type("\x03")
            case "twice":
                insist(terminal)
            case "gone":
                terminal.hang_up()
            case _:
                terminal.process.send_signal(signal.SIGTERM if how == "term" else signal.SIGHUP)
        if how != "twice":
            time.sleep(0.2)
            began = time.monotonic()
            held.release()
        ended = terminal.end()
        took = time.monotonic() - began
        assert ended in (code, code - 256, 128 - code), (ended, terminal.said)
        if how != "gone":
            in_order(terminal)
    print(f"{phase}, {how}: exit {ended}, {took:.2f} s", file=sys.__stderr__, flush=True)
    goes_on(project)


def goes_on(project: Project) -> None:
    """The next run makes everything good, and leaves nothing."""
    project.run("up", "--remove-orphans")
    assert project.states() == {"db": "running", "web": "running"}
    assert project.json("plan")["steps"] == []
    project.run("snapshot", "rm", "kept", code=None)
    project.run("down", "--volumes")
    assert project.resources() == NOTHING


def in_python(said: str) -> bool:
    """Whether Ctrl-C has ended Python while it still started, before the first module of stackctl was loaded."""
    package = Path(stackctl.__file__)
    frames = map(Path, re.findall(r'File "(.+?)"', said))
    return "KeyboardInterrupt" in said and not any(
        package.parent in file.parents for file in frames if file != package
    )


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["up", "down"])
def test_ctrl_c_at_a_random_moment_must_be_made_good(
    project: Project, recorder: RecordingProxy, verb: str, times: Callable[[int], int]
) -> None:
    random_ = random.Random(13)
    wanted, longest, codes = times(50), 0.0, dict[int, int]()
    project.write(TWO)
    for _ in range(wanted):
        if verb == "down":
            project.run("up")
        with open_terminal(project, verb) as terminal:
            deadline = time.monotonic() + random_.uniform(0, 2.5)
            while time.monotonic() < deadline and terminal.process.poll() is None:
                terminal.read(0.01)
            began = time.monotonic()
            terminal.process.send_signal(signal.SIGINT)
            code = terminal.end()
            longest = max(longest, time.monotonic() - began)
            assert code in (0, 130, -signal.SIGINT), terminal.said
            if not in_python(terminal.said):
                in_order(terminal)
        codes[code] = codes.get(code, 0) + 1
        recorder.settle()
        goes_on(project)
    print(
        f"Ctrl-C at a random moment of {verb}: {wanted} of {wanted} right, exit codes {codes}, at most {longest:.2f} s",
        file=sys.__stderr__,
    )

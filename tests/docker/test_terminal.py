"""A run on a terminal must be a picture that stays in order, and elsewhere lines that a program can read."""

from __future__ import annotations

import json
import re
import threading
import time

import pytest
from proxy import RecordingProxy, Request
from scenario import NOTHING, Project, eventually, sleepers
from terminal import SGR, Terminal, open_terminal, screen

pytestmark = pytest.mark.docker

STACK = sleepers(db='healthcheck = { test = "sleep 0.5" }', web='depends_on = ["db"]')
NEVER = sleepers(db='healthcheck = { test = "echo no disk yet; false" }', web='depends_on = ["db"]')
SECONDS = re.compile(r"\b\d+(\.\d)? s\b")


def seen(terminal: Terminal, columns: int = 100, lines: int = 30) -> list[str]:
    """What stands on the screen in the end, blank lines left out."""
    assert "Traceback" not in terminal.said
    assert terminal.settings() == terminal.before
    if "\x1b[?25l" in terminal.said:
        assert terminal.said.rindex("\x1b[?25h") > terminal.said.rindex("\x1b[?25l"), "the cursor is back"
    return [row for row in screen(terminal.said, columns, lines) if row]


def without_times(rows: list[str]) -> list[str]:
    """The rows with their blanks and times made alike."""
    return [" ".join(SECONDS.sub("T", row).split()) for row in rows]


def test_up_and_down_must_leave_one_line_for_each_service(project: Project, free_port: int) -> None:
    served = 'command = "httpd -f -p 80"'
    project.write(STACK.replace('command = "sleep infinity"\ndepends', f"{served}\ndepends"))
    project.write(f'[services.web]\nports = ["{free_port}:80"]\n', "stack.override.toml")
    with open_terminal(project, "up", color=True) as terminal:
        assert terminal.end() == 0
        rows = without_times(seen(terminal))
        assert SGR.search(terminal.said)
        rest = SGR.sub("", terminal.said.rpartition("\x1b[2K")[2])
        assert "\x1b" not in rest, "after the last redrawing nothing but colour"
    assert rows[:5] == [
        f"stackctl up {project.name} · stack.toml T",
        f"✔ network created {project.name}_default T",
        "✔ db healthy created T",
        "✔ web ready created T",
        "created 3 in T",
    ]
    assert any(f"http://localhost:{free_port}" in row for row in rows[5:])

    with open_terminal(project, "down", color=True) as terminal:
        assert terminal.end() == 0
        rows = without_times(seen(terminal))
    assert rows[0] == f"stackctl down {project.name} · stack.toml T"
    assert set(rows[1:3]) == {"✔ web removed T", "✔ db removed T"}
    assert rows[3:] == [f"✔ network removed {project.name}_default T", "removed 3 in T"]
    assert project.resources() == NOTHING


def test_no_color_must_mean_no_styles_at_all(project: Project) -> None:
    project.write(STACK)
    for command in (["up"], ["status"], ["plan"], ["ps"], ["--no-color", "down"]):
        with open_terminal(project, *command, color="--no-color" in command) as terminal:
            assert terminal.end() == 0
            assert seen(terminal)
            assert not SGR.search(terminal.said), command


def test_waiting_must_say_for_whom_and_why_while_it_lasts(project: Project) -> None:
    project.write(NEVER)
    with open_terminal(project, "up", "--wait-timeout", "4") as terminal:
        terminal.expect("for db · ")
        terminal.expect("no disk yet")
        assert terminal.end() == 4
        rows = seen(terminal)
    assert sum("✘" in row for row in rows) == 2, "in its line, and told at the end"
    assert any(row.split()[:3] == ["–", "web", "skipped"] for row in rows)
    assert "stackctl logs db" in "\n".join(rows)


def test_a_failure_must_fit_a_narrow_terminal(project: Project) -> None:
    dies = """["sh", "-c", "echo no disk; exit 3"]"""
    project.write(sleepers(db="").replace('"sleep infinity"', dies))
    with open_terminal(project, "up", columns=60, lines=24) as terminal:
        assert terminal.end() == 5
        rows = seen(terminal, 60, 24)
    above, log, below = rows[rows.index("  no disk") - 1 :][:3]
    assert above == "  ── last 1 line of db ".ljust(60, "─")
    assert (log, below) == ("  no disk", "  " + "─" * 58)
    assert not [row for row in rows if set(row) == {"─"}], "no rule runs over into the next line"


def test_an_engine_that_answers_late_must_not_tear_the_display(
    project: Project, recorder: RecordingProxy
) -> None:
    project.write(sleepers(db="", web='depends_on = ["db"]'))
    answer, started = threading.Event(), threading.Event()

    def hold_the_last_look(request: Request) -> None:
        if request.path.endswith("/start"):
            started.set()
        if started.is_set() and request.path.startswith("/containers/json"):
            answer.wait(60)

    recorder.asked = hold_the_last_look
    with open_terminal(project, "up") as terminal:
        terminal.expect("waiting for the Docker engine at")
        answer.set()
        assert terminal.end() == 0
        rows = without_times(seen(terminal))
    place = next(index for index, row in enumerate(rows) if row.startswith("stackctl up"))
    assert " ".join(rows[:place]) == f"waiting for the Docker engine at unix://{recorder.path} to answer"
    assert rows[place:] == [
        f"stackctl up {project.name} · stack.toml T",
        f"✔ network created {project.name}_default T",
        "✔ db ready created T",
        "✔ web ready created T",
        "created 3 in T",
    ]


def test_ctrl_c_must_end_in_order(project: Project) -> None:
    project.write(NEVER)
    with open_terminal(project, "up") as terminal:
        terminal.expect("no disk yet")
        terminal.type("\x03")
        assert terminal.end() == 130
        rows = seen(terminal)
    assert "interrupted" in rows[-1]
    assert project.states() == {"db": "running", "web": "created"}


def test_a_small_screen_must_not_be_written_over(project: Project) -> None:
    project.write(sleepers(**{f"service-{number}": "" for number in range(9)}))
    with open_terminal(project, "up", columns=50, lines=8) as terminal:
        assert terminal.end() == 0
        rows = without_times(seen(terminal, columns=50, lines=8))
    assert rows[0].startswith("stackctl up")
    assert rows[2:11] == [f"✔ service-{number} ready created T" for number in range(9)], (
        "all of them in the end"
    )
    assert rows[11] == "created 10 in T"


def test_a_build_must_show_its_step(project: Project) -> None:
    project.write('[services.app]\nbuild = "app"\ncommand = "sleep infinity"\n')
    project.write(f"FROM busybox\nRUN echo {project.name}\nRUN sleep 2\n", "app/Dockerfile")
    project.env["PATH"] = "/nonexistent"  # without a docker command it is the engine's own builder
    with open_terminal(project, "up") as terminal:
        terminal.expect("building")
        terminal.expect("step 3/")
        assert terminal.end() == 0
        rows = without_times(seen(terminal))
    assert "✔ app ready built in T · created T" in rows


def test_a_dumb_terminal_must_get_lines(project: Project) -> None:
    project.write(STACK)
    with open_terminal(project, "up", color=True, term="dumb") as terminal:
        assert terminal.end() == 0
        assert "\x1b" not in terminal.said
        assert any("healthy" in row for row in seen(terminal))


def test_a_pipe_must_get_plain_lines(project: Project) -> None:
    project.write(STACK)
    told = project.run("up", env={"NO_COLOR": ""})
    assert "\x1b" not in told.output
    lines = told.stderr.splitlines()
    assert re.fullmatch(r"created 3 in [\d.]+ s", lines[-1])
    rows = [re.fullmatch(r" *[\d.]+ s  (network \S+|\w+) +(\w+)( .*)?", line) for line in lines[:-1]]
    told_of = [(row[1], row[2]) for row in rows if row and "echo" not in (row[3] or "")]
    assert told_of[0] == (f"network {project.name}_default", "created")
    assert list(dict.fromkeys(told_of[1:])) == [
        ("db", "starting"), ("db", "healthy"), ("web", "starting"), ("web", "ready"),
    ]  # fmt: skip


def test_json_must_be_one_object_a_line_from_the_plan_to_the_end(project: Project) -> None:
    project.write(STACK)
    told = project.run("--progress", "json", "up")
    assert told.stderr == ""
    events = [json.loads(line) for line in told.stdout.splitlines()]
    assert {event["version"] for event in events} == {1}
    for step in {event["step"] for event in events if "step" in event}:
        times = [event["at"] for event in events if event.get("step") == step]
        assert times == sorted(times), "steps run at once: only the times of one step ascend"
    assert events[0]["event"] == "planned"
    assert events[-1]["event"] == "ended"
    assert events[-1]["exit_code"] == 0
    steps = {step["id"] for step in events[0]["plan"]["steps"]}
    for kind in ("started", "done"):
        assert {event["step"] for event in events if event["event"] == kind} == steps

    project.write(NEVER)
    told = project.run("--progress", "json", "up", "--wait-timeout", "2", code=4)
    events = [json.loads(line) for line in told.stdout.splitlines()]
    (failed,) = (event for event in events if event["event"] == "failed")
    assert (failed["service"], failed["error"]["type"]) == ("db", "WaitTimeoutError")
    assert "no disk yet" in failed["error"]["last_answer"]
    assert events[-1]["exit_code"] == 4
    assert events[-1]["failed"] == [failed["step"]]


def test_quiet_must_say_nothing_but_failures(project: Project, recorder: RecordingProxy) -> None:
    project.write(STACK)
    recorder.asked = lambda request: time.sleep(4 if request.path.startswith("/info") else 0)
    assert project.run("--progress", "quiet", "up").output == "", "not even what is waited for"
    recorder.asked = lambda _: None
    project.write(NEVER)
    assert "no disk yet" in project.run("--progress", "quiet", "up", "--wait-timeout", "2", code=4).stderr


STUBBORN = """
[services.web]
image = "busybox"
init = false
command = ["sh", "-c", "trap '' TERM; while true; do sleep 1; done"]
stop_grace_period = "60s"
"""


def test_ctrl_c_on_80_columns_must_not_write_a_line_twice(project: Project) -> None:
    project.write(NEVER)
    with open_terminal(project, "up", columns=80, lines=24) as terminal:
        terminal.expect("no disk yet")
        terminal.type("\x03")
        assert terminal.end() == 130
        rows = seen(terminal, 80, 24)
    assert sum(row.startswith("stackctl up") for row in rows) == 1
    assert "next        stackctl up goes on" in "\n".join(rows)


def test_a_second_ctrl_c_must_leave_the_terminal_in_order_and_say_so(project: Project) -> None:
    project.write(STUBBORN)
    project.run("up")
    with open_terminal(project, "down") as terminal:
        terminal.expect("stopping")
        terminal.type("\x03")
        terminal.expect("Ctrl-C again leaves at once")
        terminal.type("\x03")
        assert terminal.end() == 130
        rows = seen(terminal)
    assert "–  web      stopping" in "\n".join(rows), "nothing turns any more"
    assert rows[-1].startswith("left at once: what was under way may go on in the engine")
    project.run("down", "-t", "1")


def test_ctrl_c_at_the_question_must_be_a_no(project: Project) -> None:
    project.write(sleepers(web='volumes = ["data:/data"]') + "[volumes.data]\n")
    project.run("up")
    there = project.resources()
    with open_terminal(project, "down", "--volumes") as terminal:
        terminal.expect("[y/N]")
        terminal.type("\x03")
        assert terminal.end() == 130
        assert seen(terminal)[-1] == "nothing was removed"
    assert project.resources() == there


def test_following_must_show_what_comes_since_up_began_and_stop_all(project: Project) -> None:
    project.write(
        sleepers(web="").replace(
            '"sleep infinity"', """["sh", "-c", "echo first; while sleep 1; do echo later; done"]"""
        )
    )
    project.run("up")
    eventually(lambda: "later" in project.run("logs").stdout)
    with open_terminal(project, "up", "--follow") as terminal:
        terminal.expect("web-1  | later")
        terminal.type("\x03")
        assert terminal.end() == 130
        rows = seen(terminal)
    assert "first" not in terminal.said
    assert any(row.startswith("stopped 1 in") for row in rows)
    assert project.states() == {"web": "exited"}
    with project.start("up", "--follow") as process:
        assert process.stdout
        assert process.stdout.readline()
        project.run("down")
        _, told = process.communicate(timeout=60)
    assert (process.returncode, told.splitlines()[-1]) == (0, "nothing is left to stop: all has ended")

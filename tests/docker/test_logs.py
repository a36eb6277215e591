"""What containers wrote must come out whole, in order, and harmless on a terminal."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from itertools import groupby
from typing import Any

import pytest
from scenario import Project, eventually
from terminal import SGR, open_terminal

pytestmark = pytest.mark.docker

COUNT = "i=0; while [ $$i -lt 10 ]; do echo {name} $$i; i=$$((i+1)); sleep 0.1; done"


def services(**scripts: str) -> str:
    """Services that run a script and then sleep."""
    return "".join(
        f"[services.{name}]\nimage = \"busybox\"\ncommand = ['sh', '-c', '''{script}; sleep infinity''']\n"
        for name, script in scripts.items()
    )


@pytest.fixture(scope="module")
def counting(bring_up: Callable[..., Project]) -> Project:
    """Two services that have counted to nine at the same time."""
    project = bring_up(services(a=COUNT.format(name="a"), b=COUNT.format(name="b")))
    eventually(lambda: project.run("logs", "--no-log-prefix").stdout.count(" 9\n") == 2)
    return project


def records(project: Project, *args: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in project.run("logs", "--json", *args).stdout.splitlines()]


def test_lines_must_be_merged_by_time(counting: Project) -> None:
    lines = records(counting)
    assert [line["time"] for line in lines] == sorted(line["time"] for line in lines)
    for name in ("a", "b"):
        own = [line for line in lines if line["service"] == name]
        assert [line["text"] for line in own] == [f"{name} {number}" for number in range(10)]
        assert {(line["version"], line["container"], line["stream"]) for line in own} == {
            (1, f"{counting.name}-{name}-1", "stdout")
        }
    turns = [service for service, _ in groupby(lines, key=lambda line: line["service"])]
    assert len(turns) > 4, "they counted at the same time"


def test_each_line_must_say_whose_it_is_unless_told_otherwise(counting: Project) -> None:
    told = counting.run("logs").stdout.splitlines()
    assert {line for line in told if line.startswith("a")} == {f"a-1  | a {number}" for number in range(10)}
    bare = counting.run("logs", "--no-log-prefix", "b").stdout.splitlines()
    assert bare == [f"b {number}" for number in range(10)]


def test_a_service_or_container_must_be_chosen_by_name(counting: Project) -> None:
    for name in ("a", f"{counting.name}-a-1"):
        assert {line["service"] for line in records(counting, name)} == {"a"}
    told = counting.run("logs", "c", code=2).stderr
    assert "no such service: c" in told


def test_tail_must_count_for_each_container(counting: Project) -> None:
    assert sorted(counting.run("logs", "--no-log-prefix", "--tail", "2").stdout.splitlines()) == [
        *("a 8", "a 9"),
        *("b 8", "b 9"),
    ]
    assert len(records(counting, "-n", "all")) == 20
    assert "--tail" in counting.run("logs", "--tail", "few", code=2).stderr


def test_since_and_until_must_cut_at_that_moment(counting: Project) -> None:
    moment = next(line["time"] for line in records(counting, "a") if line["text"] == "a 4")
    texts = [line["text"] for line in records(counting, "a", "--since", moment)]
    assert texts == [f"a {number}" for number in range(4, 10)]
    texts = [line["text"] for line in records(counting, "a", "--until", moment)]
    assert texts in ([f"a {n}" for n in range(4)], [f"a {n}" for n in range(5)])
    assert len(records(counting, "--since", "1h")) == 20
    assert records(counting, "--until", "1h") == []
    assert "is not a time" in counting.run("logs", "--since", "yesterday", code=2).stderr


def test_timestamps_must_be_the_engines(counting: Project) -> None:
    first = records(counting, "a")[0]
    told = counting.run("logs", "--timestamps", "a").stdout.splitlines()[0]
    assert told == f"a-1  | {first['time']} a 0"


def test_following_must_go_on_with_what_comes_until_ctrl_c(project: Project) -> None:
    project.write(services(a="echo past; until [ -e /go ]; do sleep 0.05; done; echo present"))
    project.run("up")
    with project.start("logs", "-f") as process:
        assert process.stdout
        assert process.stdout.readline() == "a-1  | past\n"
        project.inside("a", "touch", "/go")
        assert process.stdout.readline() == "a-1  | present\n"
        os.kill(process.pid, signal.SIGINT)
        rest, told = process.communicate(timeout=10)
    assert (process.returncode, rest, told.strip()) == (130, "", "")


def test_following_must_end_with_the_containers(project: Project) -> None:
    project.write(services(a="echo one"))
    project.run("up")
    with project.start("logs", "-f", "--no-log-prefix") as process:
        assert process.stdout
        assert process.stdout.readline() == "one\n"
        project.api.stop(project.ids()["a"], timeout=1)
        assert process.communicate(timeout=20) == ("", "")
    assert process.returncode == 0


def test_a_reader_that_leaves_must_end_it_quietly(project: Project) -> None:
    project.write(services(a="while sleep 0.1; do echo more; done"))
    project.run("up")
    with project.start("logs", "-f") as process:
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 0


WRITTEN = r"\033]0;retitled\007\033[2J\033[1;1Hplain \033[31mred\033[0m \r\033[2Khidden\033[1A"


def test_a_terminal_must_get_no_control_characters(project: Project) -> None:
    project.write(services(a=f'printf "{WRITTEN}\\n"'))
    project.run("up")
    eventually(lambda: "hidden" in project.run("logs").stdout)
    with open_terminal(project, "logs", color=True) as terminal:
        assert terminal.end() == 0
        said = terminal.said
    assert "retitled" not in said
    assert "\x1b[31mred\x1b[0m" in said, "colours stay"
    assert "\x1b" not in SGR.sub("", said)
    assert "\r" not in said.replace("\r\n", "")
    with open_terminal(project, "logs") as terminal:
        assert terminal.end() == 0
        assert terminal.said == "a-1  | plain red hidden\r\n"
    piped = project.run("logs", "--no-log-prefix").stdout
    assert "\x1b]0;retitled\x07\x1b[2J" in piped, "a pipe gets what was written"


def test_a_line_of_a_megabyte_must_come_whole(project: Project) -> None:
    project.write(services(a="head -c 1000000 /dev/zero | tr '\\000' x; echo; echo after".replace("'", '"')))
    project.run("up")
    eventually(lambda: "after" in project.run("logs").stdout)
    assert project.run("logs", "--no-log-prefix").stdout == "x" * 1_000_000 + "\nafter\n"


def test_a_stack_without_containers_must_have_no_logs(project: Project) -> None:
    project.write(services(a="true"))
    assert project.run("logs").output == ""

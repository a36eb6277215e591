"""A command run in a container must behave as if it ran here: its input, its output, its exit code."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest
from scenario import Project, eventually, sleepers

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def web(bring_up: Callable[..., Project]) -> Project:
    """`web` runs; `ended` does not, and `later` was never made."""
    text = sleepers(web="", ended='profiles = ["x"]', later='profiles = ["y"]')
    project = bring_up(text, profiles=("x",))
    project.api.stop(project.ids()["ended"], timeout=1)
    return project


@pytest.mark.parametrize("code", [0, 1, 7, 255])
def test_the_exit_code_must_be_the_commands_own(web: Project, code: int) -> None:
    web.run("exec", "web", "sh", "-c", f"exit {code}", code=code)


def test_both_outputs_must_be_kept_apart(web: Project) -> None:
    told = web.run("exec", "web", "sh", "-c", "echo out; echo err >&2")
    assert (told.stdout, told.stderr) == ("out\n", "err\n")


def test_a_megabyte_must_go_both_ways(web: Project) -> None:
    text = "".join(f"{number:06}\n" for number in range(150_000))
    assert web.run("exec", "-T", "web", "cat", stdin=text).stdout == text
    assert web.run("exec", "-T", "web", "wc", "-c", stdin=text).stdout.strip() == str(len(text))


def test_options_after_the_command_must_be_the_commands(web: Project) -> None:
    assert web.run("exec", "web", "echo", "-e", "--tty", "-T", "--help").stdout == "--tty -T --help\n"


def test_its_environment_user_and_directory_must_be_as_asked(web: Project) -> None:
    options = (
        "-e",
        "GREETING=hello world",
        "--env",
        "PASSED",
        "-e",
        "UNSET_HERE",
        "-u",
        "1234:5678",
        "-w",
        "/tmp",
    )
    script = 'echo "$GREETING|$PASSED|${UNSET_HERE-unset}"; id -u; id -g; pwd'
    told = web.run("exec", *options, "web", "sh", "-c", script, env={"PASSED": "a=b"})
    assert told.stdout.splitlines() == ["hello world|a=b|unset", "1234", "5678", "/tmp"]


def test_a_detached_command_must_go_on_by_itself(web: Project) -> None:
    script = "until [ -e /go ]; do sleep 0.1; done; touch /detached"
    assert web.run("exec", "-d", "web", "sh", "-c", script).output == ""
    web.inside("web", "touch", "/go")
    eventually(lambda: "detached" in web.inside("web", "ls", "/"))


@pytest.mark.parametrize("argv", [("no-such-program",), ("/etc/passwd",)], ids=["missing", "no-program"])
def test_a_command_that_cannot_be_run_must_end_as_in_a_shell(web: Project, argv: tuple[str, ...]) -> None:
    told = web.run("exec", "web", *argv, code=None)
    assert told.code in (126, 127)
    assert argv[0] in told.output


def test_a_container_must_be_found_by_its_name_too(web: Project) -> None:
    assert (
        web.run("exec", f"{web.name}-web-1", "hostname").stdout == web.run("exec", "web", "hostname").stdout
    )


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("ended", ("-ended-1 is not running", "stackctl up")),
        ("later", ("later has no container", "stackctl up later")),
        ("wbe", ("no such service: wbe", "did you mean 'web'?")),
    ],
)
def test_what_does_not_run_must_be_told_in_words(web: Project, name: str, words: tuple[str, str]) -> None:
    told = web.run("exec", name, "true", code=2).stderr
    assert all(word in told for word in words), told


def test_a_terminal_that_is_none_must_be_refused(web: Project) -> None:
    assert "the input is not a terminal" in web.run("exec", "-t", "web", "true", code=2).stderr


def test_it_must_work_from_a_directory_below(web: Project) -> None:
    below = web.directory / "src/deep"
    below.mkdir(parents=True)
    assert web.run("exec", "web", "echo", "found", at=below).stdout == "found\n"


def test_ctrl_c_must_end_it_without_a_traceback(web: Project) -> None:
    with web.start("exec", "web", "sh", "-c", "echo begun; sleep 60") as process:
        assert process.stdout
        assert process.stdout.readline() == "begun\n"
        os.kill(process.pid, signal.SIGINT)
        _, told = process.communicate(timeout=10)
    assert process.returncode == 130
    assert "Traceback" not in told

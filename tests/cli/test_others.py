"""Commands that are not there, and options in another place than before the command."""

import json
import re
import shlex
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete
from commandline import Run

from stackctl.cli import SECTIONS, cli
from stackctl.cli.commands.completion import VARIABLE
from stackctl.cli.others import _WAYS, instead

pytest_plugins = ["commandline_fixtures"]

COMMANDS = [name for section in SECTIONS.values() for name in section]
ONE = '[services.web]\nimage = "nginx:1"\n[services.debug]\nimage = "busybox"\nprofiles = ["tools", "ci"]\n'
TWO = '[services.db]\nimage = "redis:7"\n'


@pytest.fixture(autouse=True)
def files(tmp_path: Path) -> None:
    (tmp_path / "one.toml").write_text(ONE)
    (tmp_path / "two.toml").write_text(TWO)


def test_a_command_that_others_have_names_the_way(run: Run) -> None:
    ran = run("shell", "api")
    assert ran.code == 2
    assert "No such command 'shell'" in ran.err
    assert "`stackctl exec api sh`" in ran.err
    assert "`stackctl check` finds mistakes" in run("lint").err
    assert "Did you mean 'start'?" in run("startt", "web").err
    assert "Did you mean" not in run("xyzzy").err


@pytest.mark.parametrize("name", _WAYS)
def test_the_way_works(run: Run, name: str) -> None:
    assert name not in COMMANDS
    for line in re.findall(r"`(stackctl [^`]*)`", instead([name], COMMANDS)):
        command, *options = [word for word in shlex.split(line)[1:] if not word.isupper()]
        known = run(command, "--help").out
        assert all(option in known for option in options if option.startswith("-")), line


@pytest.mark.parametrize(
    "options",
    [
        ["-f", "one.toml", "config", "--services"],
        ["config", "-f", "one.toml", "--services"],
        ["config", "--services", "--file", "one.toml", "--progress", "json"],
        ["compose", "config", "--services", "-f", "one.toml"],
    ],
)
def test_global_options_stand_before_or_after_the_command(run: Run, options: list[str]) -> None:
    ran = run(*options)
    assert (ran.code, ran.out, ran.err) == (0, "web\n", "")


def test_options_after_the_command_add_to_those_before_and_win_over_variables(run: Run) -> None:
    def services(*words: str, **environ: str) -> list[str]:
        return run(*words, **environ).out.split()

    assert services("-f", "one.toml", "config", "--services", "-f", "two.toml") == ["web", "db"]
    assert services("config", "--services", "-f", "two.toml", STACKCTL_FILE="one.toml") == ["db"]
    assert services("config", "--services", STACKCTL_FILE="one.toml") == ["web"]
    one = ("-f", "one.toml", "config", "--services")
    assert services(*one, "--profile", "tools") == ["web", "debug"]
    assert services(*one, "--profile", "no", STACKCTL_PROFILES="tools") == ["web"]


def test_a_command_keeps_its_own_letters(run: Run) -> None:
    assert "No such option" not in run("logs", "-f", "--file", "one.toml", DOCKER_HOST="unix:///no").err
    assert "no such file" in run("up", "-f", "three.toml").err
    assert "accepted" not in run("up", "--help").out.partition("Options:")[2].partition("-f, --file")[2]
    assert "stackctl --help" in run("up", "--help").out


def test_profiles_are_completed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    def complete(*words: str) -> list[str]:
        completion = ShellComplete(cli, {}, "stackctl", VARIABLE)
        return [item.value for item in completion.get_completions(list(words[:-1]), words[-1])]

    assert complete("-f", "one.toml", "--profile", "") == ["ci", "tools"]
    assert complete("-f", "one.toml", "up", "--profile", "t") == ["tools"]
    assert complete("up", "-f", "two.toml", "") == ["db"]
    assert complete("--profile", "") == []
    assert complete("up", "-f", "one.toml", "--profile", "nosuch", "") == ["web", "debug"]
    assert capsys.readouterr().err == ""


ARGUMENTS = {
    "attach": ["web"],
    "bundle": ["web.tar"],
    "cp": ["web:/x", "."],
    "debug": ["web", "true"],
    "exec": ["web", "true"],
    "explain": ["web", "--inside"],
    "export": ["bash"],
    "port": ["web", "80"],
    "reach": ["web", "db"],
    "run": ["web", "true"],
    "scale": ["web=1"],
    "with": ["--", "true"],
    "snapshot": ["ls"],
    "wait": ["web"],
}
READERS = sorted(
    set(COMMANDS)
    - {
        "add",
        "check",
        "init",
        "import",
        "lab",
        "load",
        "same",
        "schema",
        "completion",
        "version",
        "ls",
        "gc",
        "timeline",
    }
)


@pytest.mark.parametrize("command", READERS)
def test_every_command_that_reads_the_stack_warns_of_an_unknown_profile(run: Run, command: str) -> None:
    words = ["-f", "one.toml", command, *ARGUMENTS.get(command, [])]
    told = "warning: no service has the profile 'nosuch'\n      = there are: tools, ci\n\n1 warning\n"
    assert run("--profile", "nosuch", *words, DOCKER_HOST="unix:///nowhere").err.count(told) == 1
    assert "warning" not in run("--profile", "ci", *words, DOCKER_HOST="unix:///nowhere").err


def test_help_is_a_command_as_well(run: Run) -> None:
    assert run("help").out == run("--help").out
    assert run("help", "up").out == run("up", "--help").out
    assert "Did you mean 'explain'?" in run("help", "expalin").err


@pytest.mark.parametrize(
    ("words", "kind", "code"),
    [
        (["--progress", "json", "up", "-f", "three.toml"], "SpecError", 2),
        (["up", "-f", "one.toml", "--progress", "json"], "NoAnswerError", 1),
        (["down", "-f", "one.toml", "--progress", "json"], "NoAnswerError", 1),
        (["--progress", "json", "up", "--force-recreate", "--no-recreate"], "UsageError", 2),
        (["up", "--progress", "json", "--nosuch"], "UsageError", 2),
        (["up", "--nosuch", "--progress=json"], "UsageError", 2),
        (["--nosuch", "up", "--progress=json"], "UsageError", 2),
        (["compose", "up", "--progress", "json", "--nosuch"], "UsageError", 2),
        (["down", "--timeout", "soon", "--progress", "json"], "UsageError", 2),
        (["-p", "status", "up", "--nosuch", "--progress", "json"], "UsageError", 2),
        (["--progress", "json", "restrat"], "UsageError", 2),
        (["--progress", "json"], "UsageError", 2),
        (["up", "--progress", "json", "--wait-timeout"], "UsageError", 2),
    ],
)
def test_with_json_an_early_error_is_an_event(run: Run, words: list[str], kind: str, code: int) -> None:
    ran = run(*words, DOCKER_HOST="unix:///nowhere")
    event = json.loads(ran.out)
    assert (ran.code, event["version"], event["event"]) == (code, 1, "error")
    assert (event["error"]["type"], event["exit_code"]) == (kind, code)
    assert event["error"]["message"]
    assert [p["file"] for p in event.get("problems", [])] == (["three.toml"] if kind == "SpecError" else [])
    assert event["error"]["message"].rpartition(": ")[2] in ran.err


def test_other_commands_keep_to_their_own_output(run: Run) -> None:
    ran = run("--progress", "json", "status", "-f", "three.toml")
    assert (ran.code, ran.out) == (2, "")
    for words in (["status", "--nosuch"], ["exec", "web", "up", "--nosuch"], ["--nosuch", "status"]):
        ran = run(*words, STACKCTL_PROGRESS="json")
        assert (ran.code, ran.out) == (2, ""), words
    assert json.loads(run("up", "--nosuch", STACKCTL_PROGRESS="json").out)["exit_code"] == 2
    assert run("up", "--nosuch", "--", "--progress", "json").out == ""
    assert run("--progress", "json", "up", "--help").out.startswith("Usage:")


def test_an_option_of_debug_after_the_service_is_no_command(run: Run) -> None:
    ran = run("-f", "one.toml", "debug", "web", "-u", "1000", "--", "id")
    assert (ran.code, ran.out) == (2, "")
    assert "-u stands after web, where the command is" in ran.err
    assert "options stand before the service" in ran.err

"""What the commands print that look at the containers of one project: which of them, and in which form."""

import json
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete
from commandline import Run

from stackctl.cli import cli
from stackctl.cli.commands.completion import VARIABLE
from stackctl.engine.memory import MemoryEngine

pytest_plugins = ["commandline_fixtures"]

STACK = """
name = "shop"
[services.db]
image = "redis:7"
ports = [6379]
[services.api]
image = "app:1"
command = "sleep infinity"
[services.old]
image = "app:1"
command = "sh -c 'echo gone; sleep infinity'"
[jobs.seed]
image = "app:1"
command = "sh -c 'echo one; echo two'"
"""


@pytest.fixture(autouse=True)
def up(memory: MemoryEngine, there: Run, tmp_path: Path) -> None:
    (tmp_path / "stack.toml").write_text(STACK)
    there("up")
    (tmp_path / "stack.toml").write_text(STACK.replace("[services.old]", "[x-old]"))


def services(run: Run, *options: str) -> list[str]:
    return run("ps", "--services", *options).out.split()


def test_which_containers_ps_lists(there: Run) -> None:
    assert services(there) == ["api", "db", "old"]
    assert services(there, "-a") == ["api", "db", "old", "seed"]
    assert services(there, "--no-orphans", "-a") == ["api", "db", "seed"]
    assert services(there, "--orphans=false") == ["api", "db"]
    assert services(there, "--orphans=true") == services(there, "--orphans") == ["api", "db", "old"]
    assert services(there, "--status", "exited") == services(there, "--filter", "status=exited") == ["seed"]
    assert services(there, "--status", "exited", "--status", "running", "db", "seed") == ["db", "seed"]
    assert services(there, "--status", "paused") == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--filter", "name=x"], "there is no filter 'name'"),
        (["--filter", "status=lost"], "there is no state 'lost'"),
        (["--status", "lost"], "'lost' is not one of"),
        (["--format", "{{.Nosuch}}"], "there is no field 'Nosuch'"),
    ],
)
def test_what_ps_does_not_know(there: Run, options: list[str], said: str) -> None:
    ran = there("ps", *options)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err


def test_the_forms_of_ps(there: Run) -> None:
    assert there("ps", "--format", "{{.Service}}={{.State}}", "db").out == "db=running\n"
    header, row = there("ps", "--format", r"table {{.Name}}\t{{.RunningFor}}", "db").out.splitlines()
    assert (header.split(), row.split()[0]) == (["NAME", "CREATED"], "shop-db-1")
    (line,) = there("ps", "--format", "json", "db").out.splitlines()
    assert json.loads(line)["Publishers"][0]["TargetPort"] == 6379
    told = json.loads(there("ps", "-a", "--json", "seed").out)
    (seed,) = told["containers"]
    assert (told["version"], told["project"]) == (1, "shop")
    assert (seed["service"], seed["kind"], seed["state"], seed["exit_code"]) == ("seed", "job", "exited", 0)


def test_one_replica(there: Run) -> None:
    assert there("logs", "seed", "--no-log-prefix", "--index", "1").out == "one\ntwo\n"
    for command in (
        ["logs", "seed", "--index", "2"],
        ["exec", "--index", "2", "api", "true"],
        ["port", "db", "--index", "2"],
    ):
        ran = there(*command)
        assert (ran.code, ran.out) == (2, "")
        assert "has no container number 2" in ran.err
        assert "there are: 1" in ran.err


def test_ports_as_json(there: Run) -> None:
    told = json.loads(there("port", "db", "--json").out)
    (port,) = told["ports"]
    assert (told["version"], told["service"], told["number"]) == (1, "db", 1)
    assert there("port", "db", "6379").out == f"{port['host_ip']}:{port['published']}\n"
    assert there("port", "api").code == 1


def test_status_says_by_its_exit_code_whether_something_differs(
    there: Run, tmp_path: Path, memory: MemoryEngine
) -> None:
    assert there("status", "--exit-code", "api").code == 10, "there is an orphan"
    (tmp_path / "stack.toml").write_text(STACK)
    assert there("status", "--exit-code", "api").code == 0
    (tmp_path / "stack.toml").write_text(STACK.replace("sleep infinity", "sleep 9"))
    ran = there("status", "--exit-code", "api")
    assert (ran.code, "command changed" in ran.out) == (10, True)
    assert there("status", "--exit-code", "db").code == 0
    assert there("status", "api").code == 0


def complete(*words: str) -> list[str]:
    completion = ShellComplete(cli, {}, "stackctl", VARIABLE)
    return [item.value for item in completion.get_completions(list(words[:-1]), words[-1])]


def test_projects_are_completed(memory: MemoryEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stackctl.looking.connect", lambda *_, **__: memory)
    assert complete("-p", "") == complete("ps", "--project-name", "sh") == ["shop"]
    assert complete("ps", "-p", "x") == []


def test_no_projects_are_completed_if_no_engine_answers(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere")
    assert complete("-p", "") == []
    assert capsys.readouterr() == ("", "")


def test_versions(run: Run) -> None:
    assert json.loads(run("version", "-f", "json").out) == {
        "version": f"v{run('version', '--short').out.strip()}"
    }
    assert "engine" in run("version", "--format", "pretty").out

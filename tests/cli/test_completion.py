import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete
from commandline import Run

from stackctl.cli import SECTIONS, cli
from stackctl.cli.commands.completion import SHELLS, VARIABLE

pytest_plugins = ["commandline_fixtures"]

STACK = """
[services.db]
image = "postgres:15"
env_file = "missing.env"

[services.api]
image = "${NOT_SET}"

[jobs.migrate]
image = "api"
"""


def complete(*words: str, incomplete: str = "") -> list[str]:
    completion = ShellComplete(cli, {}, "stackctl", VARIABLE)
    return [item.value for item in completion.get_completions(list(words), incomplete)]


def test_commands() -> None:
    assert complete() == [name for section in SECTIONS.values() for name in section]
    assert complete(incomplete="co") == ["config", "completion"]
    assert complete("compose", incomplete="u") == ["up", "unpause"]


def test_options() -> None:
    assert "--project-name" in complete(incomplete="--pro")
    assert "--wait-timeout" in complete("up", incomplete="--wait-")


@pytest.mark.parametrize(
    "command", ["up", "down", "logs", "status", "exec", "port", "config", "build", "pull"]
)
def test_services_even_of_a_stack_that_misses_something(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    (tmp_path / "stack.toml").write_text(STACK)
    monkeypatch.chdir(tmp_path)
    assert complete(command) == ["db", "api", "migrate"]
    assert complete(command, incomplete="a") == ["api"]


def test_services_of_the_file_that_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "other.toml").write_text('[services.web]\nimage = "nginx"\n')
    monkeypatch.chdir(tmp_path)
    assert complete("-f", "other.toml", "up") == ["web"]


def test_services_of_a_file_that_is_being_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "stack.toml").write_text(
        '[services.web]\nimag = 1\nprofiles = ["dev", 3]\n[services.api]\nprofiles = "x"\n[jobs]\nseed = 5\n'
    )
    (tmp_path / "stack.override.toml").write_text("[services.cache\n")
    monkeypatch.chdir(tmp_path)
    assert complete("up") == ["web", "api", "cache", "seed"]
    assert complete("--profile") == ["dev"]


def test_services_of_a_file_with_a_mistake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "stack.toml").write_text(
        'name = "x\n[services.web]\nimage = \n  [ services . "a b" ]\n[services.web.build]\n[jobs.seed]\n# [services.no]\n[volumes.v]\n'
    )
    monkeypatch.chdir(tmp_path)
    assert complete("up") == ["web", "a b", "seed"]


COMPOSE = """
services:
  web:
    image: nginx
    env_file: missing.env
    profiles: [dev]
  "api.v2":
    image: ${NOT_SET}
include:
  - more.yaml
  - path: [deep/others.yaml, missing.yaml]
"""


def test_services_of_a_compose_file_and_of_what_it_includes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "compose.yaml").write_text(COMPOSE)
    (tmp_path / "more.yaml").write_text("services: {db: {profiles: [data]}}\ninclude: [compose.yaml]\n")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "others.yaml").write_text("services: {cache: {}}\n")
    monkeypatch.chdir(tmp_path)
    assert sorted(complete("up")) == ["api.v2", "cache", "db", "web"]
    assert complete("--profile") == ["data", "dev"]
    assert complete("-f", "more.yaml", "up", incomplete="d") == ["db"]


@pytest.mark.parametrize("mistake", ["    image: [\n", "  \tx: 1\n", "    a: *none\n", "broken"])
def test_services_of_a_compose_file_with_a_mistake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mistake: str
) -> None:
    text = COMPOSE.partition("include")[0] + mistake + "\nvolumes:\n  data:\n"
    (tmp_path / "compose.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)
    assert complete("up") == ["web", "api.v2"]


def test_no_services_without_a_stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert complete("up") == []


def test_images_for_init() -> None:
    assert complete("init", incomplete="post") == ["postgres"]


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell_has_a_script(run: Run, shell: str) -> None:
    ran = run("completion", shell)
    assert ran.code == 0
    assert f"{VARIABLE}={shell}_complete" in ran.out
    assert f"stackctl completion {shell}" in run("completion", "--help").out


def test_an_unknown_shell_is_refused(run: Run) -> None:
    ran = run("completion", "csh")
    assert (ran.code, ran.out) == (2, "")


def test_bash_itself_completes(run: Run, tmp_path: Path) -> None:
    (tmp_path / "stack.toml").write_text(STACK)
    (tmp_path / "completion.bash").write_text(run("completion", "bash").out)
    script = """
        source completion.bash
        COMP_WORDS=(stackctl up d) COMP_CWORD=2
        _stackctl_completion stackctl
        echo "${COMPREPLY[@]}"
    """
    bash = shutil.which("bash")
    assert bash
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    ran = subprocess.run(
        [bash, "-c", script], cwd=tmp_path, env={"PATH": path}, capture_output=True, text=True, check=True
    )
    assert (ran.stdout, ran.stderr) == ("db\n", "")

"""The command line in a step of GitHub Actions: annotations stand at lines of the stack's file, and the step has a summary."""

import json
from pathlib import Path

import pytest
from commandline import Run

from stackctl.engine.memory import Behaviour, MemoryEngine

pytest_plugins = ["commandline_fixtures"]

STACK = """\
name = "shop"
[services.cache]
image = "redis:7"
[services.app]
image = "app:1"
command = "serve"
"""
WARNED = f'{STACK}environment.CACHE_URL = "redis://cache"\n'


@pytest.fixture
def github(tmp_path: Path) -> dict[str, str]:
    """The variables of a step, whose checkout is the directory above."""
    summary = tmp_path / "summary.md"
    return {
        "GITHUB_ACTIONS": "true",
        "GITHUB_WORKSPACE": str(tmp_path.parent),
        "GITHUB_STEP_SUMMARY": str(summary),
    }


def told(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("::")]


def test_a_service_that_fails_must_be_told_at_its_table(
    there: Run, memory: MemoryEngine, tmp_path: Path, github: dict[str, str]
) -> None:
    (tmp_path / "stack.toml").write_text(STACK)
    memory.behaviours["app"] = Behaviour(exit_code=3, log=("::error::cannot serve",))
    ran = there("up", "--wait", **github)
    *_, annotation = told(ran.err)
    assert ran.code == 5
    assert annotation.startswith(
        f"::error file={tmp_path.name}/stack.toml,line=4,col=11,title=stackctl::services.app: "
    )
    assert annotation.endswith("exit code 3%0Aexit code: 3")
    assert "::group::stackctl up" in told(ran.err)
    assert "  : :error::cannot serve\n" in ran.err
    summary = (tmp_path / "summary.md").read_text()
    assert "\n  ::error::cannot serve\n" in summary
    assert "✘ failed |\n" in summary


def test_events_for_programs_must_stay_as_they_are(
    there: Run, tmp_path: Path, github: dict[str, str]
) -> None:
    (tmp_path / "stack.toml").write_text(WARNED)
    ran = there("--progress", "json", "up", **github)
    assert ran.code == 0
    assert all(json.loads(line) for line in ran.out.splitlines())
    (warning,) = told(ran.err)
    assert warning.startswith(f"::warning file={tmp_path.name}/stack.toml,line=7,col=")


def test_mistakes_of_the_file_must_be_told_at_their_lines(
    run: Run, tmp_path: Path, github: dict[str, str]
) -> None:
    (tmp_path / "stack.toml").write_text(STACK + 'depends_on = ["cahe"]\n')
    plain = run("up")
    ran = run("up", **github)
    assert (plain.code, ran.code) == (2, 2)
    assert told(plain.err) == []
    assert ran.err.startswith(plain.err), "what is read in the log is the same"
    assert any(
        line.startswith(f"::error file={tmp_path.name}/stack.toml,line=7,col=15,title=SC101 ")
        for line in told(ran.err)
    )
    summary = (tmp_path / "summary.md").read_text()
    assert summary.startswith("### ✘ stackctl: stack.toml\n\n```text\n")
    assert "did you mean 'cache'?" in summary


def test_check_must_annotate_by_itself_and_commands_that_look_must_not(
    there: Run, tmp_path: Path, github: dict[str, str]
) -> None:
    (tmp_path / "stack.toml").write_text(WARNED)
    ran = there("check", "--offline", **github)
    assert [line.split(",")[0] for line in told(ran.err)] == [f"::warning file={tmp_path.name}/stack.toml"]
    assert told(there("check", "--offline", "--format", "json", **github).err) == []
    assert told(there("ps", **github).err) == []

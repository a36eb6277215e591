"""The command line on compose files."""

from pathlib import Path

import pytest
from commandline import Ran, Run
from compose_options import our_options

from stackctl import api
from stackctl.engine.memory import MemoryEngine

pytest_plugins = ["commandline_fixtures"]

COMPOSE = """\
services:
  api:
    image: app:1
    depends_on: [cache]
    environment: {TOKEN: "${TOKEN}"}
  cache: {image: redis:7}
  tool: {image: app:1, profiles: [tools]}
"""


@pytest.fixture(autouse=True)
def _files(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text(COMPOSE)


def services(ran: Ran) -> list[str]:
    return ran.out.split()


def test_profiles_stand_in_the_shell_or_in_env(run: Run, tmp_path: Path) -> None:
    assert services(run("config", "--services")) == ["cache", "api"]
    assert services(run("config", "--services", COMPOSE_PROFILES="other,tools")) == ["cache", "tool", "api"]
    (tmp_path / ".env").write_text("COMPOSE_PROFILES=tools\nTOKEN=t\n")
    assert services(run("config", "--services")) == ["cache", "tool", "api"]
    assert services(run("--profile", "x", "config", "--services")) == ["cache", "api"]
    (tmp_path / "stack.toml").write_text(
        '[services.a]\nimage = "i:1"\n[services.b]\nimage = "i:1"\nprofiles = ["tools"]\n'
    )
    assert services(run("config", "--services")) == ["a"]


def test_orphans_by_the_variables_of_compose(there: Run, tmp_path: Path, memory: MemoryEngine) -> None:
    assert all(api.up(api.load(tmp_path / "compose.yaml"), memory))
    (tmp_path / "compose.yaml").write_text("services:\n  cache: {image: redis:7}\n")
    assert "not in the spec, left alone" in there("plan").out
    assert "not in the spec" not in there("plan", COMPOSE_IGNORE_ORPHANS="1").out
    (tmp_path / ".env").write_text("COMPOSE_REMOVE_ORPHANS=true\n")
    assert "1 to remove" in there("plan").out


def test_create_has_only_options_that_count(there: Run, memory: MemoryEngine) -> None:
    """It starts nothing, so it waits for nothing."""
    assert {"--no-start", "--wait-timeout"} & our_options("create") == set()
    assert "2 to create" in there("create", "--dry-run", "cache", TOKEN="t").out
    assert there("create", "cache", TOKEN="t").code == 0
    assert [c.state for c in memory.observe().containers] == ["created"]


@pytest.mark.parametrize("command", ["up", "create", "run"])
def test_when_to_pull_may_be_said_as_compose_does(there: Run, command: str) -> None:
    for policy in ("always", "missing", "if_not_present", "never", "build"):
        assert "--pull" not in there(command, "--pull", policy, "gone", TOKEN="t").err
    assert "Invalid value for '--pull'" in there(command, "--pull", "daily", "api").err


def test_pull_takes_any_policy(there: Run) -> None:
    assert "nothing to pull" in there("pull", "--policy", "if_not_present", TOKEN="t").err
    assert "cannot pull redis:7" in there("pull", "--policy", "every_12h", TOKEN="t").err
    told = there("pull", "--policy", "sometimes", TOKEN="t")
    assert (told.code, "expected always, missing, never, build, daily, weekly or every_12h" in told.err) == (
        2,
        True,
    )


def test_fix_corrects_names(run: Run, tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text(
        COMPOSE.replace("image: app:1\n", "imge: app:1 # x\n").replace("[cache]", "[cahe]")
    )
    assert run("check", "--offline", "--fix", TOKEN="t").code == 0
    assert (tmp_path / "compose.yaml").read_text() == COMPOSE.replace(
        "image: app:1\n", "image: app:1 # x\n", 1
    )


def test_the_file_on_standard_input(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import io
    import sys

    from stackctl.spec.source import loading

    (tmp_path / "compose.yaml").unlink()
    loading._stdin.cache_clear()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(COMPOSE.encode())))
    assert services(run("-f", "-", "config", "--services")) == ["cache", "api"]
    loading._stdin.cache_clear()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"services: {a: {imge: i}}")))
    ran = run("-f", "-", "config", "--services")
    assert (ran.code, ran.err.splitlines()[0]) == (
        2,
        "<stdin>:1:16: error SC112: services.a.imge: unknown key 'imge'",
    )
    loading._stdin.cache_clear()

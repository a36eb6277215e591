"""What `stackctl env` prints: lines that a shell and python-dotenv read alike."""

import io
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from commandline import Run
from dotenv import dotenv_values
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stackctl import api
from stackctl.cli import cli
from stackctl.cli.commands.env import quoted
from stackctl.cli.settings import Settings
from stackctl.engine.memory import MemoryEngine
from stackctl.errors import EngineError, UsageError
from stackctl.planner.world.observed import ImageConfig, ObservedEngine

pytest_plugins = ["commandline_fixtures"]

STACK = """
name = "shop"
[services.db]
image = "app:1"
ports = [5432]
healthcheck = { tcp = 5432 }
[services.api]
image = "app:1"
environment = { DATABASE_URL = "postgresql://u:p@db/shop", GREETING = "it's 5 o'clock", "log.level" = "info" }
[services.other]
image = "app:1"
profiles = ["later"]
environment = { DB_HOST = "db" }
"""

Env = Callable[..., str]


@pytest.fixture
def engine() -> MemoryEngine:
    return MemoryEngine({"app:1": ImageConfig()}, info=ObservedEngine(id="memory", reaches_containers=False))


@pytest.fixture
def env(
    engine: MemoryEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Env:
    """`stackctl env ARGS` beside the stack, with PORT for the port that the engine chose."""
    (tmp_path / "stack.toml").write_text(STACK)
    monkeypatch.chdir(tmp_path)

    def run(*args: str) -> str:
        code = cli.main(["env", *args], standalone_mode=False, obj=Settings(_engine=engine))
        assert code == 0
        (db,) = (c for c in engine.observe().containers if c.service == "db")
        return capsys.readouterr().out.replace(str(db.ports[0].published), "PORT")

    return run


@pytest.fixture
def up(env: Env, engine: MemoryEngine, tmp_path: Path) -> None:
    list(api.up(api.load(tmp_path / "stack.toml", environ={}), engine))


@pytest.mark.usefixtures("up")
def test_without_a_service_all_that_leads_there(env: Env) -> None:
    assert env().splitlines() == [
        "DB_HOST=127.0.0.1",
        "DB_PORT=PORT",
        "DB_URL=http://127.0.0.1:PORT",
        "DATABASE_URL=postgresql://u:p@127.0.0.1:PORT/shop",
    ]


@pytest.mark.usefixtures("up")
def test_with_a_service_all_that_it_has_running_or_not(env: Env) -> None:
    assert env("api").splitlines() == [
        "DATABASE_URL=postgresql://u:p@127.0.0.1:PORT/shop",
        "GREETING=\"it's 5 o'clock\"",
        "log.level=info",
    ]
    assert env("other").splitlines() == ["DB_HOST=127.0.0.1", "DB_PORT=PORT"]


@pytest.mark.usefixtures("up")
def test_for_eval_without_what_no_shell_can_have(env: Env) -> None:
    assert env("api", "--export").splitlines() == [
        "export DATABASE_URL=postgresql://u:p@127.0.0.1:PORT/shop",
        "export GREETING=\"it's 5 o'clock\"",
    ]


@pytest.mark.usefixtures("up")
def test_json(env: Env) -> None:
    found = json.loads(env("other", "--json"))
    assert found == {
        "version": 1,
        "project": "shop",
        "service": "other",
        "environment": {"DB_HOST": "127.0.0.1", "DB_PORT": "PORT"},
    }
    assert json.loads(env("--json"))["service"] is None


def test_nothing_runs_or_nothing_is_called_that(env: Env) -> None:
    with pytest.raises(EngineError) as nothing:
        env("api")
    assert str(nothing.value) == "nothing of project shop runs (stackctl up starts it)"
    with pytest.raises(UsageError, match="did you mean 'api'"):
        env("apj")


def test_help_says_that_secrets_are_shown(run: Run) -> None:
    assert "secrets are printed as they are" in run("env", "--help").out


@settings(deadline=None)
@given(
    st.text(st.characters(min_codepoint=32, max_codepoint=126) | st.sampled_from("\n\t'\"\\ #é"), max_size=12)
)
@example("")
@example('it\'s \\\\ "5" \\')
def test_a_shell_and_dotenv_read_the_same(value: str) -> None:
    line = f"X={quoted(value)}\n"
    read = subprocess.run(
        ["sh", "-c", f'{line}printf %s. "$X"'], stdout=subprocess.PIPE, text=True, check=True
    )
    assert read.stdout == f"{value}."
    if not {"$", "`"} & {*value}:
        assert dotenv_values(stream=io.StringIO(line)) == {"X": value}


@pytest.mark.usefixtures("up")
def test_write_makes_a_block_and_leaves_the_rest(
    env: Env, engine: MemoryEngine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, link = tmp_path / "local" / ".env", tmp_path / ".env.local"
    file.parent.mkdir()
    file.write_bytes(b"MINE=1\r\n# stackctl: begin\nOLD=1\n# stackctl: end\n\nLAST=2")
    file.chmod(0o640)
    link.symlink_to(file)
    assert env("--write", ".env.local") == ""
    (db,) = (c for c in engine.observe().containers if c.service == "db")
    written = file.read_bytes().decode()
    assert written.replace(str(db.ports[0].published), "PORT").split("\n") == [
        "MINE=1\r",
        "# stackctl: begin",
        "DB_HOST=127.0.0.1",
        "DB_PORT=PORT",
        "DB_URL=http://127.0.0.1:PORT",
        "DATABASE_URL=postgresql://u:p@127.0.0.1:PORT/shop",
        "# stackctl: end",
        "",
        "LAST=2",
    ]
    assert (link.is_symlink(), file.stat().st_mode & 0o777) == (True, 0o640)
    number = file.stat().st_ino
    env("--write", ".env.local")
    assert (file.read_bytes().decode(), file.stat().st_ino) == (written, number)
    env("other", "--export", "--write", "new")
    new = tmp_path / "new"
    assert new.read_text().splitlines()[1:3] == [
        "export DB_HOST=127.0.0.1",
        f"export DB_PORT={db.ports[0].published}",
    ]
    assert new.stat().st_mode & 0o777 == 0o600


@pytest.mark.usefixtures("up")
@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("# stackctl: begin\n", "1"),
        ("A=1\n# stackctl: end\n# stackctl: begin\n", "2, 3"),
        ("# stackctl: begin\n# stackctl: end\n# stackctl: begin\n# stackctl: end\n", "1, 2, 3, 4"),
    ],
)
def test_write_refuses_marks_that_do_not_fit(env: Env, tmp_path: Path, text: str, lines: str) -> None:
    (tmp_path / ".env").write_text(text)
    with pytest.raises(UsageError, match=f"there are such lines: {lines} "):
        env("--write", ".env")
    assert (tmp_path / ".env").read_text() == text


def test_write_of_a_stack_that_does_not_run_leaves_the_file(env: Env, tmp_path: Path) -> None:
    with pytest.raises(EngineError):
        env("--write", ".env")
    assert not (tmp_path / ".env").exists()

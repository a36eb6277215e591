"""The options of `up` and `build` that say what is shown."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from commandline import Ran, Run

from stackctl.cli import up_run
from stackctl.engine.memory import Behaviour, MemoryEngine
from stackctl.planner.world.observed import ImageConfig, ObservedEngine

pytest_plugins = ["commandline_fixtures"]

STACK = """\
[services.db]
image = "app:1"
[services.api]
image = "app:1"
depends_on = { db = { condition = "service_started" } }
[services.web]
image = "app:1"
"""


@pytest.fixture
def memory() -> MemoryEngine:
    """An engine that has one image, and can pull another one."""
    info = ObservedEngine(id="memory", reaches_containers=False)
    return MemoryEngine({"app:1": ImageConfig()}, registry={"more:1": ImageConfig()}, info=info)


@pytest.fixture(autouse=True)
def _ends(tmp_path: Path, memory: MemoryEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every container says a line and ends. The engine in memory began its time when the epoch did, and so does `up`."""
    monkeypatch.setattr(up_run, "time", SimpleNamespace(time=lambda: 0.0))
    (tmp_path / "stack.toml").write_text(STACK)
    memory.behaviours["app:1"] = Behaviour(log=("here I am",), exit_code=0)


def shown(ran: Ran) -> list[str]:
    """The containers whose output came."""
    assert ran.code == 0, ran.err
    return sorted(line.partition(" ")[0] for line in ran.out.splitlines() if "I am" in line)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--follow"], ["api-1", "db-1", "web-1"]),
        (["--follow", "api"], ["api-1"]),
        (["--attach", "web"], ["web-1"]),
        (["--attach", "web", "--attach", "db", "api"], ["db-1"]),
        (["--no-attach", "web"], ["api-1", "db-1"]),
        (["--attach-dependencies", "api"], ["api-1", "db-1"]),
        (["--attach-dependencies", "--no-attach", "db", "api"], ["api-1"]),
    ],
)
def test_whose_output_is_shown(there: Run, options: list[str], expected: list[str]) -> None:
    """As Docker Compose 5.6.1 does. In a stack.toml, `attach = false` hides a service, too."""
    assert shown(there("up", *options)) == expected


def test_what_cannot_be_attached(there: Run) -> None:
    told = there("up", "--attach", "api", "--attach-dependencies")
    assert (told.code, "--attach and --attach-dependencies exclude each other" in told.err) == (2, True)
    assert "did you mean 'api'?" in there("up", "--no-attach", "ap").err
    for option in ("--detach", "--wait"):
        assert "choose one" in there("up", "--attach", "api", option).err


def test_how_a_line_is_shown(there: Run) -> None:
    lines = there("up", "--attach", "api", "--timestamps").out
    assert re.search(r"^api-1 +\| \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z here I am$", lines, re.MULTILINE)
    assert "\nhere I am\n" in "\n" + there("up", "--attach", "api", "--no-log-prefix").out


@pytest.mark.parametrize("quiet", [False, True])
def test_what_is_said_of_pulls(there: Run, tmp_path: Path, quiet: bool) -> None:
    (tmp_path / "stack.toml").write_text(STACK.replace("app:1", "more:1"))
    told = there("--progress", "json", "up", "-y", *(["--quiet-pull"] if quiet else []), "db")
    assert told.code == 0
    assert ('"event": "progress"' in told.out, '"event": "done"' in told.out) == (not quiet, True)
    (tmp_path / "stack.toml").write_text(STACK.replace("app:1", "gone:1"))
    assert "cannot pull gone:1" in there("up", "--quiet-pull", "db").err


def test_a_dry_run_changes_nothing(there: Run, memory: MemoryEngine) -> None:
    told = there("up", "--dry-run", "--scale", "web=2")
    assert told.code == 0
    assert told.out == there("plan", "--scale", "web=2").out
    assert "Plan: 5 to create" in told.out
    assert not memory.observe().containers


@pytest.mark.parametrize(
    ("how", "out", "err"),
    [
        ("plain", "", "built"),
        ("quiet", "", ""),
        ("json", '"event": "ended"', ""),
        ("tty", "", "built"),
        ("auto", "", "built"),
    ],
)
def test_how_a_build_tells_its_progress(there: Run, tmp_path: Path, how: str, out: str, err: str) -> None:
    (tmp_path / "Dockerfile").write_text("FROM app:1\n")
    (tmp_path / "stack.toml").write_text("services.a.build = '.'\n")
    for args in (("build", "--progress", how), ("--progress", how, "build")):
        told = there(*args)
        assert told.code == 0, told.err
        assert (out in told.out, bool(out)) == (True, bool(told.out))
        assert (err in told.err, bool(err)) == (True, bool(told.err))


@pytest.mark.parametrize(
    "words",
    [
        *(("up", "--wait-timeout", said) for said in ("inf", "nan", "-1", "1e999")),
        ("up", "--lock-timeout", "inf"),
        ("start", "--wait-timeout", "inf"),
        ("deploy", "--timeout", "inf"),
        ("deploy", "down", "--timeout", "nan"),
    ],
)
def test_every_wait_must_have_an_end(run: Run, words: tuple[str, ...]) -> None:
    done = run(*words)
    assert (done.code, f"Invalid value for '{words[-2]}'" in done.err) == (2, True), done.err

"""`stackctl timeline` and `up --timeline`: what is remembered, where, and that it never fails an `up`."""

from __future__ import annotations

import json
import os
import resource
from collections.abc import Callable
from pathlib import Path

import pytest
from commandline import Ran, Run

from stackctl.engine.last_run import _KEPT, recall, remember
from stackctl.engine.memory import MemoryEngine
from stackctl.planner.steps.timeline import TimedStep, Timeline

pytest_plugins = ["commandline_fixtures"]

STACK = """\
[services.db]
image = "app:${TAG:-1}"
container_name = "shop-${NAME:-db}"
[services.api]
image = "app:1"
depends_on = ["db"]
"""


@pytest.fixture
def up(there: Run, tmp_path: Path) -> Callable[..., Ran]:
    """`up`, as the command line does it."""
    (tmp_path / "stack.toml").write_text(STACK)
    return lambda *args, **environ: there("-p", "shop", "up", *args, **environ)


def files(cache: Path) -> list[Path]:
    return sorted(cache.rglob("*")) if cache.exists() else []


def test_up_shows_what_took_how_long(up: Callable[..., Ran]) -> None:
    ran = up("--timeline")
    assert ran.code == 0
    assert ran.out.index("SERVICE") < ran.out.index("critical path")


def test_events_are_not_disturbed(up: Callable[..., Ran], there: Run) -> None:
    ran = there("-p", "shop", "--progress", "json", "up", "--timeline")
    assert [json.loads(line)["version"] for line in ran.out.splitlines()]
    assert "critical path" in ran.err


def test_the_last_run_is_shown_later(up: Callable[..., Ran], there: Run) -> None:
    up()
    ran = there("-p", "shop", "timeline")
    assert (ran.code, ran.err) == (0, "")
    head, _, header, *_ = ran.out.splitlines()
    assert head.startswith("stackctl up  shop  20")
    assert header.split()[-3:] == ["CREATE", "START", "READY"]
    told = json.loads(there("-p", "shop", "timeline", "--json").out)
    assert [service["name"] for service in told["services"]] == ["db", "api"]
    assert [(wait["service"], wait["for"]) for wait in told["waits"]] == [("api", "db")]
    assert (told["command"], told["exit_code"]) == ("stackctl up", 0)


def test_an_up_with_nothing_to_do_leaves_it(up: Callable[..., Ran], tmp_path: Path) -> None:
    up()
    (file,) = [path for path in files(tmp_path / ".cache") if path.is_file()]
    before = (file.read_bytes(), file.stat().st_mtime_ns)
    assert "nothing changed" in up().err
    assert "nothing was done" in up("--timeline").out
    assert (file.read_bytes(), file.stat().st_mtime_ns) == before


def test_a_failed_run_is_remembered(up: Callable[..., Ran], there: Run, memory: MemoryEngine) -> None:
    def fail(_: object) -> None:
        raise OSError("no space left on device")

    memory.before = fail
    ran = up("--timeline")
    assert (ran.code, "exit code 1" in ran.out) == (1, True)
    assert json.loads(there("-p", "shop", "timeline", "--json").out)["exit_code"] == 1


def test_a_page_and_a_trace(up: Callable[..., Ran], there: Run, tmp_path: Path) -> None:
    up()
    ran = there("-p", "shop", "timeline", "--html", "up.html", "--trace", "up.json")
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert "</svg>" in (tmp_path / "up.html").read_text()
    assert json.loads((tmp_path / "up.json").read_text())["traceEvents"]


def test_nothing_is_remembered(there: Run) -> None:
    ran = there("-p", "shop", "timeline")
    assert ran.code == 1
    assert "no run of project shop is remembered for this engine" in ran.err
    assert "up --timeline" in ran.err


def test_where_it_is_kept_and_for_whom(up: Callable[..., Ran], tmp_path: Path) -> None:
    cache = tmp_path / "elsewhere"
    up(XDG_CACHE_HOME=str(cache))
    directory, file = files(cache / "stackctl")
    assert (directory.stat().st_mode & 0o777, file.stat().st_mode & 0o777) == (0o700, 0o600)
    assert files(tmp_path / ".cache") == []


@pytest.mark.parametrize("cache", ["/proc/no", "/dev/null/no"])
def test_an_up_that_cannot_write_does_not_fail(up: Callable[..., Ran], there: Run, cache: str) -> None:
    ran = up(XDG_CACHE_HOME=cache)
    assert (ran.code, "created" in ran.err) == (0, True)
    assert there("-p", "shop", "timeline", XDG_CACHE_HOME=cache).code == 1


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    remember("engine", Timeline("shop", seconds=1.0))
    (file,) = (tmp_path / "stackctl" / "runs").iterdir()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8, hard))  # bytes that a file may have
    try:
        remember("engine", Timeline("shop", seconds=2.0))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert recall("engine", "shop") == Timeline("shop", seconds=1.0)
    assert [*file.parent.iterdir()] == [file]


def test_a_damaged_file_is_as_none(up: Callable[..., Ran], there: Run, tmp_path: Path) -> None:
    up()
    (file,) = [path for path in files(tmp_path / ".cache") if path.is_file()]
    for content in (b"", b"{", b"\xff", b'{"steps": 1}', b'{"steps": [{}]}'):
        file.write_bytes(content)
        assert there("-p", "shop", "timeline").code == 1
    up("--force-recreate")
    assert there("-p", "shop", "timeline").code == 0


def test_the_runs_of_many_projects_are_not_kept_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for number in range(_KEPT + 5):
        run = Timeline(f"p{number}", (TimedStep(1, "WaitFor", "x", 0.0, 1.0),), (0.0,), 1.0)
        remember("engine", run)
        for file in (tmp_path / "stackctl" / "runs").iterdir():
            os.utime(file, ns=(0, file.stat().st_mtime_ns - 10**9))
    assert recall("engine", "p0") is None
    assert recall("engine", f"p{_KEPT + 4}") == run
    assert len([*(tmp_path / "stackctl" / "runs").iterdir()]) == _KEPT

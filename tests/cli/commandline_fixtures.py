import os
from collections.abc import Callable
from pathlib import Path

import pytest
from commandline import Ran, Run

from stackctl import api
from stackctl.cli import cli
from stackctl.cli.exit_codes import guarded
from stackctl.cli.settings import Settings
from stackctl.engine.memory import MemoryEngine
from stackctl.planner.world.observed import ImageConfig, ObservedEngine


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*args: str, **environ: str) -> Ran:
        return _call(tmp_path, monkeypatch, capsys, args, environ, None)

    return call


@pytest.fixture
def run_in(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """As `run`, in the directory that is the first argument."""

    def call(directory: Path, *args: str, **environ: str) -> Ran:
        return _call(directory, monkeypatch, capsys, args, environ, None)

    return call


@pytest.fixture
def memory() -> MemoryEngine:
    """An engine in memory that has every image of `STACK`."""
    images = {"app:1": ImageConfig(), "redis:7": ImageConfig(volumes=("/data",))}
    return MemoryEngine(images, info=ObservedEngine(id="memory", reaches_containers=False))


@pytest.fixture
def there(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    memory: MemoryEngine,
) -> Run:
    """As `run`, in a directory whose stack.toml is up on the engine in memory: write it, then call `there("up")`."""

    def call(*args: str, **environ: str) -> Ran:
        if args == ("up",):
            stack = api.load(tmp_path / "stack.toml", environ={})
            return Ran(int(not all(api.up(stack, memory))), "", "")
        return _call(tmp_path, monkeypatch, capsys, args, environ, Settings(_engine=memory))

    return call


def _call(
    directory: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    args: tuple[str, ...],
    environ: dict[str, str],
    settings: Settings | None,
) -> Ran:
    monkeypatch.chdir(directory)
    for name in os.environ.keys() - {"PATH"}:
        monkeypatch.delenv(name)
    for name, value in {"HOME": str(directory), **environ}.items():
        monkeypatch.setenv(name, value)
    code = guarded(lambda: cli.main(list(args), prog_name="stackctl", standalone_mode=False, obj=settings))
    said = capsys.readouterr()
    return Ran(code, said.out, said.err)

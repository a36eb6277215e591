"""Stacks for tests on the in-memory engine: what `running` gives, without Docker."""

from __future__ import annotations

import os
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

import stackctl
from stackctl.engine.memory import MemoryEngine
from stackctl.planner.world.observed import ImageConfig, ObservedEngine
from stackctl.testing import Running

IMAGES = ("busybox", "postgres:15", "redis:7")


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Runs meet in a directory of this test's own: no dead run of another one is found there."""
    directory = tmp_path_factory.mktemp("home")
    monkeypatch.setattr(tempfile, "tempdir", str(directory))
    return directory


@pytest.fixture
def engine(home: Path) -> MemoryEngine:
    return MemoryEngine({image: ImageConfig() for image in IMAGES}, removes_running=True)


@pytest.fixture
def remote(home: Path, monkeypatch: pytest.MonkeyPatch) -> MemoryEngine:
    """An engine on another machine, which publishes ports at 10.0.0.5."""
    monkeypatch.setenv("STACKCTL_PUBLISH_HOST", "10.0.0.5")
    info = ObservedEngine(
        id="far",
        endpoint="tcp://10.0.0.5:2376",
        shares_loopback=False,
        shares_paths=False,
        reaches_containers=False,
    )
    return MemoryEngine({image: ImageConfig() for image in IMAGES}, removes_running=True, info=info)


Start = Callable[..., Running]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a stack from the text of its file, on an engine: `start(engine, TEXT, memory=True)`."""
    with ExitStack() as cleanup:

        def start(engine: MemoryEngine, text: str, **options: object) -> Running:
            file = tmp_path / "stack.toml"
            file.write_text(f'name = "shop"\n{text}')
            return cleanup.enter_context(stackctl.running(file, engine=engine, **options))  # type: ignore[arg-type]

        yield start


class Suite:
    """A project with a stack and tests, run by a pytest of its own in this process, on the in-memory engine."""

    def __init__(self, pytester: pytest.Pytester, engine: MemoryEngine) -> None:
        self.pytester = pytester
        self.engine = engine

    def stack(self, text: str) -> None:
        (self.pytester.path / "stack.toml").write_text(f'name = "shop"\n{text}')

    def write(self, **files: str) -> None:
        """`test_it="…"` is `test_it.py`."""
        for name, text in files.items():
            (self.pytester.path / f"{name}.py").write_text(textwrap.dedent(text))

    def run(self, *arguments: str, **counts: int) -> str:
        """What `pytest ARGUMENTS` says; `passed=2` and so on are its counts."""
        others = ("cacheprovider", "hypothesispytest", "xdist", "fakefs", "socket")
        alone = [f"-pno:{other}" for other in others]
        result = self.pytester.runpytest_inprocess(*alone, *arguments)
        if counts:
            result.assert_outcomes(**counts)
        return str(result.stdout)

    def projects(self) -> set[str]:
        """Those of which anything is on the engine."""
        seen = self.engine.observe()
        things = (*seen.containers, *seen.networks, *seen.volumes)
        return {thing.project for thing in things if thing.project}


@pytest.fixture
def suite(pytester: pytest.Pytester, engine: MemoryEngine, monkeypatch: pytest.MonkeyPatch) -> Suite:
    monkeypatch.setattr("stackctl.api.connect", lambda: engine)
    for name in list(os.environ):
        if name.startswith(("STACKCTL_", "PYTEST_")) or name == "CI":
            monkeypatch.delenv(name)
    return Suite(pytester, engine)

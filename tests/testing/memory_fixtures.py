"""Stacks for tests on the in-memory engine: what `running` gives, without Docker."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

import stackctl
from stackctl.engine.memory import MemoryEngine
from stackctl.planner.world.observed import Engine, ImageConfig
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
    return MemoryEngine({image: ImageConfig() for image in IMAGES})


@pytest.fixture
def remote(home: Path, monkeypatch: pytest.MonkeyPatch) -> MemoryEngine:
    """An engine on another machine, which publishes ports at 10.0.0.5."""
    monkeypatch.setenv("STACKCTL_PUBLISH_HOST", "10.0.0.5")
    info = Engine(
        id="far",
        endpoint="tcp://10.0.0.5:2376",
        shares_loopback=False,
        shares_paths=False,
        reaches_containers=False,
    )
    return MemoryEngine({image: ImageConfig() for image in IMAGES}, info=info)


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

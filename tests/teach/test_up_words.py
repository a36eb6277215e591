from __future__ import annotations

from pathlib import Path

import pytest

from stackctl import api
from stackctl.engine.memory import MemoryEngine
from stackctl.planner.world.observed import ImageConfig
from stackctl.planner.world.probes import CommandProbe, HttpProbe, LogProbe, ProtocolProbe, TcpProbe
from stackctl.spec.model import Stack
from stackctl.spec.source.reading import read
from stackctl.spec.source.request import StackRequest
from stackctl.teach.explain.up import plan_words, question

SHOP = """\
name = "shop"
[services.db]
image = "db:1"
volumes = ["data:/data"]
[services.api]
image = "app:1"
depends_on = ["db"]
ports = ["8000:80"]
[volumes.data]
"""


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    (tmp_path / "stack.toml").write_text(SHOP)
    return read(StackRequest(files=[Path("stack.toml")], directory=tmp_path, environ={}))


@pytest.fixture
def engine() -> MemoryEngine:
    return MemoryEngine({"db:1": ImageConfig(), "app:1": ImageConfig()})


def test_a_plan_in_words(stack: Stack, engine: MemoryEngine) -> None:
    assert plan_words(api.plan(stack, engine)) == (
        """\
`stackctl up` would take 8 steps for project shop. A step begins as soon as
everything that it waits for is done; steps that do not wait for each other run
at the same time.

 1  Create network shop_default
    Why: not there.

 2  Create volume shop_data
    Why: not there.

 3  Create container shop-db-1
    Why: not there.
    Waits for: network shop_default (1), volume shop_data (2).

 4  Create container shop-api-1
    Why: not there.
    Waits for: network shop_default (1).

 5  Start container shop-db-1
    Why: new.
    Waits for: container shop-db-1 (3).

 6  Wait for container shop-db-1 to be ready
    Why: api needs it.
    Waits for: the start of shop-db-1 (5).
    Ready means: it runs. It has no check, so nothing more can be known.
    If that never comes, `up` gives up after 120 s, with exit code 4.

 7  Start container shop-api-1
    Why: new.
    Waits for: container shop-api-1 (4), shop-db-1 to be ready (6).

 8  Wait for container shop-api-1 to be ready
    Why: up waits for it.
    Waits for: the start of shop-api-1 (7).
    Ready means: port 80 accepts a connection.
    If that never comes, `up` gives up after 120 s, with exit code 4."""
    )


def test_without_work_it_says_so(stack: Stack, engine: MemoryEngine) -> None:
    list(api.up(stack, engine))
    assert plan_words(api.plan(stack, engine)) == (
        """\
`stackctl up` would do nothing: what is there is what stack.toml says.
  db: container shop-db-1 is running, and nothing in its definition, its image
  or its networks has changed.
  api: container shop-api-1 is running, and nothing in its definition, its image
  or its networks has changed."""
    )


def test_every_check_in_words() -> None:
    assert question(CommandProbe(("CMD", "pg_isready", "-q"))).startswith("the command `pg_isready -q`")
    assert question(TcpProbe(80)) == "port 80 accepts a connection"
    assert question(HttpProbe(80, "/health")) == "port 80 answers GET /health with a status of 200 to 399"
    assert question(LogProbe("ready")) == "its log has a line with ready"
    assert "speaks postgres" in question(ProtocolProbe("postgres", 5432))

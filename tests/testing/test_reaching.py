"""Where a test reaches a service: at published ports alone, wherever the engine is and whichever process asks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

import stackctl
from stackctl.engine.memory import MemoryEngine
from stackctl.testing import Recipe, Running
from stackctl.testing.runs import running

pytest_plugins = ["memory_fixtures"]
Start = Callable[..., Running]

STACK = """
[services.api]
image = "busybox"
command = "sleep infinity"
ports = ["8000"]
[services.db]
image = "postgres:15"
environment = { POSTGRES_PASSWORD = "x" }
[services.worker]
image = "busybox"
command = "sleep infinity"
"""


def test_a_port_is_the_published_one_on_loopback(engine: MemoryEngine, start: Start) -> None:
    app = start(engine, STACK)
    api, db = app["api"], app["db"]
    (published,) = api.container.ports
    assert api.address == (api.host, api.port()) == ("127.0.0.1", published.published)
    assert api.port(8000) == api.port()
    assert api.url("/health") == api.url("health", target=8000) == f"http://127.0.0.1:{api.port()}/health"
    assert db.url() == db.url(target=5432) == f"postgresql://postgres:x@127.0.0.1:{db.port()}/postgres"
    assert app.env()["DB_PORT"] == str(db.port(5432))


@pytest.mark.parametrize("service", ["api", "worker"])
def test_a_port_that_is_not_published_is_refused(engine: MemoryEngine, start: Start, service: str) -> None:
    asked = start(engine, STACK)[service]
    for ask in (lambda: asked.port(9999), lambda: asked.url(target=9999)):
        with pytest.raises(stackctl.EngineError, match=f"{service} does not publish port 9999") as caught:
            ask()
        assert caught.value.hint == f"add it to services.{service}.ports"


def test_of_a_stack_that_was_there_before_a_server_is_reached_at_its_container(
    engine: MemoryEngine, start: Start
) -> None:
    """Of nothing else: what `host` says holds for each port that `port` gives."""
    app = start(engine, STACK)
    unpublished = replace(
        app.stack, services={n: replace(s, ports=()) for n, s in app.stack.services.items()}
    )
    for _ in stackctl.up(unpublished, engine):
        continue
    db = Running(stack=unpublished, engine=engine)["db"]
    assert db.address == (db.host, db.port(5432)) == (db.container.networks[0].address, 5432)
    with pytest.raises(stackctl.EngineError, match="db does not publish port 9999"):
        db.port(9999)


def again_as(app: Running, directory: Path) -> running.RunRequest:
    """The same stack once more, for the same run."""
    assert app.run is not None
    recipe = Recipe(files=(directory / "stack.toml",))
    return running.RunRequest(recipe, recipe.load(), app.run, app.project, app.stack.marks)


def test_on_another_machine_ports_are_at_its_address_in_every_process_of_the_run(
    remote: MemoryEngine, start: Start, tmp_path: Path
) -> None:
    app = start(remote, STACK)
    other = running.attach(again_as(app, tmp_path), remote)
    for each in (app, other):
        api = each["api"]
        assert (api.host, api.port()) == ("10.0.0.5", api.container.ports[0].published)
        assert each.env()["API_HOST"] == "10.0.0.5"


def test_on_another_machine_what_runs_already_is_not_made_anew(
    remote: MemoryEngine, start: Start, tmp_path: Path
) -> None:
    """The engine chose the ports of what an earlier run has left: they are no part of its definition."""
    app = start(remote, STACK)
    before = {name: container.id for name, container in app.containers().items()}
    again = running.start(again_as(app, tmp_path), remote)
    assert {name: container.id for name, container in again.containers().items()} == before
    assert again.reused

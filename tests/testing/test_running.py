"""A stack for the length of a `with` block: a project of its own, gone afterwards, whatever happens in between."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import stackctl
from stackctl.engine.host import free_ports
from stackctl.engine.memory import Behaviour, MemoryEngine
from stackctl.planner.steps.actions import StartContainer
from stackctl.planner.world import labels
from stackctl.testing import Running
from stackctl.testing.runs.run import current

pytest_plugins = ["memory_fixtures"]
Start = Callable[..., Running]

STACK = """
[services.db]
image = "postgres:15"
environment = { POSTGRES_PASSWORD = "x" }
volumes = ["data:/var/lib/postgresql/data"]
[services.api]
image = "busybox"
command = "sleep infinity"
ports = ["0.0.0.0:8000:8000"]
environment = { DATABASE_URL = "${services.db.url}", WHO = "${WHO:-nobody}" }
[services.debug]
image = "busybox"
command = "sleep infinity"
profiles = ["debug"]
[jobs.migrate]
image = "busybox"
command = "true"
[volumes.data]
name = "precious"
"""


def left(engine: MemoryEngine) -> list[str]:
    """What is there that has a project."""
    seen = engine.observe()
    return [thing.name for thing in (*seen.containers, *seen.networks, *seen.volumes) if thing.project]


def test_it_is_a_project_of_its_own_that_carries_its_run(engine: MemoryEngine, start: Start) -> None:
    app = start(engine, STACK)
    assert app.project != "shop"
    assert app.project.startswith("shop-")
    seen = engine.observe()
    made = [thing for thing in (*seen.containers, *seen.networks, *seen.volumes) if thing.project]
    assert {thing.project for thing in made} == {app.project}
    assert {thing.labels[labels.RUN] for thing in made} == {current().id}
    assert [volume.name for volume in seen.volumes] == [f"{app.project}_precious"]
    assert {port.host_ip for port in app["api"].container.ports} == {"127.0.0.1"}
    assert app["api"].port() != 8000


def test_it_is_a_mapping_of_its_services(engine: MemoryEngine, start: Start) -> None:
    app = start(engine, STACK)
    assert list(app) == ["db", "api", "debug", "migrate"]
    assert len(app) == 4
    assert set(app.containers()) == {"db", "api", "migrate"}
    assert repr(app) == f"<stack {app.project}: db, api, debug, migrate>"
    assert app.env()["DATABASE_URL"] == app["db"].url()
    assert app.env("X_")["X_API_URL"] == app["api"].url()
    with pytest.raises(stackctl.UsageError, match="debug has no container"):
        assert app["debug"].container


@pytest.mark.parametrize("raised", [None, ZeroDivisionError, KeyboardInterrupt])
def test_nothing_is_left_however_the_block_ends(
    engine: MemoryEngine, tmp_path: Path, home: Path, raised: type[BaseException] | None
) -> None:
    file = tmp_path / "stack.toml"
    file.write_text(f'name = "shop"\n{STACK}')
    try:
        with stackctl.running(file, engine=engine):
            assert left(engine)
            if raised:
                raise raised
    except (ZeroDivisionError, KeyboardInterrupt):
        pass
    assert left(engine) == []


def test_nothing_is_left_of_a_start_that_fails(engine: MemoryEngine, start: Start) -> None:
    engine.behaviours["api"] = Behaviour(exit_code=7, log=("no disk",))
    with pytest.raises(stackctl.WaitError, match="ended with exit code 7") as caught:
        start(engine, STACK.replace('command = "true"', 'command = "true"\ndepends_on = ["api"]'))
    assert "no disk" in caught.value.log_tail
    assert left(engine) == []


def test_what_is_asked_for_is_started_and_nothing_else(engine: MemoryEngine, start: Start) -> None:
    overrides = {"services": {"api": {"environment": {"MORE": "1"}}}}
    app = start(engine, STACK, services=["api"], environ={"WHO": "me"}, overrides=overrides)
    assert set(app.containers()) == {"db", "api"}, "with what it depends on"
    assert (app["api"].env()["WHO"], app["api"].env()["MORE"]) == ("me", "1")
    assert set(start(engine, STACK, profiles=["debug"]).containers()) == {"db", "api", "debug", "migrate"}


def test_in_memory_the_data_of_known_servers_are_on_no_volume(engine: MemoryEngine, start: Start) -> None:
    app = start(engine, STACK, memory=True)
    assert engine.observe().volumes == ()
    assert [tmpfs.path for tmpfs in app["db"].spec.tmpfs] == ["/var/lib/postgresql/data"]


def test_the_data_of_others_are_refused_with_their_place(engine: MemoryEngine, start: Start) -> None:
    external = STACK.replace('name = "precious"', "external = true")
    with pytest.raises(stackctl.SpecError, match=r"stack.toml:\d+:\d+.*volume data is external"):
        start(engine, external)
    assert left(engine) == []


def test_a_port_that_somebody_takes_meanwhile_is_chosen_anew(
    engine: MemoryEngine, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    db, taken, free = free_ports(["tcp"] * 3)
    choices = iter([[db, taken], [free]])
    monkeypatch.setattr("stackctl.testing.runs.host_ports.free_ports", lambda _: next(choices))
    failed: list[object] = []

    def take(action: object) -> None:
        """Another process takes the port of the first choice before the container is started."""
        if isinstance(action, StartContainer) and action.name.endswith("-api-1") and not failed:
            failed.append(action)
            engine.taken.add(taken)

    engine.before = take
    app = start(engine, STACK)
    assert failed
    assert app["api"].port() == free
    assert next(choices, None) is None


def test_stacks_do_not_share_anything(engine: MemoryEngine, start: Start) -> None:
    one, other = start(engine, STACK), start(engine, STACK)
    assert one.project != other.project
    assert one["api"].address != other["api"].address
    with other["api"].stopped():
        assert one["api"].container.running


def test_a_forked_child_that_leaves_the_block_touches_nothing(
    engine: MemoryEngine, tmp_path: Path, home: Path
) -> None:
    """`sys.exit` in the child ends the parent's blocks in the child as well."""
    file = tmp_path / "stack.toml"
    file.write_text(f'name = "shop"\n{STACK}')
    child = False
    done = 0
    try:
        with stackctl.running(file, engine=engine) as app, app["api"].paused(), app["db"].stopped():
            done = len(engine.performed)
            child = (pid := os.fork()) == 0
            if child:
                sys.exit()
            assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
            assert app["api"].container.state == "paused"
    finally:
        if child:
            os._exit(len(engine.performed) - done)
    assert left(engine) == []

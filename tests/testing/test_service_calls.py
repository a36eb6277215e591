"""What a test does with a service: commands, files, logs; and faults, after which it is ready again."""

from __future__ import annotations

import stat
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from pathlib import Path

import pytest

import stackctl
from stackctl.engine.memory import Behaviour, MemoryEngine
from stackctl.testing import Running, RunningService

pytest_plugins = ["memory_fixtures"]
Start = Callable[..., Running]

STACK = """
[services.web]
image = "busybox"
command = "sleep infinity"
ports = ["80"]
networks = ["default", "side"]
[services.other]
image = "busybox"
command = "sleep infinity"
[services.db]
image = "postgres:15"
environment = { POSTGRES_PASSWORD = "x" }
volumes = ["data:/var/lib/postgresql/data"]
[networks.side]
[volumes.data]
"""


@pytest.fixture
def web(engine: MemoryEngine, start: Start) -> RunningService:
    engine.behaviours["web"] = Behaviour(log=("one", "two"))
    return start(engine, STACK)["web"]


# Commands, logs, files


def test_a_command_is_told_with_its_outputs_and_exit_code(web: RunningService) -> None:
    done = web.exec("sh", "-c", "echo out; echo err >&2; exit 3")
    assert (done.exit_code, done.stdout, done.stderr) == (3, "out\n", "err\n")
    assert web.exec("cat", stdin="text").stdout == web.exec("cat", stdin=b"text").stdout == "text"
    assert web.exec("true", check=True).exit_code == 0


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo out; echo err >&2; exit 3", "ended with 3: err"),
        ("echo out; exit 3", "ended with 3: out"),
        ("echo one >&2; echo two >&2; exit 3", "ended with 3:\none\ntwo"),
        ("exit 3", "ended with 3"),
    ],
)
def test_a_command_that_fails_is_told_with_all_it_said(web: RunningService, script: str, words: str) -> None:
    with pytest.raises(stackctl.EngineError) as caught:
        web.exec("sh", "-c", script, check=True)
    assert caught.value.message.startswith("web: ")
    assert caught.value.message.endswith(words)


def test_a_command_that_takes_too_long_says_what_it_had_said(web: RunningService) -> None:
    with pytest.raises(stackctl.ExecTimeoutError) as caught:
        web.exec("sh", "-c", "echo begun; sleep 60", timeout=1)
    assert caught.value.stdout == b"begun\n"


def test_logs_are_those_of_the_service_or_of_the_stack(web: RunningService) -> None:
    assert [line.text for line in web.logs()] == ["one", "two"]
    assert [line.text for line in web.logs(tail=1)] == ["two"]
    assert [line.text for line in web.app.logs("web", "other")] == ["one", "two"]
    with pytest.raises(stackctl.UsageError, match="wbe"):
        list(web.app.logs("wbe"))


def test_files_go_in_and_out(web: RunningService, tmp_path: Path) -> None:
    source = tmp_path / "in"
    (source / "deep").mkdir(parents=True)
    (source / "deep/file").write_text("deep")
    (source / "script").write_text("#!/bin/sh\n")
    (source / "script").chmod(0o755)
    web.copy_in(source, "/srv/tree")
    web.copy_in(b"bytes", "/srv/bytes")
    assert web.copy_out("/srv/bytes", tmp_path / "new/bytes").read_bytes() == b"bytes"
    out = web.copy_out("/srv/tree", tmp_path / "out")
    assert (out / "deep/file").read_text() == "deep"
    assert stat.S_IMODE((out / "script").stat().st_mode) == 0o755
    for call, words in (
        (lambda: web.copy_in(tmp_path / "none", "/srv/x"), "there is no .*none"),
        (lambda: web.copy_in(b"", "srv"), "no absolute path"),
        (lambda: web.copy_out("/none", tmp_path / "x"), "there is no /none"),
    ):
        with pytest.raises(stackctl.StackError, match=words):
            call()
    assert not (tmp_path / "x").exists()


# Faults


Fault = Callable[[RunningService], AbstractContextManager[None]]
FAULTS: dict[str, tuple[Fault, str]] = {
    "paused": (RunningService.paused, "paused"),
    "stopped": (RunningService.stopped, "exited"),
    "killed": (RunningService.killed, "exited"),
    "restarted": (RunningService.restarted, "running"),
    "disconnected": (RunningService.disconnected, "running"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_service_is_ready_again_after_a_fault(web: RunningService, name: str) -> None:
    fault, state = FAULTS[name]
    before = web.container
    with suppress(ZeroDivisionError), fault(web):
        assert web.container.state == state
        assert bool(web.container.networks) == (name != "disconnected")
        raise ZeroDivisionError
    after = web.container
    assert (after.id, after.state, after.ports) == (before.id, "running", before.ports)
    assert {joined.network for joined in after.networks} == {joined.network for joined in before.networks}


def test_a_service_is_cut_off_from_one_network(web: RunningService) -> None:
    with web.disconnected("side"):
        assert [joined.network for joined in web.container.networks] == [f"{web.app.project}_default"]
    assert len(web.container.networks) == 2
    with pytest.raises(stackctl.UsageError, match="other is not in the network side"):
        web.app["other"].disconnected("side").__enter__()


def test_faults_may_be_within_each_other(web: RunningService) -> None:
    with web.paused(), web.disconnected(), web.killed():
        assert web.container.state == "exited"
    assert web.container.running
    assert len(web.container.networks) == 2


def test_a_server_in_memory_is_not_stopped(engine: MemoryEngine, start: Start) -> None:
    db = start(engine, STACK, memory=True)["db"]
    for fault in (db.stopped, db.killed, db.restarted):
        with pytest.raises(stackctl.UsageError, match="keeps its data in memory"):
            fault().__enter__()
    with db.paused():
        assert db.container.state == "paused"
    assert db.container.running


def test_a_container_that_somebody_removed_is_told_of(engine: MemoryEngine, web: RunningService) -> None:
    with pytest.raises(stackctl.EngineError, match="web has no container any more"), web.stopped():
        engine.remove_by_hand(web.container.name)
    with pytest.raises(stackctl.UsageError, match="web has no container"):
        web.paused().__enter__()


def test_a_service_that_does_not_get_ready_is_told_with_its_evidence(
    engine: MemoryEngine, start: Start
) -> None:
    web = start(engine, STACK.replace('ports = ["80"]', "healthcheck = { tcp = 80 }"))["web"]
    web.wait_ready(timeout=1)
    engine.die(web.container.name, 3)
    with pytest.raises(stackctl.WaitError, match="ended with exit code 3"):
        web.wait_ready(timeout=1)


# The servers that are known


def test_what_is_of_another_server_is_refused(web: RunningService) -> None:
    with pytest.raises(stackctl.UsageError, match="web is no Postgres"):
        web.clone("one")
    with pytest.raises(stackctl.UsageError, match="web is no Redis"):
        web.flush()
    with pytest.raises(stackctl.UsageError, match="web is no Redis"):
        web.database()


# Several containers of one service

SCALED = """
[services.web]
image = "busybox"
command = "sleep infinity"
ports = ["80"]
scale = 3
[services.one]
image = "busybox"
command = "sleep infinity"
"""


def test_each_of_several_containers_is_like_a_service(
    engine: MemoryEngine, start: Start, tmp_path: Path
) -> None:
    engine.behaviours["web"] = Behaviour(log=("hello",))
    app = start(engine, SCALED)
    web, replicas = app["web"], app["web"].replicas
    assert [each.container_name for each in replicas] == [f"{app.project}-web-{n}" for n in (1, 2, 3)]
    assert len({each.url("/x") for each in replicas}) == len({each.port(80) for each in replicas}) == 3
    assert (web.container.id, web.url()) == (replicas[0].container.id, replicas[0].url())
    assert [len([*each.logs()]) for each in (web, *replicas)] == [3, 1, 1, 1]
    assert [each.number for each in app["one"].replicas] == [1]

    replicas[1].copy_in(b"second", "/name")
    assert replicas[1].copy_out("/name", tmp_path / "name").read_bytes() == b"second"
    for other in (web, replicas[2]):
        with pytest.raises(stackctl.EngineError):
            other.copy_out("/name", tmp_path / "none")
    with replicas[2].stopped():
        assert [each.container.running for each in replicas] == [True, True, False]
    replicas[2].wait_ready()
    assert [each.container.running for each in replicas] == [True, True, True]

"""A service of a running stack: where it is, what it says, what may be done to it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from scenario import NOTHING, ROOT, Project, eventually, servers

import stackctl
from stackctl.engine.host import free_ports
from stackctl.testing import Running, RunningService, stack_fixture

pytestmark = pytest.mark.docker

WEB = (
    servers(web="healthcheck = { tcp = 80 }", client="") + "networks = ['default', 'side']\n[networks.side]\n"
)


lesson = stack_fixture(
    services=("redis",), scope="module", overrides={"services": {"redis": {"labels": {"made": "for tests"}}}}
)


@pytest.fixture
def redis(lesson: Running) -> RunningService:
    return lesson["redis"]


def answers(service: RunningService) -> bool:
    """Whether Redis says PONG."""
    try:
        with socket.create_connection(service.address, timeout=0.5) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(10) == b"+PONG\r\n"
    except OSError:
        return False


# What the shared stack of the whole test run is like


def test_the_stack_of_the_run_must_be_ready(stack: Running) -> None:
    """The lesson's, one for all workers that run these tests."""
    with urllib.request.urlopen(stack["api"].url("/health"), timeout=5) as answer:
        assert answer.status == 200
    assert stack.env()["DATABASE_URL"] == stack["postgres"].url()
    assert stack["api"].env()["REDIS_URL"] == stack["redis"].url()
    assert stack.env("X_")["X_REDIS_PORT"] == str(stack["redis"].port())


def test_the_command_line_must_print_the_same_variables(lesson: Running, redis: RunningService) -> None:
    told = subprocess.run(
        [
            sys.executable,
            "-m",
            "stackctl",
            "-f",
            str(ROOT / "stack.toml"),
            "-p",
            lesson.project,
            "env",
            "--export",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    printed = dict(line.removeprefix("export ").split("=", 1) for line in told.stdout.splitlines())
    assert printed == lesson.env()
    assert printed["REDIS_URL"] == redis.url()


def test_overrides_must_hold(redis: RunningService) -> None:
    assert redis.container.labels["made"] == "for tests"


# exec


def test_both_outputs_and_the_exit_code_must_be_told_apart(redis: RunningService) -> None:
    done = redis.exec("sh", "-c", "cat; echo error >&2; exit 3", stdin="input")
    assert (done.exit_code, done.stdout, done.stderr) == (3, "input", "error\n")
    told = redis.exec(
        "sh", "-c", "echo $A; id -u; pwd", env={"A": "b c"}, user="1234", workdir="/tmp", check=True
    )
    assert told.stdout == "b c\n1234\n/tmp\n"


def test_a_command_that_fails_must_be_told_of_when_checked(redis: RunningService) -> None:
    with pytest.raises(stackctl.EngineError, match=r"redis: .* ended with 2: no such key"):
        redis.exec("sh", "-c", "echo no such key >&2; exit 2", check=True)


def test_a_command_that_takes_too_long_must_end_also_in_the_container(redis: RunningService) -> None:
    with pytest.raises(stackctl.ExecTimeoutError) as caught:
        redis.exec("sh", "-c", "echo begun; sleep 4321", timeout=1)
    assert caught.value.stdout == b"begun\n"
    running = redis.exec("sh", "-c", "grep -la '[4]321' /proc/[0-9]*/cmdline")
    assert (running.exit_code, running.stdout) == (1, "")


# Logs


def test_logs_must_be_those_since_a_moment(redis: RunningService) -> None:
    def say(text: str) -> None:
        redis.exec("sh", "-c", f"echo {text} > /proc/1/fd/1", user="root", check=True)

    say("before")
    eventually(lambda: "before" in [line.text for line in redis.logs()])
    moment = time.time()
    say("after")
    for since in (moment, datetime.fromtimestamp(moment, UTC), f"{moment:.6f}"):
        eventually(lambda since=since: "after" in [line.text for line in redis.logs(since=since)])  # type: ignore[misc]
        assert "before" not in [line.text for line in redis.logs(since=since)]
    assert [line.text for line in redis.logs(tail=1)] == ["after"]


# Files


def test_files_must_go_in_and_out(redis: RunningService, tmp_path: Path) -> None:
    (tmp_path / "in/deep").mkdir(parents=True)
    (tmp_path / "in/deep/file").write_text("deep")
    script = tmp_path / "in/script"
    script.write_text("#!/bin/sh\necho hello\n")
    script.chmod(0o755)
    redis.copy_in(tmp_path / "in", "/srv/new/place")
    redis.copy_in(script, "/srv/script")
    redis.copy_in(b"bytes", "/srv/bytes")
    assert redis.exec("/srv/script").stdout == "hello\n"
    assert (
        redis.exec("sh", "-c", "cat /srv/bytes /srv/new/place/deep/file; stat -c %u /srv/bytes").stdout
        == "bytesdeep0\n"
    )
    assert redis.copy_out("/srv/bytes", tmp_path / "out/bytes").read_bytes() == b"bytes"
    redis.exec(
        "sh", "-c", "cd /srv/new/place; ln -s /etc/passwd link; ln script same; ln -s deep below", check=True
    )
    tree = redis.copy_out("/srv/new/place", tmp_path / "tree")
    assert str((tree / "link").readlink()) == "/etc/passwd"
    assert (tree / "same").read_text() == script.read_text()
    assert (tree / "below/file").read_text() == "deep"
    assert (tree / "deep/file").read_text() == "deep"
    assert os.access(tree / "script", os.X_OK)


def test_paths_that_are_not_there_must_be_told_of(redis: RunningService, tmp_path: Path) -> None:
    with pytest.raises(stackctl.UsageError, match="there is no"):
        redis.copy_in(tmp_path / "nothing", "/srv/x")
    with pytest.raises(stackctl.UsageError, match="no absolute path"):
        redis.copy_in(b"", "srv")
    with pytest.raises(stackctl.EngineError, match="/nothing"):
        redis.copy_out("/nothing", tmp_path / "x")
    assert not (tmp_path / "x").exists()


# Faults


def test_a_paused_service_must_hang_and_answer_again(redis: RunningService) -> None:
    with redis.paused():
        assert (
            redis.container.state == "paused" if redis.app.containers()["redis"].state != "paused" else True
        )
        assert not answers(redis)
    assert answers(redis)


@pytest.mark.parametrize("fault", ["stopped", "killed"])
def test_a_service_that_does_not_run_must_refuse_and_answer_again_at_the_same_place(
    redis: RunningService, fault: str
) -> None:
    address, container = redis.address, redis.container.id
    with getattr(redis, fault)():
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address, timeout=1)
        assert redis.container.state == "exited"
    assert answers(redis)
    assert (redis.address, redis.container.id) == (address, container)


def test_a_restarted_service_must_be_ready_at_the_end_of_the_block(redis: RunningService) -> None:
    before = redis.exec("redis-cli", "info", "server").stdout.partition("run_id:")[2][:40]
    with redis.restarted():
        pass
    assert redis.exec("redis-cli", "info", "server").stdout.partition("run_id:")[2][:40] != before


def test_a_service_must_be_ready_again_after_a_test_that_fails(redis: RunningService) -> None:
    with pytest.raises(ZeroDivisionError), redis.stopped():
        _ = 1 / 0
    assert answers(redis)
    with redis.paused(), redis.killed():  # whatever was done to it
        pass
    assert answers(redis)


def test_a_service_that_is_cut_off_must_be_found_by_its_names_again(project: Project) -> None:
    file = project.write(f'name = "{project.name}"\n{WEB}')

    def found(client: RunningService) -> bool:
        return client.exec("sh", "-c", "echo | timeout 2 nc -w 1 web 80", timeout=10).exit_code == 0

    with stackctl.running(file) as app:
        assert found(app["client"])
        port = app["web"].port()
        with app["web"].disconnected():
            assert not found(app["client"])
        assert found(app["client"])
        assert urllib.request.urlopen(app["web"].url("/passwd"), timeout=5).status == 200
        assert app["web"].port() == port
        with app["client"].disconnected("side"):
            assert found(app["client"])
            assert [joined.network for joined in app["client"].container.networks] == [
                f"{app.project}_default"
            ]
        assert len(app["client"].container.networks) == 2
        with (
            pytest.raises(stackctl.UsageError, match="web is not in the network side"),
            app["web"].disconnected("side"),
        ):
            pytest.fail("it is not")
    assert project.resources() == NOTHING


def test_readiness_that_does_not_come_must_be_told_with_its_evidence(redis: RunningService) -> None:
    redis.wait_ready(timeout=5)
    with pytest.raises(stackctl.WaitTimeoutError, match="not healthy within"), redis.paused():
        redis.wait_ready(timeout=0.5)
    assert answers(redis)


# Many at once


def test_stacks_must_be_made_and_used_by_threads_at_once(project: Project) -> None:
    file = project.write(f'name = "{project.name}"\n{servers(web="healthcheck = { tcp = 80 }")}')

    def use(_: int) -> tuple[str, int]:
        with stackctl.running(file) as app:
            assert urllib.request.urlopen(app["web"].url("/passwd"), timeout=5).status == 200
            return app.project, app["web"].port()

    with ThreadPoolExecutor(4) as threads:
        made = list(threads.map(use, range(4)))
    assert len({project for project, _ in made}) == len({port for _, port in made}) == 4
    assert project.resources() == NOTHING


def test_a_port_that_somebody_takes_meanwhile_must_be_chosen_anew(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        answers = [[taken.getsockname()[1]]]
        monkeypatch.setattr(
            "stackctl.testing.runs.host_ports.free_ports",
            lambda protocols: answers.pop() if answers else free_ports(protocols),
        )
        file = project.write(f'name = "{project.name}"\n{servers(web="healthcheck = { tcp = 80 }")}')
        with stackctl.running(file) as app:
            assert app["web"].port() != taken.getsockname()[1]
            assert urllib.request.urlopen(app["web"].url("/passwd"), timeout=5).status == 200
    assert not answers


def test_a_fork_must_have_a_run_of_its_own() -> None:
    from stackctl.testing.runs.run import current

    mine = current().id
    readable, writable = os.pipe()
    if not (child := os.fork()):
        os.write(writable, current().id.encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(readable, 100).decode() != mine
    assert current().id == mine


def test_a_service_that_is_none_must_be_refused(lesson: Running) -> None:
    with pytest.raises(KeyError):
        lesson["rediss"]
    assert set(lesson) == {"postgres", "redis", "api"}
    assert len(lesson) == 3
    with pytest.raises(stackctl.UsageError, match="postgres has no container"):
        assert lesson["postgres"].container


def test_the_reaper_must_need_nothing_but_the_sdk() -> None:
    program = (
        "import sys, stackctl.reaper, stackctl.engine.docker.docker_engine\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules}"
        " & {'click', 'rich', 'yaml', 'tabulate', 'dotenv', 'tomli_w', 'pytest', 'xdist'}))"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert told.stdout == "[]\n"
    helped = subprocess.run(
        [sys.executable, "-m", "stackctl.reaper", "--help"], capture_output=True, text=True, check=True
    )
    assert "RUN" in helped.stdout.upper()


def test_threads_must_share_a_stack(lesson: Running) -> None:
    errors: list[BaseException] = []

    def use() -> None:
        try:
            for _ in range(5):
                lesson["redis"].flush()
                assert lesson["redis"].exec("redis-cli", "PING").stdout == "PONG\n"
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors

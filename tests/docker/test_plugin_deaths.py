"""However a test run dies, nothing of its stacks may be left: what it cannot do any more, its reaper does."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

import pytest
from scenario import eventually
from suite import WEB, Suite

pytestmark = pytest.mark.docker

WAYS = {"serial": (), "two": ("-n", "2"), "four": ("-n", "4")}
_SECONDS = 15.0
"""In which everything must be gone."""

STACK = WEB + 'volumes = ["data:/data", "/cache"]\n[volumes.data]\n'
TESTS = """
    import os, time, pytest

    @pytest.mark.parametrize("number", range(4))
    def test_it(stack, number):
        assert stack["web"].exec("true").exit_code == 0
        with open("begun", "w"):
            DEATH
"""


def dying(death: str) -> str:
    return TESTS.replace("DEATH", death)


def nothing_is_left(suite: Suite) -> None:
    """Neither on the engine nor beside it. A worker may outlive the process that was killed, and make something more."""
    eventually(lambda: not any(map(suite.alive, suite.pids)), _SECONDS)
    eventually(lambda: suite.left() == [], _SECONDS)


@pytest.mark.parametrize(
    ("number", "way"),
    [
        (signal.SIGINT, "serial"),
        pytest.param(signal.SIGINT, "two", marks=pytest.mark.slow),
        pytest.param(signal.SIGTERM, "two", marks=pytest.mark.slow),
        (signal.SIGKILL, "serial"),
        (signal.SIGKILL, "four"),
    ],
)
def test_a_run_that_is_killed_must_leave_nothing(suite: Suite, number: signal.Signals, way: str) -> None:
    suite.stack(STACK)
    suite.write("test_it.py", dying("time.sleep(60)"))
    with suite.begun(*WAYS[way]) as process:
        assert suite.left()
        assert suite.reapers(process.pid)
        process.send_signal(number)
        process.wait(timeout=30)
        nothing_is_left(suite)


@pytest.mark.parametrize("way", ["serial", "two"])
def test_a_process_that_exits_in_a_test_must_leave_nothing(suite: Suite, way: str) -> None:
    """Alone it is the whole run; of several workers one is replaced, and the rest goes on with the same stack."""
    suite.stack(STACK)
    suite.write("test_it.py", dying("os._exit(7) if number == 1 else None"))
    if WAYS[way]:
        suite.run(*WAYS[way], code=1, passed=3, failed=1)
    else:
        suite.run(code=7)
    nothing_is_left(suite)


def test_a_setup_that_fails_must_leave_nothing(suite: Suite) -> None:
    suite.stack(STACK + '[services.bad]\nimage = "busybox"\ncommand = "false"\nhealthcheck = { tcp = 80 }\n')
    suite.write("test_it.py", dying("pass"))
    suite.run("-n", "2", code=1, errors=4)
    nothing_is_left(suite)


def test_a_hook_that_fails_must_leave_nothing(suite: Suite) -> None:
    suite.stack(STACK)
    suite.write("conftest.py", "def pytest_stack_ready(stack): raise RuntimeError('no migration')\n")
    suite.write("test_it.py", dying("pass"))
    assert "no migration" in suite.run("-n", "2", code=1, errors=4).output
    nothing_is_left(suite)


def test_a_test_that_takes_too_long_must_leave_nothing(suite: Suite) -> None:
    """pytest's own time limit ends the process on the spot."""
    suite.stack(STACK)
    suite.write("pytest.ini", "[pytest]\nfaulthandler_timeout = 5\nfaulthandler_exit_on_timeout = true\n")
    suite.write("test_it.py", dying("time.sleep(60 if number == 1 else 0)"))
    suite.run(code=1)
    nothing_is_left(suite)


def test_a_stack_that_is_not_ready_in_time_must_leave_nothing(suite: Suite) -> None:
    """`test_plugin.py` has the services that end while they start."""
    suite.stack(STACK.replace("tcp = 80", "tcp = 81"))
    suite.write("test_it.py", dying("pass"))
    told = suite.run("--stack-timeout=1", code=1, errors=4).output
    assert "was not healthy within 1 s" in told
    nothing_is_left(suite)


@pytest.mark.parametrize(
    "delay", [0.0, pytest.param(0.4, marks=pytest.mark.slow), pytest.param(1.0, marks=pytest.mark.slow)]
)
def test_a_run_that_is_killed_while_it_starts_its_stack_must_leave_nothing(
    suite: Suite, delay: float
) -> None:
    suite.stack(STACK)
    suite.write("conftest.py", "def pytest_stack_overrides(config): open('begun', 'w')\n")
    suite.write("test_it.py", dying("pass"))
    with suite.begun("-n", "2") as process:
        time.sleep(delay)  # the moment is the point
        process.kill()
        process.wait()
        nothing_is_left(suite)


@pytest.mark.parametrize("killed", ["worker", "whole group"])
def test_a_worker_and_a_whole_group_that_are_killed_must_leave_nothing(suite: Suite, killed: str) -> None:
    suite.stack(STACK)
    suite.write(
        "test_it.py",
        dying("open('worker', 'w').write(str(os.getpid())); time.sleep(60 if number == 1 else 0)"),
    )
    with suite.begun("-n", "2") as process:
        eventually(lambda: bool(suite.told("worker")))
        if killed == "worker":
            kill: Callable[[], None] = lambda: os.kill(int(suite.told("worker")[0]), signal.SIGKILL)  # noqa: E731
        else:  # as an IDE's stop button does
            kill = lambda: os.killpg(process.pid, signal.SIGKILL)  # noqa: E731
        kill()
        if killed == "worker":
            process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)
        nothing_is_left(suite)


def test_a_reaper_must_touch_no_other_run(suite: Suite) -> None:
    suite.stack(STACK)
    suite.write("test_it.py", dying("time.sleep(60)"))
    with suite.begun() as alive:
        its_own = suite.left()
        with suite.begun() as killed:
            assert len(suite.left()) > len(its_own)
            killed.kill()
            killed.wait()
            eventually(lambda: suite.left() == its_own, _SECONDS)
            eventually(lambda: not suite.reapers(killed.pid), _SECONDS)
        assert suite.reapers(alive.pid)
        assert suite.left() == its_own


def test_a_program_that_is_killed_must_leave_nothing(suite: Suite) -> None:
    """`stackctl.running` outside pytest."""
    suite.stack(STACK)
    suite.write(
        "conftest.py",
        """
        import time, stackctl

        def pytest_configure():
            with stackctl.running("stack.toml") as app:
                open("begun", "w").write(app.project)
                time.sleep(60)
        """,
    )
    with suite.begun() as process:
        assert suite.left()
        process.kill()
        process.wait()
        nothing_is_left(suite)


def test_a_forked_child_must_leave_what_its_parent_has(suite: Suite) -> None:
    """The child's `sys.exit` ends the tests and the run in the child as well. No thread is alive that a fork could break."""
    suite.stack(
        'services.db = { image = "postgres:15", environment = { POSTGRES_PASSWORD = "x" } }\n'
        'services.cache = { image = "redis:7", healthcheck = { test = ["CMD", "true"] } }\n'
    )
    suite.write(
        "conftest.py",
        "def pytest_stack_ready(stack): 'db' in stack.containers() and stack['db'].snapshot('empty')\n",
    )
    suite.write(
        "test_it.py",
        """
        import os, sys, threading
        import pytest, stackctl

        MAIN = os.getpid()

        @pytest.fixture(autouse=True)
        def no_more_tests_in_a_child():
            if os.getpid() != MAIN:
                pytest.skip()

        def forked(app):
            assert threading.enumerate() == [threading.main_thread()]
            pid = os.fork()
            if not pid:
                assert app["cache"].exec("redis-cli", "ping").stdout == "PONG\\n"
                app["cache"].flush()
                sys.exit()
            os.waitpid(pid, 0)
            app["cache"].flush()
            assert app["cache"].exec("redis-cli", "ping").stdout == "PONG\\n"

        def test_shared(stack):
            with stack["db"].clone("empty") as clone, stack["cache"].database():
                forked(stack)
                psql = "psql -U postgres -tAc".split()
                assert stack["db"].exec(*psql, "SELECT 6 * 7", "-d", clone.name).stdout == "42\\n"

        @pytest.mark.stack_isolated
        @pytest.mark.stack(services=["cache"])
        def test_alone(stack):
            forked(stack)

        def test_without_a_fixture():
            with stackctl.running("stack.toml", services=["cache"]) as app:
                forked(app)
        """,
    )
    suite.run("--stack-memory", passed=3)
    nothing_is_left(suite)

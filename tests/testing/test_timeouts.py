"""pytest-timeout beside stacks: which of the time of a test counts."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from stackctl.planner.steps.actions import CreateContainer, RemoveContainer

pytest_plugins = ["memory_fixtures"]

STACK = '[services.db]\nimage = "postgres:15"\nenvironment = { POSTGRES_PASSWORD = "x" }\n'


@pytest.fixture(autouse=True)
def timer_of_this_test() -> Iterator[None]:
    """A run within this process uses the one timer of the process, which is this test's own."""
    handler = signal.getsignal(signal.SIGALRM)
    left, _ = signal.setitimer(signal.ITIMER_REAL, 0)
    yield
    signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, left)


def running() -> str:
    """`200`: the seconds of the timer that runs in this process, of either method; "" if none runs. A minute may have gone by."""
    left = [signal.getitimer(signal.ITIMER_REAL)[0]]
    left += [each.interval for each in threading.enumerate() if isinstance(each, threading.Timer)]
    return str(-(-max(left) // 100) * 100).removesuffix(".0") if any(left) else ""


class Watch:
    """What timer ran while the engine worked, and when a test or a hook asked."""

    def __init__(self, suite: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.said: list[tuple[str, str]] = []
        perform: Callable[..., str] = suite.engine.perform

        def watched(action: Any, *rest: Any) -> str:
            if isinstance(action, CreateContainer | RemoveContainer):
                self.say(type(action).__name__)
            return perform(action, *rest)

        monkeypatch.setattr(suite.engine, "perform", watched)

    def say(self, where: str) -> None:
        self.said.append((where, running()))


@pytest.fixture
def watch(suite: Any, monkeypatch: pytest.MonkeyPatch) -> Watch:
    suite.stack(STACK)
    watch = Watch(suite, monkeypatch)
    monkeypatch.setattr("memory_fixtures.say", watch.say, raising=False)
    suite.write(
        conftest="""
        from memory_fixtures import say

        def pytest_stack_ready(stack):
            say("ready")
        """
    )
    return watch


@pytest.mark.parametrize("method", ["signal", "thread"])
def test_the_start_and_the_end_of_a_stack_do_not_count(suite: Any, watch: Watch, method: str) -> None:
    suite.write(
        test_it="""
        import pytest
        from memory_fixtures import say

        def test_it(stack):
            say("test")

        @pytest.mark.stack_isolated
        def test_isolated(stack):
            say("isolated")

        @pytest.mark.timeout(600)
        def test_factory(stack_factory):
            stack_factory()
            say("factory")

        def test_without():
            say("without")
        """
    )
    suite.run("--timeout=200", f"--timeout-method={method}", "-o", "stack_timeout=400", passed=4)
    isolated = [("CreateContainer", ""), ("ready", "400"), ("isolated", "200"), ("RemoveContainer", "")]
    start = [("CreateContainer", ""), ("ready", "400"), ("test", "200")]
    factory = [("CreateContainer", ""), ("ready", "600"), ("factory", "600"), ("without", "200")]
    removed = watch.said[len(start + isolated + factory) :]
    assert watch.said[: len(start + isolated + factory)] == start + isolated + factory
    assert {what for what, _ in removed} == {"RemoveContainer"}


def test_a_timer_of_the_test_function_alone_runs_only_there(suite: Any, watch: Watch) -> None:
    suite.write(
        test_it="""
        import threading
        from memory_fixtures import say

        def test_it(stack, stack_factory):
            say("test")
            thread = threading.Thread(target=stack_factory)  # a signal's timer belongs to the main thread
            thread.start()
            thread.join()
            stack_factory()
        """
    )
    suite.run("--timeout=200", "-o", "timeout_func_only=true", passed=1)
    started = [seen for what, seen in watch.said if what == "CreateContainer"]
    assert started == ["", "200", ""]
    assert ("test", "200") in watch.said


def test_a_start_that_fails_sets_the_timer_again(suite: Any, watch: Watch) -> None:
    suite.stack('[services.db]\nimage = "postgres:99"\n')
    suite.write(
        conftest="""
        import pytest
        from memory_fixtures import say

        @pytest.fixture
        def late(request):
            with pytest.raises(pytest.fail.Exception):
                request.getfixturevalue("stack")
            say("afterwards")
        """,
        test_it="def test_it(late): pass\n",
    )
    suite.run("--timeout=200", passed=1)
    assert watch.said == [("afterwards", "200")]

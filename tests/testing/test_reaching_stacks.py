"""However a test reaches its stack, markers and reports hold for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from stackctl.planner.steps.actions import CreateContainer

pytest_plugins = ["memory_fixtures"]

STACK = """
services.web = { image = "busybox", command = "sleep infinity" }
services.other = { image = "busybox", command = "sleep infinity" }
"""

CONFTEST = """
    import pytest
    from stackctl.testing import service_fixture, stack_fixture

    def pytest_stack_ready(stack):
        print("ready", stack.project)

    service = service_fixture("web")
    part = stack_fixture(memory=True)

    @pytest.fixture(scope="session")
    def over_a_part(part):
        return part["web"]

    @pytest.fixture
    def asks(request):
        return request.getfixturevalue("stack")["web"]

    @pytest.fixture(scope="session")
    def asks_for_all(request):
        request.getfixturevalue("pytestconfig")
        return request.getfixturevalue("service")

    @pytest.fixture(scope="module")
    def over_what_asks(asks_for_all):
        return asks_for_all
"""

WAYS = {
    "argument": ("stack", "stack['web']"),
    "service": ("service", "service"),
    "another stack": ("over_a_part", "over_a_part"),
    "in the test": ("request", "request.getfixturevalue('stack')['web']"),
    "a service in the test": ("request", "request.getfixturevalue('service')"),
    "in a fixture": ("asks", "asks"),
    "in a fixture of the session": ("asks_for_all", "asks_for_all"),
    "in a fixture behind": ("over_what_asks", "over_what_asks"),
    "in a fixture, asked for in the test": ("request", "request.getfixturevalue('over_what_asks')"),
    "both": ("stack, asks_for_all", "asks_for_all"),
    "both, in the test": ("stack, request", "request.getfixturevalue('asks_for_all')"),
}
"""The arguments of a test, and how it comes to its service."""


@pytest.fixture
def suite(suite: Any) -> Any:
    suite.stack(STACK)
    suite.write(conftest=CONFTEST)
    return suite


@pytest.fixture(params=list(WAYS))
def write(suite: Any, request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Write tests in which `ARGUMENTS` and `WEB` stand for one of the ways."""
    arguments, web = WAYS[request.param]
    return lambda text: suite.write(test_it=text.replace("ARGUMENTS", arguments).replace("WEB", web))


def made(suite: Any) -> list[str]:
    return sorted(a.spec.service for a in suite.engine.performed if isinstance(a, CreateContainer))


def test_an_isolated_test_disturbs_nobody_and_a_failure_shows_the_stack(
    suite: Any, write: Callable[[str], None]
) -> None:
    write(
        """
        import pytest

        seen = []

        @pytest.mark.stack_isolated
        def test_alone_first(ARGUMENTS):
            seen.append(WEB.app.project)

        def test_shared(ARGUMENTS):
            seen.append(WEB.app.project)

        @pytest.mark.stack_isolated
        @pytest.mark.parametrize("number", range(2))
        def test_alone(ARGUMENTS, number):
            seen.append(WEB.app.project)
            with WEB.stopped():
                assert not WEB.container.running

        def test_shared_again(ARGUMENTS):
            seen.append(WEB.app.project)
            assert WEB.container.running
            assert seen[1] == seen[4]
            assert len(set(seen)) == 4

        def test_fails(ARGUMENTS):
            WEB
            assert False

        @pytest.mark.stack_isolated
        def test_fails_alone(ARGUMENTS):
            WEB
            assert False

        def test_fails_without():
            assert False
        """
    )
    told = suite.run("-s", passed=5, failed=3)
    assert told.count("ready ") == 5
    _, shared, alone, without = told.partition(" FAILURES ")[2].split("___ test_")
    for each in (shared, alone):
        assert each.count("- stack shop-test-") == 1
        assert "web: running\nother: running" in each
    assert " stack " not in without.partition("short test summary")[0]
    assert suite.projects() == set()


def test_only_what_is_asked_for_is_started(suite: Any, write: Callable[[str], None]) -> None:
    write(
        """
        import pytest

        @pytest.mark.stack(services=["web"])
        @pytest.mark.parametrize("number", range(2))
        def test_it(ARGUMENTS, number):
            assert set(WEB.app.containers()) == {"web"}

        @pytest.mark.stack(services=["web"])
        @pytest.mark.stack_isolated
        def test_alone(ARGUMENTS):
            assert set(WEB.app.containers()) == {"web"}
        """
    )
    suite.run(passed=3)
    assert made(suite) == ["web", "web"]


def test_a_part_is_refused_to_a_test_of_which_nobody_could_know(suite: Any) -> None:
    suite.write(
        test_it="""
        import pytest

        @pytest.mark.stack(services=["web"])
        def test_first(stack):
            pass

        def test_whole(request):
            try:
                request.getfixturevalue("stack")
            except Exception:
                pass

        def test_whole_by_a_fixture(asks):
            pass

        @pytest.mark.stack(services=["web"])
        def test_marked(request):
            assert set(request.getfixturevalue("stack").containers()) == {"web"}
        """
    )
    told = suite.run(passed=2, failed=1, errors=1)
    for test in ("test_whole", "test_whole_by_a_fixture"):
        assert f"{test} needs the whole stack, but only web was started" in told
    assert "so nobody could know that it needs other" in told
    assert "reaching.py" not in told


def test_what_is_to_be_reset_is_that_which_the_test_reaches(suite: Any) -> None:
    suite.stack(
        STACK + 'services.cache = { image = "redis:7", volumes = ["data:/data"] }\nvolumes.data = {}\n'
    )
    suite.write(
        test_it="""
        import pytest

        def test_snapshot(part):
            part["cache"].snapshot("one")

        @pytest.mark.stack_reset("cache")
        def test_reset(over_a_part):
            pass

        @pytest.mark.stack_reset("caches")
        def test_misspelt(over_a_part):
            pass
        """
    )
    told = suite.run(passed=2, errors=1)
    assert "the stack has no service 'caches'" in told
    assert made(suite) == ["cache", "cache", "other", "web"], "one stack, and the cache once more"


def test_a_start_that_fails_for_one_test_fails_for_that_test_alone(suite: Any) -> None:
    suite.write(
        conftest="""
        import pytest

        @pytest.fixture(scope="session")
        def stack_overrides():
            return {}

        @pytest.fixture(scope="session")
        def url(stack):
            return stack["web"].name

        def pytest_stack_ready(stack):
            if len(stack.project.split("-")) > 3:
                raise RuntimeError("no migration")
        """,
        test_it="""
        import pytest

        def test_before(url):
            pass

        @pytest.mark.stack_isolated
        def test_alone(url):
            pass

        def test_after(url):
            pass
        """,
    )
    assert "no migration" in suite.run(passed=2, errors=1)
    assert suite.projects() == set()

"""What a test's report says of its stack, and of what went wrong with it."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable
from itertools import repeat
from typing import Any
from unittest.mock import Mock

import pytest

from stackctl.engine.memory import Behaviour, MemoryEngine
from stackctl.looking import connect
from stackctl.testing import Running
from stackctl.testing.plugin.report import sections
from stackctl.testing.plugin.session import Given
from stackctl.testing.plugin.settings import PluginSettings
from stackctl.testing.plugin.sharing import clashes

pytest_plugins = ["memory_fixtures"]
Start = Callable[..., Running]

STACK = '[services.db]\nimage = "postgres:15"\nenvironment = { POSTGRES_PASSWORD = "x" }\n'
TWO = "def test_one(stack): pass\ndef test_other(stack): pass\n"


@pytest.fixture
def suite(suite: Any) -> Any:
    suite.stack(STACK)
    return suite


def test_a_report_says_how_the_services_are(suite: Any) -> None:
    suite.write(
        test_it="""
        def test_it(stack):
            with stack["db"].stopped():
                assert False
        """
    )
    told = suite.run(failed=1)
    assert "- stack shop-test-" in told
    assert "db: running" in told, "the block has ended, and the service is ready again"


def test_a_hook_that_fails_shows_its_traceback_once(suite: Any) -> None:
    suite.write(
        conftest="""
        def migrate():
            raise RuntimeError("no migration")

        def pytest_stack_ready(stack):
            migrate()
        """,
        test_it=TWO,
    )
    told = suite.run(errors=2)
    assert told.count('raise RuntimeError("no migration")') == 1
    assert "conftest.py:3: RuntimeError" in told
    assert "session.py" not in told
    assert "raised by pytest_stack_ready; the traceback is that of test_it.py::test_one" in told
    assert "ERROR test_it.py::test_other - Failed: RuntimeError: no migration" in told


def test_a_command_that_fails_in_a_hook_is_told_with_all_of_its_stderr(suite: Any) -> None:
    suite.write(
        conftest="""
        def pytest_stack_ready(stack):
            stack["db"].exec("sh", "-c", "echo ERROR: no such column >&2; echo LINE 1: SELECT x >&2; exit 3", check=True)
        """,
        test_it=TWO,
    )
    told = suite.run(errors=2)
    assert told.count("ended with 3:\nERROR: no such column\nLINE 1: SELECT x\n") == 1
    assert "Traceback" not in told
    assert "session.py" not in told


def test_a_service_that_is_misspelt_is_told_with_what_was_meant(suite: Any) -> None:
    suite.write(
        test_it="""
        def test_it(stack):
            assert "bd" not in stack
            assert stack.get("bd") is None
            stack["dbb"]
        """
    )
    told = suite.run(failed=1)
    assert "the stack has no service 'dbb' (did you mean 'db'?)" in told
    assert "stack.py" not in told


def test_a_clock_that_tests_have_stopped_brings_no_lines_of_the_start_into_a_report(suite: Any) -> None:
    suite.stack('[services.db]\nimage = "busybox"\ncommand = "sh -c \'echo initdb; sleep infinity\'"\n')
    suite.write(
        conftest="""
        import time

        real = time.time

        def pytest_collection_finish():
            time.time = lambda: 0.0

        def pytest_sessionfinish():
            time.time = real
        """,
        test_it="""
        import time

        def test_it(stack):
            assert time.time() == 0.0
            assert [line.text for line in stack["db"].logs()] == ["initdb"]
            assert False
        """,
    )
    told = suite.run(failed=1)
    assert "db: running" in told
    assert ": db --" not in told


def test_a_stack_that_several_workers_use_is_told_apart_from_one_of_a_worker(
    engine: MemoryEngine, start: Start
) -> None:
    engine.behaviours["db"] = Behaviour(log=('2026 UTC [51] ERROR:  database "test" already exists',))
    app = start(engine, STACK)
    title = f"stack {app.project}"

    def told(workers: int, *, failed: bool = True) -> dict[str, str]:
        given = Given(app, PluginSettings(), since=0.0, workers=workers)
        return dict(sections(given, 0.0, failed=failed))

    alone, shared = told(1), told(4)
    assert alone[title] == "db: running"
    assert list(alone) == [title, f"{title}: db"]
    assert list(shared) == [title, f"{title}: db, lines of all 4 workers"]
    state, *hints = shared[title].splitlines()
    assert state == "db: running"
    assert "--stack-xdist=per-worker" in hints[0]
    assert hints[1:] == [
        'db: tests of several workers may use the same names: database "test" already exists'
    ]
    assert told(4, failed=False)[title] == "db: running", "a test that passes needs no hint"


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ('ERROR:  relation "orders" already exists', True),
        ('ERROR:  database "test" is being accessed by other users', True),
        ("ERROR:  deadlock detected", True),
        ("ERROR:  tuple concurrently updated", True),
        ('ERROR:  duplicate key value violates unique constraint "pg_type_typname_nsp_index"', True),
        ('ERROR:  duplicate key value violates unique constraint "orders_pkey"', False),
        ('ERROR:  column "nope" does not exist at character 8', False),
        ("STATEMENT:  INSERT INTO notes VALUES ('already exists')", False),
    ],
)
def test_a_log_shows_that_two_clients_use_the_same_names(line: str, *, shown: bool) -> None:
    assert [*clashes("db", ["LOG:  ready", line])] == [
        f"db: tests of several workers may use the same names: {line.removeprefix('ERROR:  ')}"
    ] * shown


# A start that fails


MANY = """
import pytest

@pytest.mark.parametrize("number", range(3))
def test_it(stack, number): pass

@pytest.mark.stack_isolated
def test_isolated(stack): pass

def test_factory(stack_factory): stack_factory()
"""


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            '[services.db]\nimage = "postgres:99"\nenvironment = { POSTGRES_PASSWORD = "x" }\n',
            "cannot pull postgres:99 for db: pull access denied for postgres:99",
        ),
        (
            '[services.db]\nimage = "postgres:15"\nenvironment = { POSTGRES_PASSWORD = "${PASSWORT}" }\n',
            "stack.toml:4:17: error SC303: services.db.environment.POSTGRES_PASSWORD: PASSWORT is not set",
        ),
    ],
)
def test_a_start_that_fails_is_told_once(suite: Any, text: str, why: str) -> None:
    suite.stack(text)
    suite.write(test_it=MANY)
    told = suite.run(failed=1, errors=4)
    body, summary = told.split("short test summary info")
    assert body.count(why) == 1
    assert body.count("\nno stack: see test_it.py::test_it[0]\n") == 4
    assert "Failed: no stack: see test_it.py::test_it[0]" in told
    assert summary.count(why[:20]) == 1, "the summary begins with what is wrong"
    assert "SC401" not in told, "data without a volume are no mistake in a stack that is thrown away"


def test_without_an_engine_the_hint_names_what_pytest_has(
    suite: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stackctl.api.connect", connect)
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere.sock")
    suite.write(test_it=TWO)
    told = suite.run(errors=2)
    assert told.count("no Docker engine answers: /nowhere.sock does not exist\n") == 1
    assert "DOCKER_HOST says so" in told
    assert "--stack-no-docker=skip skips the tests that need an engine" in told
    assert "--host" not in told


# pytest-timeout


def test_a_timeout_shows_the_lines_of_the_test_alone(suite: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The signal comes while stackctl waits in a library."""
    alarms = map(signal.raise_signal, repeat(signal.SIGALRM))
    monkeypatch.setattr(suite.engine, "exec", Mock(side_effect=alarms))
    suite.write(
        conftest="""
        def pytest_stack_ready(stack):
            if stack.project.count("-") > 2:
                stack["db"].exec("migrate")
        """,
        test_it="""
        import pytest

        def test_it(stack):
            stack["db"].exec("true")

        @pytest.mark.stack_isolated
        def test_ready(stack): pass
        """,
    )
    # Before the reports pytest-timeout shows the other threads; with xdist there are some.
    _, _, told = suite.run("--timeout=200", failed=1, errors=1).partition("= ERRORS =")
    assert len(re.findall(r"^E +Failed: Timeout \(>200.0s\)", told, re.MULTILINE)) == 2
    assert "\ntest_it.py:5: Failed\n" in told
    assert "\nconftest.py:4: Failed\n" in told
    assert "stackctl/testing" not in told
    assert "/lib/python" not in told

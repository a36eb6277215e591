"""The stacks of a pytest run: shared or isolated, kept or reused, and gone when the run has ended."""

from __future__ import annotations

import re
from typing import Any

import pytest

from stackctl.engine.memory import Behaviour
from stackctl.planner.steps.actions import CreateContainer

pytest_plugins = ["memory_fixtures"]

STACK = """
[services.web]
image = "busybox"
command = "sleep infinity"
ports = ["80"]
[services.other]
image = "busybox"
command = "sleep infinity"
"""
HOOK = """
def pytest_stack_ready(stack):
    print("ready", stack.project, stack.reused)
"""


@pytest.fixture
def suite(suite: Any) -> Any:
    suite.stack(STACK)
    suite.write(conftest=HOOK)
    return suite


def made(suite: Any) -> list[str]:
    """The services for which containers were made, in the order of their names."""
    return sorted(a.spec.service for a in suite.engine.performed if isinstance(a, CreateContainer))


# Sharing


def test_all_tests_share_one_stack_that_is_gone_afterwards(suite: Any) -> None:
    suite.write(
        test_a="def test_a(stack): assert stack.containers()",
        test_b="def test_b(stack): assert stack.containers()\ndef test_c(stack_services): assert 'web' in stack_services",
    )
    told = suite.run("-s", passed=3)
    assert told.count("ready shop-test-") == 1
    assert made(suite) == ["other", "web"]
    assert suite.projects() == set()


@pytest.mark.parametrize("arguments", [("--collect-only",), ("-k", "other")])
def test_nothing_is_started_that_no_test_needs(suite: Any, arguments: tuple[str, ...]) -> None:
    suite.write(test_it="def test_it(stack): pass\ndef test_other(): pass\n")
    suite.run(*arguments)
    assert suite.engine.performed == []


def test_markers_say_what_is_started(suite: Any) -> None:
    suite.write(
        test_it="""
        import pytest

        @pytest.mark.stack(services=["web"])
        def test_it(stack):
            assert set(stack.containers()) == {"web"}
        """
    )
    suite.run(passed=1)
    assert made(suite) == ["web"]


def test_an_isolated_test_has_a_stack_of_its_own(suite: Any) -> None:
    suite.write(
        test_it="""
        import pytest

        seen = []

        def test_shared(stack):
            seen.append(stack.project)

        @pytest.mark.stack_isolated
        @pytest.mark.parametrize("number", range(2))
        def test_alone(stack, number):
            seen.append(stack.project)

        def test_shared_again(stack):
            seen.append(stack.project)
            assert len(set(seen)) == 3
            assert seen[0] == seen[-1]
        """
    )
    assert suite.run("-s", passed=4).count("ready") == 3
    assert suite.projects() == set()


@pytest.mark.parametrize(("scope", "number"), [("session", 1), ("module", 2), ("function", 4)])
def test_a_scope_says_how_long_a_stack_lives(suite: Any, scope: str, number: int) -> None:
    two = "def test_one(stack): pass\ndef test_two(stack): pass\n"
    suite.write(test_a=two, test_b=two)
    assert suite.run("-s", f"--stack-scope={scope}", passed=4).count("ready") == number
    assert suite.projects() == set()


def test_a_factory_makes_more_stacks_with_other_settings(suite: Any) -> None:
    suite.write(
        test_it="""
        def test_it(stack, stack_factory):
            other = stack_factory(services=["web"], overrides={"services": {"web": {"environment": {"A": "1"}}}})
            assert other.project != stack.project
            assert set(other.containers()) == {"web"}
            assert other["web"].env()["A"] == "1"
            assert "A" not in stack["web"].env()
        """
    )
    suite.run(passed=1)
    assert suite.projects() == set()


def test_a_start_that_fails_is_tried_once_and_told_to_all(suite: Any) -> None:
    suite.stack(STACK.replace('ports = ["80"]', "healthcheck = { tcp = 80 }"))
    suite.engine.behaviours["web"] = Behaviour(exit_code=7, log=("no disk",))
    suite.write(test_it="def test_a(stack): pass\ndef test_b(stack): pass\n")
    told = suite.run(errors=2)
    assert told.count("web-1 ended with exit code 7\n") == 1
    assert "\n  no disk\n" in told
    assert "Traceback" not in told
    assert made(suite) == ["other", "web"]
    assert suite.projects() == set()


def test_a_mistake_in_the_file_is_told_with_its_place(suite: Any) -> None:
    suite.stack(STACK.replace("ports", "prots"))
    suite.write(test_it="def test_it(stack): pass")
    told = suite.run(errors=1)
    assert "stack.toml:6:1" in told
    assert "did you mean 'ports'?" in told
    assert suite.engine.performed == []


# Kept


@pytest.mark.parametrize(
    ("keep", "failing", "stays"),
    [("never", True, False), ("failed", False, False), ("failed", True, True), ("always", False, True)],
)
def test_a_stack_stays_when_it_is_to_be_kept(suite: Any, keep: str, failing: bool, stays: bool) -> None:
    suite.write(test_it=f"def test_it(stack): assert not {failing}")
    told = suite.run(f"--stack-keep={keep}")
    kept = suite.projects()
    assert bool(kept) == stays
    assert ("stack kept: " in told) == stays
    suite.run()
    assert suite.projects() == kept, "a later run leaves it alone"


def test_a_stack_that_is_kept_says_where_it_can_be_reached(suite: Any) -> None:
    suite.stack(
        STACK + '[services.db]\nimage = "postgres:15"\nenvironment = { POSTGRES_PASSWORD = "hunter2" }\n'
    )
    suite.write(test_it="def test_it(stack): print([stack[name].port() for name in ('db', 'web')])")
    told = suite.run("-s", "--stack-keep=always", passed=1)
    db, web = re.findall(r"\[(\d+), (\d+)\]", told)[0]
    _, _, said = told.partition("stack kept: ")
    assert said.splitlines()[1:3] == [
        f"  db   postgresql://localhost:{db}",
        f"  web  http://localhost:{web}",
    ]
    assert "hunter2" not in told


# Reused


def ids(suite: Any) -> dict[str, str]:
    return {c.key: c.id for c in suite.engine.observe().containers}


def test_a_reused_stack_stays_and_changes_with_its_definition_alone(suite: Any) -> None:
    suite.write(test_it="def test_it(stack): pass")
    assert "False" in suite.run("-s", "--stack-reuse", passed=1)
    first = ids(suite)
    assert "True" in suite.run("-s", "--stack-reuse", passed=1)
    assert ids(suite) == first
    suite.stack(STACK.replace('ports = ["80"]', 'ports = ["80"]\nenvironment = { A = "1" }'))
    assert "True" in suite.run("-s", "--stack-reuse", passed=1)
    changed = ids(suite)
    assert changed["web"] != first["web"]
    assert changed["other"] == first["other"]
    assert "False" in suite.run("-s", "--stack-reuse", "--stack-recreate", passed=1)
    assert ids(suite)["other"] != first["other"]
    assert len(suite.projects()) == 1


def test_a_reused_stack_of_a_start_that_failed_begins_anew(suite: Any) -> None:
    suite.write(
        conftest="def pytest_stack_ready(stack): raise RuntimeError", test_it="def test_it(stack): pass"
    )
    suite.run("--stack-reuse", errors=1)
    first = ids(suite)
    suite.write(conftest=HOOK)
    assert "False" in suite.run("-s", "--stack-reuse", passed=1)
    assert ids(suite)["web"] != first["web"]


@pytest.mark.parametrize("arguments", [(), ("--stack-reuse",), ("--stack-reuse", "--stack-recreate")])
def test_what_somebody_else_started_is_neither_changed_nor_removed(
    suite: Any, arguments: tuple[str, ...]
) -> None:
    suite.write(test_it="def test_it(stack): pass")
    suite.run("--stack-keep=always", "--stack-project=mine", passed=1)
    before = ids(suite)
    told = suite.run("--stack-project=mine", *arguments, errors=1)
    assert "there is a project mine already" in told
    assert ids(suite) == before


def test_a_project_that_runs_is_used_as_it_is(suite: Any) -> None:
    suite.write(test_it="def test_it(stack): assert stack['web'].port() and not stack.reused")
    assert "nothing of project shop runs" in suite.run("--stack-external", errors=1)
    suite.run("--stack-keep=always", "--stack-project=mine", passed=1)
    before, suite.engine.performed[:] = ids(suite), []
    assert "ready" not in suite.run("-s", "--stack-external", "--stack-project=mine", passed=1)
    assert suite.engine.performed == []
    assert ids(suite) == before


# Imports


def test_pytest_imports_the_modules_of_stackctl_as_they_are(pytester: pytest.Pytester) -> None:
    """Where it is installed from a wheel, pytest would rewrite their assertions, which takes seconds."""
    pytester.makeconftest(
        """
        def pytest_addoption(pluginmanager):
            pluginmanager.rewrite_hook._must_rewrite.update({"stackctl", "stackctl_other"})
        """
    )
    pytester.makepyfile(
        stackctl_other="",
        test_it="""
        from _pytest.assertion.rewrite import AssertionRewritingHook

        def test_it():
            import stackctl.testing.data.postgres, stackctl_other
            assert not isinstance(stackctl.testing.data.postgres.__loader__, AssertionRewritingHook)
            assert isinstance(stackctl_other.__loader__, AssertionRewritingHook)
        """,
    )
    pytester.runpytest_subprocess("-p", "no:cacheprovider", "-p", "no:hypothesispytest").assert_outcomes(
        passed=1
    )

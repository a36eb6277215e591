"""The pytest plugin: stacks as fixtures. All workers share a stack; it is always removed at the end; a failed test shows its state.

pytest loads this module in every run. So it imports what it needs, apart from pytest, when a test asks for a stack.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from stackctl.errors import StackError
from stackctl.real import real_files, real_time
from stackctl.testing.plugin import exporting, hooks, raised, settings
from stackctl.testing.plugin.fixtures import (
    REACHING,
    RUN,
    refuse_a_part,
    stack,
    stack_config,
    stack_docker,
    stack_factory,
    stack_overrides,
    stack_reset,
    stack_services,
    stacks_here,
    stacks_of,
    use_where_needed,
)
from stackctl.testing.plugin.reaching import Reaching, stacks_known
from stackctl.testing.plugin.timeouts import pytest_timeout_cancel_timer, pytest_timeout_set_timer

if TYPE_CHECKING:
    from pluggy import Result

    from stackctl.testing.plugin.session import Given, Stacks

__all__ = [
    "pytest_timeout_cancel_timer",
    "pytest_timeout_set_timer",
    "stack",
    "stack_config",
    "stack_docker",
    "stack_factory",
    "stack_overrides",
    "stack_reset",
    "stack_services",
]

_BEGAN = pytest.StashKey[float]()
_FAILED = pytest.StashKey[bool]()

_MARKERS = (
    "stack(services=[…], profiles=[…]): the part of the stack that the test needs; a part that no test needs is not started",
    "stack_reset(SERVICE, …): put the data of these services back before the test",
    "stack_isolated: give the test its own stack",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    settings.add_options(parser)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    pluginmanager.add_hookspecs(hooks)


@pytest.hookimpl(hookwrapper=True, tryfirst=True)  # before pytest-django, which imports settings in this hook
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None]:
    """Set variables with the addresses of the stack before anything of the project is imported."""
    _leave_as_written(early_config)
    with _errors_of_usage():
        exporting.export(early_config, settings.read(early_config))
    yield


def pytest_configure(config: pytest.Config) -> None:
    _leave_as_written(config)
    config.stash[REACHING] = Reaching(refuse_a_part)
    for marker in _MARKERS:
        config.addinivalue_line("markers", marker)
    with _errors_of_usage():
        settings.read(config)


@contextmanager
def _errors_of_usage() -> Iterator[None]:
    try:
        yield
    except StackError as error:
        from stackctl.show.error_text import error_report

        raise pytest.UsageError(error_report(error)) from error


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config, specs: Sequence[object]) -> None:
    """Let workers know what was exported."""
    wanted = settings.read(config)
    if wanted.xdist == "per-worker" and wanted.ports == "file" and len(specs) > 1:
        raise pytest.UsageError(
            "stack_ports = file gives the stack of every worker the same ports: use stack_xdist = shared, or -n 1"
        )
    exporting.pass_on(config)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Let an xdist worker take part in the controller's run."""
    node.workerinput[RUN] = stacks_of(node.config).run.pack()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Start the stack for tests that need it without the fixture. For a test marked `stack_reset`, put the data back before its
    other fixtures run, since these may add data.
    """
    use_where_needed(items, settings.read(config))
    for item in items:
        if isinstance(item, pytest.Function) and item.get_closest_marker("stack_reset"):
            needed = ["stack_reset", *(stacks_known(item) or ["stack"])]
            item.fixturenames[:0] = [name for name in needed if name not in item.fixturenames]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> None:
    item.stash[_BEGAN] = real_time()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    item.config.stash[REACHING].begin(item)


@pytest.hookimpl(hookwrapper=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
) -> Generator[None, Any, None]:
    with request.config.stash[REACHING].set_up(fixturedef, request):
        yield


def pytest_fixture_post_finalizer(fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest) -> None:
    request.config.stash[REACHING].ended(fixturedef)


@pytest.hookimpl(hookwrapper=True)  # pytest 7 does not know `wrapper`
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, Result[pytest.TestReport], None]:
    stacks = stacks_here(item.config)
    if call.excinfo:
        with real_files():
            call.excinfo = raised.shown(call.excinfo, item.nodeid, stacks)
    outcome = yield
    if stacks:
        _explain(item, outcome.get_result(), stacks)


@pytest.hookimpl(trylast=True)  # after the last fixtures have ended
def pytest_sessionfinish(session: pytest.Session) -> None:
    session.config.stash[_FAILED] = session.testsfailed > 0
    if hasattr(session.config, "workerinput") and (stacks := stacks_here(session.config)):
        stacks.finish_worker()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say which stacks stay on the engine, where they can be reached, how to look at them, and how to remove them."""
    stacks = stacks_here(config)
    if stacks is None:
        return
    for project in sorted(stacks.staying(failed=config.stash.get(_FAILED, False))):
        terminalreporter.write_line(f"stack kept: {project}")
        for line in stacks.endpoints(project):
            terminalreporter.write_line(f"  {line}")
        terminalreporter.write_line(f"  look at it:  stackctl -p {project} ps, logs, exec SERVICE sh")
        terminalreporter.write_line(f"  remove it:   stackctl -p {project} down --volumes")


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """End a worker or the run. A worker leaves what others still use; the end of the run removes everything. A forked child ends
    only what it has started itself.
    """
    stacks = stacks_here(config)
    if stacks is None:
        return
    try:
        if not hasattr(config, "workerinput"):
            stacks.finish(failed=config.stash.get(_FAILED, False))
    except StackError as error:
        from stackctl.show.error_text import error_report

        _say(
            config,
            f"stackctl: not all could be removed (the reaper tries again in the background): {error_report(error)}",
        )
    finally:
        stacks.leave()


def _leave_as_written(config: pytest.Config) -> None:
    """Let pytest import the modules of stackctl without rewriting their assertions.

    pytest rewrites all modules of a plugin's distribution. No module of stackctl is a test. To rewrite them takes seconds if
    Python cannot store byte code (PYTHONDONTWRITEBYTECODE, a directory of another user).
    """
    hook = getattr(config.pluginmanager, "rewrite_hook", None)
    marked: set[str] = getattr(
        hook, "_must_rewrite", set()
    )  # pytest has no public opposite of mark_rewrite()
    marked.difference_update([name for name in marked if name.partition(".")[0] == __package__])
    getattr(hook, "_marked_for_rewrite_cache", {}).clear()


def _explain(item: pytest.Item, report: pytest.TestReport, stacks: Stacks) -> None:
    """Add to a report the state and the logs of the stacks that the test uses."""
    names = item.config.stash[REACHING].names(item)
    used = {given.app.project: given for name in sorted(names) for given in stacks.given.get(name, ())}
    if report.failed:
        used |= {given.app.project: given for given in stacks.unready}
        stacks.unready.clear()
    for given in used.values():
        wanted = given.settings
        if wanted.logs == "none" or not (report.failed or (wanted.logs == "all" and report.when == "call")):
            continue
        with real_files():
            _show(item, report, given)


def _show(item: pytest.Item, report: pytest.TestReport, given: Given) -> None:
    app, wanted = given.app, given.settings
    since = max(item.stash.get(_BEGAN, 0.0), given.since)
    from stackctl.testing.plugin import report as reports

    report.sections += reports.sections(given, since, failed=report.failed)
    if wanted.logs_dir:
        directory = Path(item.config.rootpath, wanted.logs_dir, reports.file_name(item.nodeid))
        reports.write_logs(app, since, directory)
    if report.failed:
        item.config.hook.pytest_stack_failed(stack=app, report=report)


def _say(config: pytest.Config, text: str) -> None:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        reporter.write_line(text)

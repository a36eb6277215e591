"""Fixtures that give a test a stack or one of its services, and the functions that make more of them."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from stackctl.clock import real_time
from stackctl.engine.protocol import Engine
from stackctl.errors import StackError
from stackctl.real_files import real_files
from stackctl.spec.source.discovery import merge
from stackctl.testing.cleanup import Cleanup
from stackctl.testing.plugin.exported import EXPORTED
from stackctl.testing.plugin.settings import PluginSettings, read
from stackctl.testing.plugin.timeouts import at_least, not_counted

if TYPE_CHECKING:
    from stackctl.testing.plugin.session import Stacks
    from stackctl.testing.stack import Running, RunningService

STACKS = pytest.StashKey["Stacks"]()
"""The stacks of this process, once a test has asked for one."""
ISOLATED = "isolated"
"""The parameter of a stack that only one test uses."""
_GIVES_A_STACK = "gives_a_stack"
"""The attribute of the functions of fixtures that give a stack."""
RUN = "stackctl_run"
"""The key under which an xdist controller passes the run to its workers."""


def _lifetime(scope: str | None = None) -> Any:
    """The scope of a fixture: the given one, else the one in the settings."""

    def lifetime(*, config: pytest.Config, **_: object) -> str:
        return scope or read(config).scope

    return lifetime


def stack_fixture(
    *, scope: str | None = None, overrides: Mapping[str, Any] | None = None, **settings: Any
) -> Any:
    """A fixture that gives a running stack. `settings` are those of `PluginSettings`, and win over all others.

    other = stack_fixture(file=("other.toml",), services=("db",), scope="module")
    """

    def stack(
        request: pytest.FixtureRequest, stack_config: PluginSettings, stack_overrides: Mapping[str, Any]
    ) -> Iterator[Running]:
        """The stack, running and ready: `stack["api"].url("/health")`."""
        wanted = _changed(stack_config, settings)
        yield from _provide(request, wanted, merge((stack_overrides, overrides or {})))

    setattr(stack, _GIVES_A_STACK, True)
    return pytest.fixture(scope=_lifetime(scope))(stack)


def service_fixture(name: str, *, stack: str = "stack", scope: str | None = None) -> Any:
    """A fixture that gives one service of a stack. `stack` is the fixture of the stack; it must have the same or a wider scope."""

    @pytest.fixture(scope=_lifetime(scope))
    def service(request: pytest.FixtureRequest) -> RunningService:
        """A service of the running stack."""
        running: Running = request.getfixturevalue(stack)
        with working(request.config):
            return running[name]

    return service


stack = stack_fixture()


@pytest.fixture(scope="session")
def stack_config(pytestconfig: pytest.Config) -> PluginSettings:
    """The settings of the run's stacks. Override this fixture to change some: `dataclasses.replace(stack_config, memory=True)`."""
    return read(pytestconfig)


@pytest.fixture(scope="session")
def stack_overrides(pytestconfig: pytest.Config) -> Mapping[str, Any]:
    """Tables that are laid over the stack's file. Override this fixture to change the stack for tests."""
    given = pytestconfig.hook.pytest_stack_overrides(config=pytestconfig)
    return merge([each for each in given if each])


@pytest.fixture(scope="session")
def stack_factory(
    request: pytest.FixtureRequest, stack_config: PluginSettings, stack_overrides: Mapping[str, Any]
) -> Iterator[Callable[..., Running]]:
    """A function that starts further stacks: `stack_factory(services=["db"], overrides={…})`. They are removed at the end of the run."""
    with ExitStack() as cleanup:

        def make(*, overrides: Mapping[str, Any] | None = None, **settings: Any) -> Running:
            wanted = _changed(stack_config, {"ports": "free", **settings})
            given = merge((stack_overrides, overrides or {}))
            return cleanup.enter_context(_own(request, wanted, given))

        yield make


@pytest.fixture(scope=_lifetime())
def stack_services(stack: Running) -> Mapping[str, RunningService]:
    """The services of the stack, by name."""
    return stack


@pytest.fixture(scope="session")
def stack_docker(pytestconfig: pytest.Config, stack_config: PluginSettings) -> Engine:
    """The engine."""
    with starting(pytestconfig, stack_config):
        return stacks_of(pytestconfig).engine


@pytest.fixture
def stack_reset(request: pytest.FixtureRequest, stack: Running) -> Iterator[None]:
    """Put back the data of the services that the marker `stack_reset` names, for the one test that uses them now.

    Tests with the marker wait for each other, also those of other workers.
    """
    marks = list(request.node.iter_markers("stack_reset"))
    names = sorted({name for mark in marks for name in mark.args})
    with ExitStack() as cleanup:
        with working(request.config):
            for name in names:
                service = stack[name]
                if stack.run:
                    cleanup.enter_context(stack.run.locked(f"{stack.project}-{name}-reset"))
                service.reset()
        yield


def stacks_here(config: pytest.Config) -> Stacks | None:
    """The stacks of this process, if a test has asked for one. A forked child has none of its parent's."""
    stacks = config.stash.get(STACKS, None)
    return stacks if stacks and stacks.process == os.getpid() else None


def use_where_needed(items: Sequence[Any], settings: PluginSettings) -> None:
    """Let tests use the fixture `stack` that do not ask for it: all of them (the setting `autouse`), else those with the marker
    `stack` that use no fixture that gives a stack. It is set up before every other fixture.
    """
    for item in items:
        if hasattr(item, "fixturenames") and (settings.autouse or _is_marked_only(item)):
            item.fixturenames[:] = ["stack", *(name for name in item.fixturenames if name != "stack")]


def _is_marked_only(item: Any) -> bool:
    if not item.get_closest_marker("stack"):
        return False
    known = item._fixtureinfo.name2fixturedefs  # pytest has no public way
    return not any(hasattr(each.func, _GIVES_A_STACK) for found in known.values() for each in found)


def stacks_of(config: pytest.Config) -> Stacks:
    """The stacks of this process. The first call begins the run."""
    if stacks_here(config) is None:
        with real_files():
            config.stash[STACKS] = _begin(config)
    return config.stash[STACKS]


def _begin(config: pytest.Config) -> Stacks:
    from stackctl.testing.plugin.session import Stacks
    from stackctl.testing.runs.run import Run

    from_controller: dict[str, Any] = getattr(config, "workerinput", {})
    run = Run.unpack(from_controller[RUN]) if RUN in from_controller else Run.begin()
    workers = from_controller.get("workercount", 1)
    return Stacks(run, config.rootpath, from_controller.get("workerid", ""), workers)


@contextmanager
def starting(config: pytest.Config, settings: PluginSettings) -> Iterator[None]:
    """A stack is started within the block. The time does not count against the test, and the words of an error are told once.

    If no engine answers and the settings say so, the test is skipped.
    """
    with not_counted(config), real_files():
        try:
            yield
        except StackError as error:
            from stackctl.show.error_text import error_report
            from stackctl.testing.plugin.session import NoEngineError

            if settings.no_docker == "skip" and isinstance(error, NoEngineError):
                raise pytest.skip.Exception(error.message) from None
            words = error_report(error)
            failure = pytest.fail.Exception(words, pytrace=False)
            stacks_of(config).start_failed(failure, words)
            raise failure from None


@contextmanager
def working(config: pytest.Config) -> Iterator[None]:
    """Within the block stackctl works for a test. The time does not count against the test.

    A StackError ends the test with its words, without a traceback through stackctl.
    """
    with not_counted(config), real_files():
        try:
            yield
        except StackError as error:
            from stackctl.show.error_text import error_report

            raise pytest.fail.Exception(error_report(error), pytrace=False) from None


def _changed(settings: PluginSettings, given: Mapping[str, Any]) -> PluginSettings:
    """The settings of the run, changed for one fixture. The variables of the run refer to the services of the run's file."""
    return dataclasses.replace(settings, **{**({"env": ()} if "file" in given else {}), **given})


def _provide(
    request: pytest.FixtureRequest, settings: PluginSettings, overrides: Mapping[str, Any]
) -> Iterator[Running]:
    """The shared stack; for a narrower scope, or for a test marked `stack_isolated`, a new stack."""
    stacks = stacks_of(request.config)
    settings = _with_markers(request, settings)
    if request.scope != "session":
        if getattr(request, "param", None) == ISOLATED:
            settings = dataclasses.replace(settings, ports="free")
        with _own(request, settings, overrides) as app:
            yield app
        return
    with starting(request.config, settings):
        exported = request.config.stash.get(EXPORTED, None) if request.fixturename == "stack" else None
        given = stacks.share(settings, overrides, _ready(request, settings), exported)
    stacks.given[str(request.fixturename)] = [given]
    yield given.app


@contextmanager
def _own(
    request: pytest.FixtureRequest, settings: PluginSettings, overrides: Mapping[str, Any]
) -> Iterator[Running]:
    stacks = stacks_of(request.config)
    failed = request.session.testsfailed
    with starting(request.config, settings):
        given = stacks.own(settings, overrides, _ready(request, settings))
    in_use = stacks.given.setdefault(str(request.fixturename), [])
    in_use.append(given)

    def release() -> None:
        in_use.remove(given)
        keep = settings.keep == "failed" and request.session.testsfailed > failed
        with working(request.config):
            stacks.release(given.app, keep=keep or settings.keep == "always")

    with Cleanup() as cleanup:
        cleanup.callback(release)
        yield given.app


def _ready(request: pytest.FixtureRequest, settings: PluginSettings) -> Callable[[Running], None]:
    def ready(app: Running) -> None:
        began = real_time()
        try:
            with at_least(request.config, settings.timeout):
                request.config.hook.pytest_stack_ready(stack=app)
        except BaseException as error:
            stacks_of(request.config).hook_failed(error, app, settings, began)
            raise

    return ready


def _with_markers(request: pytest.FixtureRequest, settings: PluginSettings) -> PluginSettings:
    """The settings, with what the markers `stack` of all tests that use this stack ask for. A test without one needs all services."""
    items = [request.node] if isinstance(request.node, pytest.Item) else request.session.items
    users = [item for item in items if request.fixturename in getattr(item, "fixturenames", ())]
    if request.scope != "function":
        users = [item for item in users if not item.get_closest_marker("stack_isolated")]
    marks = [item.get_closest_marker("stack") for item in users]
    asked = [mark.kwargs for mark in marks if mark]
    profiles = {profile for each in asked for profile in each.get("profiles", ())}
    services: set[str] = set()
    if asked and len(asked) == len(marks) and all(each.get("services") for each in asked):
        services = {service for each in asked for service in each["services"]}
    return dataclasses.replace(
        settings,
        services=settings.services or tuple(sorted(services)),
        profiles=tuple(sorted({*settings.profiles, *profiles})),
    )

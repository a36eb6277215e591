"""Fixtures that give a test a stack or one of its services, and the functions that make more of them."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from inspect import Parameter, Signature
from typing import TYPE_CHECKING, Any

import pytest

from stackctl.engine.protocol import Engine
from stackctl.errors import StackError
from stackctl.real import real_files, real_time
from stackctl.spec.source.discovery import merge
from stackctl.testing.cleanup import Cleanup
from stackctl.testing.plugin.exported import EXPORTED
from stackctl.testing.plugin.reaching import (
    Reaching,
    gives_a_stack,
    is_isolated,
    names_known,
    stacks_known,
)
from stackctl.testing.plugin.settings import PluginSettings, read
from stackctl.testing.plugin.timeouts import at_least, not_counted

if TYPE_CHECKING:
    from stackctl.testing.plugin.session import Stacks
    from stackctl.testing.stack import Running, RunningService

STACKS = pytest.StashKey["Stacks"]()
"""The stacks of this process, once a test has asked for one."""
REACHING = pytest.StashKey[Reaching]()
"""How the tests of this process reach stacks."""
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

    @pytest.fixture(scope=_lifetime(scope))
    @gives_a_stack
    def stack(
        request: pytest.FixtureRequest, stack_config: PluginSettings, stack_overrides: Mapping[str, Any]
    ) -> Iterator[Running]:
        """The stack, running and ready: `stack["api"].url("/health")`."""
        wanted = _changed(stack_config, settings)
        yield from _provide(request, wanted, merge((stack_overrides, overrides or {})))

    return stack


def service_fixture(name: str, *, stack: str = "stack", scope: str | None = None) -> Any:
    """A fixture that gives one service of a stack. `stack` is the fixture of the stack; it must have the same or a wider scope."""

    def service(pytestconfig: pytest.Config, **given: Running) -> RunningService:
        """A service of the running stack."""
        with working(pytestconfig):
            return given[stack][name]

    # pytest reads here that this fixture needs the fixture of the stack.
    arguments = [Parameter(each, Parameter.KEYWORD_ONLY) for each in ("pytestconfig", stack)]
    service.__signature__ = Signature(arguments)  # type: ignore[attr-defined]
    return pytest.fixture(scope=_lifetime(scope))(service)


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
def stack_reset(request: pytest.FixtureRequest) -> Iterator[None]:
    """Put back the data of the services that the marker `stack_reset` names, for the one test that uses them now.

    Tests with the marker wait for each other, also those of other workers. A service is looked for in the stacks that the test
    reaches.
    """
    stacks: list[Running] = [
        request.getfixturevalue(each) for each in stacks_known(request.node) or ["stack"]
    ]
    marks = list(request.node.iter_markers("stack_reset"))
    names = sorted({name for mark in marks for name in mark.args})
    with ExitStack() as cleanup:
        with working(request.config):
            for name in names:
                stack = next((each for each in stacks if name in each), stacks[0])
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
        marked_only = item.get_closest_marker("stack") and not stacks_known(item)
        if hasattr(item, "fixturenames") and (settings.autouse or marked_only):
            item.fixturenames[:] = ["stack", *(name for name in item.fixturenames if name != "stack")]


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
    wanted = _with_markers(request, settings)
    isolated = is_isolated(request.config.stash[REACHING].item)
    if isolated or request.scope != "session":
        if isolated:
            wanted = dataclasses.replace(wanted, ports="free")
        with _own(request, wanted, overrides) as app:
            yield app
        return
    with starting(request.config, wanted):
        exported = request.config.stash.get(EXPORTED, None) if request.fixturename == "stack" else None
        given = stacks.share(wanted, overrides, _ready(request, wanted), exported)
    part = wanted.services != settings.services
    with stacks.in_use(str(request.fixturename), given._replace(part=part)):
        yield given.app


@contextmanager
def _own(
    request: pytest.FixtureRequest, settings: PluginSettings, overrides: Mapping[str, Any]
) -> Iterator[Running]:
    stacks = stacks_of(request.config)
    failed = request.session.testsfailed
    with starting(request.config, settings):
        given = stacks.own(settings, overrides, _ready(request, settings))

    def release() -> None:
        keep = settings.keep == "failed" and request.session.testsfailed > failed
        with working(request.config):
            stacks.release(given.app, keep=keep or settings.keep == "always")

    with Cleanup() as cleanup:
        cleanup.callback(release)
        with stacks.in_use(str(request.fixturename), given):
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
    marks = [item.get_closest_marker("stack") for item in _users(request)]
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


def _users(request: pytest.FixtureRequest) -> list[pytest.Item]:
    """The tests that use this stack: the one that asks, and all that need its fixture or a fixture that asks for it now."""
    reaching = request.config.stash[REACHING]
    asking = [reaching.item] if reaching.item else []
    if request.scope == "function" or is_isolated(reaching.item):
        return asking
    askers = {str(request.fixturename), *reaching.being_set_up}
    others = [item for item in request.session.items if not is_isolated(item)]
    return asking + [item for item in others if askers.intersection(names_known(item))]


def refuse_a_part(item: pytest.Item, reached: set[str]) -> None:
    """Fail a test that needs a whole stack, if only a part was started because nobody could know of the test before it asked.

    `reached` are the names of the fixtures that the test has asked for.
    """
    stacks = stacks_here(item.config)
    if stacks is None or item.get_closest_marker("stack"):
        return
    parts = [given.app for name in sorted(reached) for given in stacks.given.get(name, ()) if given.part]
    for app in parts:
        with working(item.config):
            there = app.containers()
        missing = [
            name for name, spec in app.stack.everything.items() if not (spec.profiles or name in there)
        ]
        if missing:
            raise pytest.fail.Exception(
                f"{item.name} needs the whole stack, but only {', '.join(sorted(there))} was started, as the markers of"
                f" other tests say: the test asks for the stack only while it runs, so nobody could know that it needs"
                f" {', '.join(missing)}. Say it: @pytest.mark.stack(services=[…]) for a part,"
                ' @pytest.mark.usefixtures("stack") for the whole stack',
                pytrace=False,
            )

"""The stacks of a test run. The first process that needs a shared stack starts it for all; the end of the run removes it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from stackctl.engine.protocol import Engine
from stackctl.errors import EngineError, StackError
from stackctl.real import real_time
from stackctl.testing.plugin.settings import PluginSettings
from stackctl.testing.runs.run import Run

if TYPE_CHECKING:
    from stackctl.testing.plugin.exported import ExportedAddresses
    from stackctl.testing.runs.lease import Ready
    from stackctl.testing.stack import Running


class Given(NamedTuple):
    """A stack that tests use now."""

    app: Running
    settings: PluginSettings
    since: float
    """When the stack was ready, in seconds since the epoch on this machine's clock. Log lines before that belong to no test."""
    workers: int = 1
    """How many workers use the stack at the same time."""
    part: bool = False
    """Whether only what the markers of tests ask for was started."""


class NoEngineError(StackError):
    """There is no engine to start anything on."""


class Stacks:
    """The stacks of one process of a test run; `worker` is its name among `workers`, "" for a process alone."""

    def __init__(self, run: Run, directory: Path, worker: str = "", workers: int = 1) -> None:
        self.run = run
        self.process = os.getpid()
        self._directory = directory
        self._worker = worker
        self._workers = workers
        self._shared: dict[str, Running] = {}
        self._open: list[Running] = []
        self._alone: list[Running] = []
        """The stacks that this worker does not share, and that live as long as the run."""
        self.given: dict[str, list[Given]] = {}
        """The stacks that tests of this process use now, by the fixture that gave them."""
        self.unready: list[Given] = []
        """The stacks for which `pytest_stack_ready` has failed, until a report shows them; `since` is when the hook began."""
        self._start_failures: dict[int, tuple[BaseException, str]] = {}
        self._hook_failures: dict[int, tuple[BaseException, list[str]]] = {}

    @cached_property
    def engine(self) -> Engine:
        """The engine. Raises NoEngineError if none answers."""
        from stackctl import api

        try:
            return api.connect()
        except EngineError as error:
            skip = "--stack-no-docker=skip skips the tests that need an engine"
            raise NoEngineError(error.message, f"{error.hint}; {skip}") from error

    def share(
        self,
        settings: PluginSettings,
        overrides: Mapping[str, Any],
        ready: Ready,
        exported: ExportedAddresses | None = None,
    ) -> Given:
        """The stack of the whole run, or of this worker if the settings say so. It stays until the end of the run. `exported`: the
        variables that must lead to it.

        Raises StackError. After a failed start each process that asks gets a StartError at once.
        """
        self.run.join()
        alone = self._worker if settings.xdist == "per-worker" else ""
        # The start of the stack needs the processors: the other processes do not even load the modules meanwhile.
        with nullcontext() if alone else self.run.one_first("start"):
            from stackctl.testing.plugin.starting import Wanted, external, shared

            ports = exported.host_ports if exported else None
            wanted = Wanted.by(settings, self._directory, overrides, ready, alone, ports)
            if wanted.key not in self._shared:
                start = external if settings.external else shared
                app = start(wanted, self.run, self.engine)
                self._shared[wanted.key] = app
                self._open.append(app)
                if alone:
                    self._alone.append(app)
            if exported:
                exported.check(self._shared[wanted.key])
            return Given(
                self._shared[wanted.key], settings, real_time(), workers=1 if alone else self._workers
            )

    def own(self, settings: PluginSettings, overrides: Mapping[str, Any], ready: Ready) -> Given:
        """A stack that nobody else has, until `release`. Raises StackError."""
        from stackctl.testing.plugin.starting import Wanted, own

        self.run.join()
        app = own(Wanted.by(settings, self._directory, overrides, ready), self.run, self.engine)
        self._open.append(app)
        return Given(app, settings, real_time())

    @contextmanager
    def in_use(self, fixture: str, given: Given) -> Iterator[None]:
        """Within the block, tests use a stack that a fixture has given."""
        here = self.given.setdefault(fixture, [])
        here.append(given)
        try:
            yield
        finally:
            here.remove(given)

    def release(self, app: Running, *, keep: bool = False) -> None:
        """Remove a stack that `own` has started, unless it must be kept."""
        from stackctl.testing.runs.running import remove

        app.close()
        self._open.remove(app)
        if keep:
            self.run.keep(app.project)
        else:
            remove(self.engine, app.project, app.stack)
            self.run.drop(app.project)

    def start_failed(self, error: BaseException, words: str) -> None:
        """Remember what is raised instead of an error of a start, with the words that say why."""
        self._start_failures[id(error)] = error, words

    def failed_start(self, error: BaseException, test: str) -> str | None:
        """The first test of the run to which these words were told, if a start has failed with this error."""
        _, words = self._start_failures.get(id(error), (None, ""))
        if not words:
            return None
        return self.run.first(f"told-{hashlib.sha256(words.encode()).hexdigest()[:16]}", test)

    def hook_failed(self, error: BaseException, app: Running, settings: PluginSettings, began: float) -> None:
        """Remember what `pytest_stack_ready` raised, and when it began (seconds, the real time)."""
        self.unready.append(Given(app, settings, began))
        if isinstance(error, Exception | pytest.fail.Exception):
            self._hook_failures[id(error)] = error, []

    def hook_failure(self, error: BaseException, test: str) -> str | None:
        """The first test that asked for this error, if `pytest_stack_ready` raised it."""
        _, tests = self._hook_failures.get(id(error), (None, None))
        if tests is None:
            return None
        tests.append(test)
        return tests[0]

    def leave(self) -> None:
        """Close the connections of this process. The stacks stay for the others."""
        for app in self._open:
            app.close()
        if "engine" in self.__dict__:
            self.engine.close()

    def finish_worker(self) -> None:
        """Remove the stacks that only this worker uses, while other workers still run tests. Those that may have to be kept, and
        those that cannot be removed now, are left to `finish`.
        """
        projects = self.run.projects
        for app in [app for app in self._alone if projects.get(app.project) == "never"]:
            with suppress(StackError):
                self.release(app)

    def staying(self, *, failed: bool) -> frozenset[str]:
        """The projects that stay when the run ends; `failed`: one of its tests did."""
        wanted = ("always", "failed") if failed else ("always",)
        return self.run.kept | {project for project, keep in self.run.projects.items() if keep in wanted}

    def endpoints(self, project: str) -> Sequence[str]:
        """Where the services of a project can be reached, one on each line, as `stackctl status` says it: without a login.

        Empty if the engine does not answer.
        """
        from stackctl import api
        from stackctl.show.tables import endpoints
        from stackctl.spec.model import Stack

        with suppress(StackError):
            return endpoints(api.status(Stack(project=project), self.engine)).splitlines()
        return ()

    def finish(self, *, failed: bool) -> None:
        """End the run: remove all projects that any of its processes started, except those that stay. Raises StackError."""
        from stackctl.testing.runs.running import remove

        staying = self.staying(failed=failed)
        for project in staying:
            self.run.keep(project)
        if going := sorted(self.run.projects.keys() - staying):
            engine = self.engine
            with ThreadPoolExecutor(len(going)) as threads:
                list(threads.map(lambda project: remove(engine, project), going))
        if not staying:
            self.run.forget()

"""The stacks of a test run. The process that needs a shared stack first starts it for all, and the end of the run takes it away."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import structs

from stackctl.errors import EngineError, StackError, UsageError
from stackctl.testing.runs.run import Run, replace_file

if TYPE_CHECKING:
    from stackctl.engine.protocol import Engine
    from stackctl.spec.model import Stack
    from stackctl.testing.plugin.fixtures import Given
    from stackctl.testing.plugin.settings import Settings
    from stackctl.testing.runs.lease import Lease, Ready
    from stackctl.testing.runs.lifecycle import Recipe
    from stackctl.testing.stack import Running


class StartError(StackError):
    """Nobody could start the stack: this process tried, or another one of the run. The message says why."""


class NoEngineError(StackError):
    """There is no engine to start anything on."""


@dataclass(frozen=True)
class Wanted:
    """A stack that a fixture asks for. `worker`: whose alone it is; "" for one that all workers share."""

    settings: Settings
    recipe: Recipe
    stack: Stack
    ready: Ready
    worker: str = ""

    @cached_property
    def key(self) -> str:
        """The same for the same stack, whichever process asks."""
        from stackctl.planner.world.desire import desire

        desired = desire(self.stack, instance="", profiles=("*",))
        recipe = self.recipe
        parts = [self.worker, sorted(recipe.services), sorted(recipe.profiles), recipe.memory, recipe.build]
        parts += [repr(image.build) for image in desired.images]
        for kind in (desired.containers, desired.networks, desired.volumes):
            parts += [each.digest for each in kind]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


class Stacks:
    """The stacks of one process of a test run; `worker` is its name among several, "" for a process alone."""

    def __init__(self, run: Run, directory: Path, worker: str = "") -> None:
        self.run = run
        self._directory = directory
        self._worker = worker
        self._shared: dict[str, Running] = {}
        self._open: list[Running] = []
        self.given: dict[str, list[Given]] = {}
        """The stacks that tests of this process use now, by the fixture that gave them."""
        self._hook_failures: dict[int, tuple[BaseException, list[str]]] = {}

    @cached_property
    def engine(self) -> Engine:
        """Raises NoEngineError if none answers."""
        from stackctl import api

        try:
            return api.connect()
        except EngineError as error:
            raise NoEngineError(error.message, error.hint) from error

    def share(self, settings: Settings, overrides: Mapping[str, Any], ready: Ready) -> Running:
        """The stack of the whole run, or of this worker if the settings say so. It stays until the end of the run.

        Raises StackError. After a failed start each process that asks gets a StartError at once.
        """
        self.run.join()
        alone = self._worker if settings.xdist == "per-worker" else ""
        # The start of the stack needs the processors: the other processes do not even load the modules meanwhile.
        with nullcontext() if alone else self.run.one_first("start"):
            wanted = self._wanted(settings, overrides, ready, alone)
            if wanted.key not in self._shared:
                app = self._external(wanted) if settings.external else self._together(wanted)
                self._shared[wanted.key] = app
                self._open.append(app)
            return self._shared[wanted.key]

    def own(self, settings: Settings, overrides: Mapping[str, Any], ready: Ready) -> Running:
        """A stack that nobody else has, until `release`. Raises StackError."""
        from stackctl.testing.runs.lease import Lease

        self.run.join()
        wanted = self._wanted(settings, overrides, ready)
        project = settings.project or f"{wanted.stack.project}-test-{self.run.id}"
        app = self._start(wanted, Lease(self.run, f"{project}-{secrets.token_hex(2)}", settings.keep))
        self._open.append(app)
        return app

    def release(self, app: Running, *, keep: bool = False) -> None:
        """Take an own stack away, unless it is to be kept."""
        from stackctl.testing.runs.lifecycle import remove

        app.close()
        self._open.remove(app)
        if keep:
            self.run.keep(app.project)
        else:
            remove(self.engine, app.project, app.stack)
            self.run.drop(app.project)

    def hook_failed(self, error: BaseException) -> None:
        """Remember what `pytest_stack_ready` raised."""
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

    def staying(self, *, failed: bool) -> frozenset[str]:
        """The projects that stay when the run ends; `failed`: one of its tests did."""
        wanted = ("always", "failed") if failed else ("always",)
        return self.run.kept | {project for project, keep in self.run.projects.items() if keep in wanted}

    def finish(self, *, failed: bool) -> None:
        """End the run: remove all projects that any of its processes started, except those that stay. Raises StackError."""
        from stackctl.testing.runs.lifecycle import remove

        staying = self.staying(failed=failed)
        for project in staying:
            self.run.keep(project)
        if going := sorted(self.run.projects.keys() - staying):
            engine = self.engine
            with ThreadPoolExecutor(len(going)) as threads:
                list(threads.map(lambda project: remove(engine, project), going))
        if not staying:
            self.run.forget()

    def _wanted(
        self, settings: Settings, overrides: Mapping[str, Any], ready: Ready, worker: str = ""
    ) -> Wanted:
        from stackctl.testing.runs.lifecycle import Recipe

        recipe = Recipe(
            files=self._files(settings),
            overrides=overrides,
            services=settings.services,
            profiles=settings.profiles,
            timeout=settings.timeout,
            build=settings.build,
            memory=settings.memory,
            allow_external_volumes=settings.allow_external_volumes,
            allow_data_binds=settings.allow_data_binds,
        )
        return Wanted(settings, recipe, recipe.load(), ready, worker)

    def _files(self, settings: Settings) -> tuple[Path, ...]:
        """The files that are set, relative to the ini file; else the stack.toml there or in tests/."""
        if settings.file:
            return tuple(self._directory / file for file in settings.file)
        usual = [self._directory / "stack.toml", self._directory / "tests" / "stack.toml"]
        found = next((path for path in usual if path.is_file()), None)
        if found is None:
            raise UsageError(
                f"there is neither {usual[0]} nor {usual[1]}",
                "name the file: --stack-file, or stack_file in the ini file",
            )
        return (found,)

    def _external(self, wanted: Wanted) -> Running:
        from stackctl import api
        from stackctl.testing.stack import Running

        project = wanted.settings.project or wanted.stack.project
        if not api.containers(self.engine, project):
            raise UsageError(
                f"nothing of project {project} runs", "stackctl up starts it; or leave out --stack-external"
            )
        stack = structs.replace(wanted.stack, project=project)
        return Running(stack=stack, engine=self.engine, timeout=wanted.settings.timeout)

    def _together(self, wanted: Wanted) -> Running:
        """Start the stack, or use it if another process of the run has started it. A lock of the run decides which."""
        from stackctl.show.errors import error_report
        from stackctl.testing.runs.lifecycle import attach

        file = self.run.directory / f"{wanted.key}.json"
        with self.run.locked(wanted.key):
            if file.exists():
                state = json.loads(file.read_text())
                if state["error"]:
                    raise StartError(state["error"])
                app = attach(
                    wanted.recipe, wanted.stack, self.engine, self.run, state["project"], state["marks"]
                )
                return dataclasses.replace(app, reused=state["reused"])
            try:
                app = self._start_shared(wanted)
            except BaseException as error:  # pytest.fail() in a hook, for one
                replace_file(file, json.dumps({"error": error_report(error)}))
                raise
            marks = dict(app.stack.marks)
            state = {"error": "", "project": app.project, "marks": marks, "reused": app.reused}
            replace_file(file, json.dumps(state))
            return app

    def _start_shared(self, wanted: Wanted) -> Running:
        """Start what all share: under the name that outlives runs if that is free, else under one of the run."""
        from stackctl.testing.runs.lease import LastingLease, Lease

        settings, project = wanted.settings, wanted.settings.project
        usual = f"{wanted.stack.project}-test"
        suffix = f"-{wanted.worker}" if wanted.worker else ""
        if settings.reuse:
            name = (project or f"{usual}-{_stable(self._directory)}") + suffix
            lasting = LastingLease(self.run, name, anew=settings.recreate)
            with lasting.taken() as taken:
                if taken:
                    return self._start(wanted, lasting)
        name = project if project and not settings.reuse else f"{project or usual}-{self.run.id}"
        used = self.run.projects
        numbers = ("", *(f"-{number}" for number in range(2, len(used) + 3)))
        names = (f"{name}{number}{suffix}" for number in numbers)
        return self._start(wanted, Lease(self.run, next(n for n in names if n not in used), settings.keep))

    def _start(self, wanted: Wanted, lease: Lease) -> Running:
        from stackctl.testing.runs.lifecycle import enter

        enter(self.run, self.engine)
        return lease.start(wanted.recipe, wanted.stack, self.engine, wanted.ready)


def _stable(directory: Path) -> str:
    """The same for the same directory and user."""
    return hashlib.sha256(f"{os.getuid()} {directory.resolve()}".encode()).hexdigest()[:8]

"""The stacks of a test run: started once for all who share them, by whichever process needs one first, and taken away at the end."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import json
import os
import secrets
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import structs

from stackctl.errors import EngineError, StackError, UsageError
from stackctl.testing.runs.run import Run

if TYPE_CHECKING:
    from stackctl.engine.protocol import Engine
    from stackctl.spec.model import Stack
    from stackctl.testing.plugin.fixtures import Given
    from stackctl.testing.plugin.settings import Settings
    from stackctl.testing.runs.lifecycle import Recipe
    from stackctl.testing.stack import Running

Ready = Callable[["Running"], None]
"""What is done with a stack before its first test."""


class StartError(StackError):
    """A stack could not be started, here or by another process of the run. The message is all there is to say."""


class NoEngineError(StackError):
    """There is no engine to start anything on."""


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
        """The stack of the whole run, or of this worker alone if that is set. It stays until the end of the run.

        Raises StackError; after a failed start everybody who asks gets the same StartError at once.
        """
        if settings.xdist == "per-worker":
            return self._share(settings, overrides, ready, self._worker)
        self.run.join()
        # Who starts the stack needs the processors: the others do not even load the modules meanwhile.
        with self.run.one_first("start"):
            return self._share(settings, overrides, ready)

    def _share(
        self, settings: Settings, overrides: Mapping[str, Any], ready: Ready, alone: str = ""
    ) -> Running:
        recipe, stack = self._load(settings, overrides)
        key = _digest(recipe, stack, alone)
        if key not in self._shared:
            if settings.external:
                self._shared[key] = self._external(settings, stack)
            else:
                self._enter()
                with self.run.locked(key):
                    self._shared[key] = self._shared_stack(key, settings, recipe, stack, alone, ready)
            self._open.append(self._shared[key])
        return self._shared[key]

    def own(self, settings: Settings, overrides: Mapping[str, Any], ready: Ready) -> Running:
        """A stack that nobody else has, until `release`. Raises StackError."""
        recipe, stack = self._load(settings, overrides)
        self._enter()
        project = settings.project or f"{stack.project}-test-{self.run.id}"
        app = self._start(settings, recipe, stack, f"{project}-{secrets.token_hex(2)}", ready)
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
        """Hang up. What was started stays for the others."""
        for app in self._open:
            app.close()
        if "engine" in self.__dict__:
            self.engine.close()

    def staying(self, *, failed: bool) -> frozenset[str]:
        """The projects that stay when the run ends; `failed`: one of its tests did."""
        wanted = ("always", "failed") if failed else ("always",)
        return self.run.kept | {project for project, keep in self.run.projects.items() if keep in wanted}

    def finish(self, *, failed: bool) -> None:
        """The end of the run: take away whatever was started for it, in any process, but what stays. Raises StackError."""
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

    def _enter(self) -> None:
        from stackctl.testing.runs.lifecycle import enter

        enter(self.run, self.engine)

    def _load(self, settings: Settings, overrides: Mapping[str, Any]) -> tuple[Recipe, Stack]:
        _import_all()
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
        return recipe, recipe.load()

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

    def _external(self, settings: Settings, stack: Stack) -> Running:
        from stackctl import api
        from stackctl.testing.stack import Running

        stack = structs.replace(stack, project=settings.project or stack.project)
        if not api.containers(self.engine, stack.project):
            raise UsageError(
                f"nothing of project {stack.project} runs",
                "stackctl up starts it; or leave out --stack-external",
            )
        return Running(stack=stack, engine=self.engine, timeout=settings.timeout)

    def _shared_stack(
        self, key: str, settings: Settings, recipe: Recipe, stack: Stack, alone: str, ready: Ready
    ) -> Running:
        """Start it, or take part in what another process has started. Nobody else decides this meanwhile."""
        from stackctl.testing.runs.lifecycle import attach

        state = self.run.directory / f"{key}.json"
        if state.exists():
            told = json.loads(state.read_text())
            if told["error"]:
                raise StartError(told["error"])
            app = attach(recipe, stack, self.engine, self.run, told["project"], told["marks"])
            return dataclasses.replace(app, reused=told["reused"])
        try:
            app = self._start_shared(settings, recipe, stack, alone, ready)
        except BaseException as error:  # pytest.fail() in a hook, for one
            _write(state, {"error": failure(error)})
            raise
        told = {"error": "", "project": app.project, "marks": dict(app.stack.marks), "reused": app.reused}
        _write(state, told)
        return app

    def _start_shared(
        self, settings: Settings, recipe: Recipe, stack: Stack, alone: str, ready: Ready
    ) -> Running:
        suffix = f"-{alone}" if alone else ""
        if settings.reuse:
            project = (settings.project or f"{stack.project}-test-{_stable(self._directory)}") + suffix
            with self.run.locked(f"../{project}"):
                if self._lease(project):
                    return self._start_lasting(settings, recipe, stack, project, ready)
        project = settings.project or f"{stack.project}-test"
        if settings.reuse or not settings.project:
            project += f"-{self.run.id}"
        taken = self.run.projects
        names = (
            f"{project}{number}{suffix}" for number in ("", *(f"-{n}" for n in range(2, len(taken) + 3)))
        )
        return self._start(settings, recipe, stack, next(n for n in names if n not in taken), ready)

    def _start(self, settings: Settings, recipe: Recipe, stack: Stack, project: str, ready: Ready) -> Running:
        """A project of this run. What of it was made when it fails goes with the run."""
        from stackctl.testing.runs.lifecycle import start

        self.run.note(project, settings.keep)
        if settings.keep == "always":
            self.run.keep(project)
        try:
            app = start(recipe, stack, self.engine, self.run, project, self.run.marks)
        except UsageError:  # it is somebody else's
            self.run.drop(project)
            raise
        ready(app)
        return app

    def _start_lasting(
        self, settings: Settings, recipe: Recipe, stack: Stack, project: str, ready: Ready
    ) -> Running:
        """A project that outlives the run: what is there of it stays, but for what is defined otherwise now."""
        from stackctl.testing.runs.lifecycle import LASTING, remove_lasting, start

        complete = self.run.directory.parent / f"{project}.ready"
        if settings.recreate or not complete.exists():
            remove_lasting(self.engine, project, stack)
        complete.unlink(missing_ok=True)
        app = start(recipe, stack, self.engine, self.run, project, LASTING)
        ready(app)
        complete.touch()
        return app

    def _lease(self, project: str) -> bool:
        """Whether this run may use a project that outlives runs: no other run that is alive does."""
        from stackctl.engine.owner import is_dead
        from stackctl.planner.runs.owner import unpack

        lease = self.run.directory.parent / f"{project}.json"
        holder = unpack(lease.read_text()) if lease.exists() else None
        free = holder is None or holder == self.run.owner or is_dead(holder)
        if free:
            _replace(lease, self.run.owner.pack())
        return free


def _import_all() -> None:
    """Import what starts a stack, as it is.

    pytest rewrites the assertions of every module of a plugin's distribution, which takes seconds where no byte code may be
    written (PYTHONDONTWRITEBYTECODE, a directory of somebody else). None of ours is a test's.
    """
    finders = list(sys.meta_path)
    sys.meta_path[:] = [each for each in finders if not type(each).__module__.startswith("_pytest.")]
    try:
        for name in ("testing.runs.lifecycle", "engine.docker.engine"):
            importlib.import_module(f"stackctl.{name}")
    finally:
        sys.meta_path[:] = finders


def failure(error: BaseException) -> str:
    """An error with all that was noted with it, as a person reads it."""
    from stackctl.errors import SpecError, WaitError

    lines = [f"{type(error).__name__}: {error}" if not isinstance(error, StackError) else error.message]
    if isinstance(error, SpecError):
        from stackctl.show.problems import problems_text

        lines = [problems_text(error.problems)]
    if isinstance(error, StackError) and error.hint:
        lines.append(f"  hint: {error.hint}")
    if isinstance(error, WaitError):
        if error.last_answer:
            lines.append(f"  last check: {error.last_answer}")
        lines += [f"  | {line}" for line in error.log_tail]
    return "\n".join(lines)


def _digest(recipe: Recipe, stack: Stack, alone: str) -> str:
    """The same for the same stack, whichever process asks."""
    from stackctl.planner.world.desire import desire

    isolated = recipe.isolated(stack, stack.project, {})
    desired = desire(isolated, instance="", profiles=("*",))
    digests = [each.digest for each in desired.containers]
    digests += [each.digest for each in desired.networks]
    digests += [each.digest for each in desired.volumes]
    text = json.dumps([alone, sorted(recipe.services), sorted(recipe.profiles), *digests])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _stable(directory: Path) -> str:
    """The same for the same directory and user."""
    return hashlib.sha256(f"{os.getuid()} {directory.resolve()}".encode()).hexdigest()[:8]


def _write(path: Path, content: Mapping[str, Any]) -> None:
    _replace(path, json.dumps(content))


def _replace(path: Path, text: str) -> None:
    """Write a file at once: who reads it never sees a part."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    fresh.write_text(text)
    fresh.replace(path)

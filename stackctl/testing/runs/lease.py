"""Which run may use the name of a project, and what becomes of the project when the run ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from stackctl.engine.files import replace_file
from stackctl.engine.processes import is_dead
from stackctl.engine.protocol import Engine
from stackctl.errors import UsageError
from stackctl.planner.runs.owner import unpack
from stackctl.spec.model import Stack
from stackctl.testing.runs.run import Run
from stackctl.testing.runs.running import LASTING, Recipe, RunRequest, remove_lasting, start
from stackctl.testing.stack import Running

Ready = Callable[[Running], None]
"""What is done with a stack before its first test."""


@dataclass(frozen=True)
class Lease:
    """A project that is removed when the run ends, unless it must be kept: `keep` is never, always or failed."""

    run: Run
    project: str
    keep: str = "never"

    @property
    def marks(self) -> Mapping[str, str]:
        """The labels of everything that is made for the project."""
        return self.run.marks

    def start(self, recipe: Recipe, stack: Stack, engine: Engine, ready: Ready) -> Running:
        """Bring the stack up as this project, and call `ready`. Raises StackError; what was made until then is removed when the run
        ends.
        """
        self.run.note(self.project, self.keep)
        if self.keep == "always":
            self.run.keep(self.project)
        try:
            app = start(RunRequest(recipe, stack, self.run, self.project, self.marks), engine)
        except UsageError:  # somebody else has this project
            self.run.drop(self.project)
            raise
        ready(app)
        return app


@dataclass(frozen=True)
class LastingLease(Lease):
    """A project that stays after the run: the next run uses it again. `fresh`: this run begins with a new one."""

    fresh: bool = False

    @property
    def marks(self) -> Mapping[str, str]:
        return LASTING

    @contextmanager
    def taken(self) -> Iterator[bool]:
        """Whether this run has the project, for as long as it lives: no other run that is alive has it."""
        with self.run.locked(f"../{self.project}"):
            file = self._file("json")
            holder = unpack(file.read_text()) if file.exists() else None
            free = holder is None or holder == self.run.owner or is_dead(holder)
            if free:
                replace_file(file, self.run.owner.pack())
            yield free

    def start(self, recipe: Recipe, stack: Stack, engine: Engine, ready: Ready) -> Running:
        """Bring up what is missing or has changed. If an earlier start did not finish, everything that it left is removed before."""
        complete = self._file("ready")
        if self.fresh or not complete.exists():
            remove_lasting(engine, self.project, stack)
        complete.unlink(missing_ok=True)
        app = start(RunRequest(recipe, stack, self.run, self.project, self.marks), engine)
        ready(app)
        complete.touch()
        return app

    def _file(self, kind: str) -> Path:
        """A file beside the directories of the runs."""
        return self.run.directory.parent / f"{self.project}.{kind}"

"""A test run: its owner, the directory that its processes share, and the reaper that cleans up after it.

A run lives as long as its owner, which is one process: pytest (with xdist the controller), or the program that has called
`running`. Everything that is made for the run carries its labels. However the owner ends, another process, the reaper, removes
what is left.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from stackctl.engine.lock import held, held_by_one, held_if_free, own_directory
from stackctl.engine.processes import is_dead, this_process
from stackctl.engine.protocol import Look
from stackctl.engine.transport.endpoint import Endpoint
from stackctl.errors import StackError
from stackctl.planner.runs.owner import Owner, unpack
from stackctl.planner.world import labels

_KEPT = "kept"
_PROJECTS = "projects"
_OWNER = "owner"
_MEMBERS = "member-"
_REAPERS = "reapers"
_STARTING = "starting-"
_guard = threading.Lock()


@dataclass(frozen=True)
class Run:
    """A run: its id and its owner. Every process that knows both can take part in the run."""

    id: str
    owner: Owner

    @classmethod
    def begin(cls) -> Run:
        """A new run of this process."""
        return cls(secrets.token_hex(4), this_process())

    def pack(self) -> str:
        return json.dumps([self.id, self.owner.pack()])

    @classmethod
    def unpack(cls, text: str) -> Run:
        """The inverse of `pack`. Raises ValueError."""
        run_id, packed = json.loads(text)
        owner = unpack(packed)
        if owner is None:
            raise ValueError(f"no run: {text!r}")
        return cls(run_id, owner)

    @property
    def marks(self) -> Mapping[str, str]:
        """The labels of everything that is made for the run."""
        return {labels.RUN: self.id, labels.OWNER: self.owner.pack()}

    @property
    def directory(self) -> Path:
        """The directory that the run's processes share. `join` makes it."""
        return _home() / self.id

    @property
    def started(self) -> bool:
        """Whether a process has joined the run, and the run's directory is still there."""
        return self.directory.is_dir()

    def join(self) -> None:
        """Take part, as the owner or as another process of the run. The reaper waits until all of them have ended."""
        own_directory(self.directory)
        (self.directory / _OWNER).write_text(self.owner.pack())
        me = this_process()
        if me != self.owner:
            (self.directory / f"{_MEMBERS}{me.pid}").write_text(me.pack())

    def guard(self, engine: Look) -> None:
        """Start a reaper for this engine, unless the run has one. At the end of the run it removes what is left on the engine."""
        endpoint: Endpoint | None = getattr(engine, "endpoint", None)
        if endpoint is not None:
            with self.locked("reaper"):
                self._call_reaper(endpoint)

    @contextmanager
    def locked(self, name: str) -> Iterator[None]:
        """Hold a lock among all processes and threads of the run."""
        with held(self.directory / f"{name}.lock"):
            yield

    @contextmanager
    def one_first(self, name: str) -> Iterator[None]:
        """Let the first process of the run do this alone. The others wait for it, and then do it at the same time."""
        with held_by_one(self.directory / f"{name}.lock"):
            yield

    def comes_first(self, name: str) -> bool:
        """Whether this is the first call with that name in the whole run."""
        caller = secrets.token_hex(4)
        return self.first(name, caller) == caller

    def first(self, name: str, value: str) -> str:
        """The value that the first call with that name in the whole run has given."""
        file = self.directory / name
        with self.locked(name):
            if not file.exists():
                file.write_text(value)
        return file.read_text()

    @contextmanager
    def starting(self) -> Iterator[None]:
        """Make something for the run. If the owner ends meanwhile, the reaper waits: what is made while it removes, it may not find.

        Raises StackError if the owner has ended, before or meanwhile.
        """
        mark = self.directory / f"{_STARTING}{secrets.token_hex(4)}"
        with held(mark):
            try:
                self._must_live()
                yield
                self._must_live()
            finally:
                mark.unlink(missing_ok=True)

    def _must_live(self) -> None:
        if is_dead(self.owner):
            raise StackError(f"the test run has ended: there is no process {self.owner.pid} any more")

    @property
    def starts(self) -> bool:
        """Whether a process that lives is `starting` something."""
        for mark in self.directory.glob(f"{_STARTING}*"):
            with held_if_free(mark) as free:
                if not free:
                    return True
        return False

    def note(self, project: str, keep: str) -> None:
        """Remember that a project was started for the run. `keep`: whether it stays, never, always or (failed) if a test failed."""
        own_directory(self.directory / _PROJECTS).joinpath(project).write_text(keep)

    def drop(self, project: str) -> None:
        """Remember that a project was removed."""
        (self.directory / _PROJECTS / project).unlink(missing_ok=True)

    @property
    def projects(self) -> dict[str, str]:
        """The projects that were started for the run and are not yet removed, with what `note` was told to keep."""
        return {path.name: path.read_text() for path in (self.directory / _PROJECTS).glob("*")}

    def keep(self, project: str) -> None:
        """Leave a project on the engine, even when a later run removes what dead runs have left."""
        own_directory(self.directory / _KEPT).joinpath(project).touch()

    @property
    def kept(self) -> frozenset[str]:
        return frozenset(path.name for path in (self.directory / _KEPT).glob("*"))

    @property
    def members(self) -> Collection[Owner]:
        """The other processes that take part and have not ended."""
        packed = (path.read_text() for path in self.directory.glob(f"{_MEMBERS}*"))
        found = (unpack(text) for text in packed)
        return [owner for owner in found if owner is not None and not is_dead(owner)]

    @property
    def hosts(self) -> frozenset[str]:
        """The engines for which the run has a reaper."""
        called = self.directory / _REAPERS
        return frozenset(called.read_text().split("\n")[:-1] if called.exists() else ())

    def forget(self) -> None:
        """Remove the run's directory."""
        shutil.rmtree(self.directory, ignore_errors=True)

    def _call_reaper(self, endpoint: Endpoint) -> None:
        if endpoint.host in self.hosts:
            return
        way = ["--context", endpoint.context] if endpoint.context else ["--host", endpoint.host]
        with (self.directory / "reaper.log").open("ab") as log:
            process = subprocess.Popen(
                # -P: a file in the directory of the tests must not hide a module of stackctl.
                [sys.executable, "-P", "-m", "stackctl.reaper", self.pack(), *way],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=_with_ourselves(os.environ),
                start_new_session=True,
            )
        process.returncode = 0  # the reaper lives longer than this process, which must not wait for it
        with (self.directory / _REAPERS).open("a") as called:
            called.write(f"{endpoint.host}\n")


def current() -> Run:
    """The run of this process, for stacks that are started outside pytest. A forked process has another run."""
    global _current  # noqa: PLW0603
    with _guard:
        if _current is None or _current.owner.pid != os.getpid():
            _current = Run.begin()
        return _current


_current: Run | None = None


def owners_here() -> dict[str, Owner | None]:
    """The runs that have a directory, and their owners."""
    return {path.parent.name: unpack(path.read_text()) for path in _home().glob(f"*/{_OWNER}")}


def _home() -> Path:
    """The directory of all runs of this user. It lies among the temporary files, because snapshots may be large."""
    return own_directory(Path(tempfile.gettempdir()) / f"stackctl-{os.getuid()}") / "runs"


def _with_ourselves(environ: Mapping[str, str]) -> dict[str, str]:
    """An environment in which a new interpreter finds this package, even if it is not installed."""
    root = Path(__file__).parents[3]
    if root.name in ("site-packages", "dist-packages"):
        return dict(environ)
    return {**environ, "PYTHONPATH": os.pathsep.join(filter(None, [environ.get("PYTHONPATH"), str(root)]))}

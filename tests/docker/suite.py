"""A small project with a stack and tests, run by a pytest of its own, as a user would run it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from scenario import ROOT, Project, servers

WEB = servers(web="healthcheck = { tcp = 80 }")
"""A service that answers on port 80."""


_WITHOUT = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest")
"""Plugins that cost more than what is tested here: at its end Hypothesis imports itself in every process."""
_NO_FAKES = ("-p", "no:fakefs", "-p", "no:socket")
"""Plugins that put something in the place of files and sockets. Only `Suite.run(fakes=True)` loads them: they cost time, too."""


@dataclass(frozen=True)
class Outcome:
    code: int
    output: str
    counts: Mapping[str, int]
    """`{"passed": 3, "failed": 1}`, as pytest sums it up."""


@dataclass
class Suite:
    """What pytest is run on. The stack's name is the project's, so that all that is made can be told by its name."""

    project: Project
    pytester: pytest.Pytester
    env: dict[str, str] = field(default_factory=dict)
    """More environment for every run."""
    pids: list[int] = field(default_factory=list)
    """Of the runs that were begun."""

    def stack(self, text: str = WEB) -> None:
        self.project.write(f'name = "{self.project.name}"\n{text}')

    def write(self, file: str, text: str) -> Path:
        return self.project.write(textwrap.dedent(text), file)

    def run(self, *arguments: str, code: int | None = 0, fakes: bool = False, **counts: int) -> Outcome:
        """Run `pytest ARGUMENTS`, and check its exit code (None: any) and counts."""
        without = [*_WITHOUT, *(() if fakes else _NO_FAKES)]
        with self._environment():
            result = self.pytester.runpytest_subprocess(*without, *arguments, timeout=120)
        output = f"{result.stdout}\n{result.stderr}"
        counted: Mapping[str, int] = {}
        with suppress(ValueError):  # a run that died sums nothing up
            counted = result.parseoutcomes()
        outcome = Outcome(int(result.ret), output, counted)
        assert code is None or outcome.code == code, output
        assert not counts or {what: outcome.counts.get(what, 0) for what in counts} == counts, output
        return outcome

    @contextmanager
    def begun(self, *arguments: str, file: str = "begun") -> Iterator[subprocess.Popen[bytes]]:
        """A run, in a process group of its own, in which a test has come to write this file."""
        (self.project.directory / file).unlink(missing_ok=True)
        command = [sys.executable, "-m", "pytest", *_WITHOUT, *_NO_FAKES, *arguments]
        with self._environment():
            process = self.pytester.popen(
                command, stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT, start_new_session=True
            )
        self.pids.append(process.pid)
        try:
            deadline = time.monotonic() + 60
            while not (self.project.directory / file).exists():
                assert process.poll() is None, process.communicate()[0].decode()
                assert time.monotonic() < deadline
                time.sleep(0.02)
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()

    def told(self, file: str) -> list[str]:
        """The lines that tests wrote to a file."""
        path = self.project.directory / file
        return path.read_text().splitlines() if path.exists() else []

    def left(self) -> list[str]:
        """Every container, network and volume that is there by its name or label."""
        return sorted(name for names in self.project.resources().values() for name in names)

    def reapers(self, pid: int) -> list[int]:
        """The processes that wait for the end of a run."""
        pattern = rf"stackctl\.reaper .*pid.{{1,2}}:{pid},"
        told = subprocess.run(["pgrep", "-f", "--", pattern], capture_output=True, text=True, check=False)
        return [int(word) for word in told.stdout.split()]

    def alive(self, pid: int) -> bool:
        """Whether a run that was begun has a process, or a reaper that waits for its end."""
        told = subprocess.run(["pgrep", "--pgroup", str(pid)], capture_output=True, text=True, check=False)
        return bool(told.stdout.split() or self.reapers(pid))

    @contextmanager
    def _environment(self) -> Iterator[None]:
        """What a run gets, and nothing that is meant for the tests that are running here."""
        with pytest.MonkeyPatch.context() as patch:
            for name in os.environ:
                if name.startswith(("STACKCTL_", "PYTEST_", "CI", "PYTHONDONTWRITEBYTECODE")):
                    patch.delenv(name)
            patch.setenv("PYTHONPATH", str(ROOT))
            for name, value in self.env.items():
                patch.setenv(name, value)
            yield

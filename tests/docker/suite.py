"""A small project with a stack and tests, run by a pytest of its own, as a user would run it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from scenario import ROOT, Project, servers

WEB = servers(web="healthcheck = { tcp = 80 }")
"""A service that answers on port 80."""


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
    env: dict[str, str] = field(default_factory=dict)
    pids: list[int] = field(default_factory=list)
    """Of the runs that were begun."""

    def stack(self, text: str = WEB) -> None:
        self.project.write(f'name = "{self.project.name}"\n{text}')

    def write(self, file: str, text: str) -> Path:
        return self.project.write(textwrap.dedent(text), file)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Begin `pytest ARGUMENTS` in a process group of its own, and return while it runs."""
        (self.project.directory / "pytest.ini").touch()
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("STACKCTL_", "PYTEST_", "CI"))}
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
        process = subprocess.Popen(
            command,
            cwd=self.project.directory,
            env={**kept, "PYTHONPATH": str(ROOT), **self.env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.pids.append(process.pid)
        return process

    def run(self, *arguments: str, code: int | None = 0, **counts: int) -> Outcome:
        """Run `pytest ARGUMENTS`, and check its exit code (None: any) and counts."""
        with self.start(*arguments) as process:
            output, _ = process.communicate(timeout=120)
        summed_up = re.findall(r"(\d+) (\w+?)s?(?=,| in )", output.rpartition("\n=")[2])
        found = {what: int(number) for number, what in summed_up}
        outcome = Outcome(process.returncode, output, found)
        assert code is None or process.returncode == code, output
        assert not counts or {what: found.get(what, 0) for what in counts} == counts, output
        return outcome

    @contextmanager
    def begun(self, *arguments: str, file: str = "begun") -> Iterator[subprocess.Popen[str]]:
        """A run in which a test has come to write this file."""
        (self.project.directory / file).unlink(missing_ok=True)
        process = self.start(*arguments)
        try:
            deadline = time.monotonic() + 60
            while not (self.project.directory / file).exists():
                assert process.poll() is None, process.communicate()[0]
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

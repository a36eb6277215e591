"""The two tools that are compared, and a project of one of them that leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import tomli_w
import yaml
from stacks import Stack

ROOT = Path(__file__).resolve().parent.parent
STACKCTL = ROOT / ".venv/bin/stackctl"

ENVIRON = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""Python keeps what it has compiled, as it does for everybody who installs a package."""

_PATIENCE = 600
"""Seconds after which a command is given up."""
_TRIES = 5
_LINES = 8
"""Of what a failed command said."""


class FailedError(Exception):
    """A measured command failed: this round has no figure."""


Call = tuple[Sequence[str], Mapping[str, str]]
"""A command and its variables."""


@dataclass(frozen=True)
class Took:
    """What a process took: seconds on the clock, seconds of the processors, its own and the system's for it, and MiB of memory at most."""

    wall: float
    cpu: float
    memory: float


@dataclass(frozen=True)
class Tool:
    """How to call a tool, and what it calls the same things. `again` is an `up` that has nothing to do."""

    name: str
    command: tuple[str, ...]
    file: str
    up: tuple[str, ...]
    again: tuple[str, ...]
    status: tuple[str, ...]
    complete: Callable[[Sequence[str]], Call]
    """How a shell asks for what may follow these words."""
    environ: Mapping[str, str] = field(default_factory=dict)
    python: Path | None = None
    """The interpreter that it runs on, if it does."""


def stackctl() -> Tool:
    """The checkout that this file lies in, installed as a user installs it."""
    directory = Path(output(str(ROOT / "bench/install_stackctl.sh")))
    return Tool(
        "stackctl",
        (str(directory / "bin/stackctl"),),
        "stack.toml",
        up=("up",),
        again=("up",),
        status=("status",),
        complete=lambda words: (
            [str(directory / "bin/stackctl")],
            {
                "_STACKCTL_COMPLETE": "bash_complete",
                "COMP_WORDS": " ".join(["stackctl", *words, ""]),
                "COMP_CWORD": str(len(words) + 1),
            },
        ),
        python=directory / "bin/python",
    )


def compose() -> Tool:
    """Compose as users type it, at the version of the lock file."""
    config = output(str(ROOT / "bench/install_compose.sh"))
    return Tool(
        "compose",
        ("docker", "compose"),
        "compose.yaml",
        up=("up", "-d", "--wait"),
        again=("up", "-d"),
        status=("ps",),
        complete=lambda words: (["docker", "__completeNoDesc", "compose", *words, ""], {}),
        environ={"DOCKER_CONFIG": config},
    )


@dataclass
class Project:
    """A stack under a name of its own, in a directory of its own."""

    tool: Tool
    name: str
    directory: Path
    port: int
    volumes: set[str] = field(default_factory=set)

    def time(self, *arguments: str) -> Took:
        """What a command took from its start to its end. Raises FailedError if it fails."""
        took = self._run([*self.tool.command, *self._which, *arguments], {})
        self._remember_volumes()
        return took

    def time_completion(self, *words: str) -> Took:
        """What a shell waits for when TAB is pressed after these words. Raises FailedError if it fails."""
        return self._run(*self.tool.complete([*self._which, *words]))

    @property
    def _which(self) -> tuple[str, ...]:
        return "-f", str(self.directory / self.tool.file), "-p", self.name

    def _run(self, command: Sequence[str], environ: Mapping[str, str]) -> Took:
        with tempfile.TemporaryFile() as said:
            began = time.perf_counter()
            process = subprocess.Popen(
                command,
                env={**ENVIRON, **self.tool.environ, **environ},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=said,
            )
            # wait4 tells what this process alone used. It has no time limit: the alarm is one.
            signal.alarm(_PATIENCE)
            try:
                _, status, used = os.wait4(process.pid, 0)
            finally:
                signal.alarm(0)
            wall = time.perf_counter() - began
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                said.seek(0)
                lines = said.read().decode(errors="replace").strip().splitlines()[-_LINES:]
                shown = "\n    ".join(lines)
                raise FailedError(f"{' '.join(command)} ended in {process.returncode}:\n    {shown}")
        return Took(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)

    def clean(self) -> None:
        """Remove whatever is left of it, also after a failure half-way."""
        self._remember_volumes()
        mine = f"label=com.docker.compose.project={self.name}"  # both tools set it on containers
        remove("rm", "--force", "--volumes", names=output("docker", "ps", "-aq", "--filter", mine).split())
        for kind in ("network", "volume"):
            named = output("docker", kind, "ls", "-q", "--filter", f"name=^{self.name}_").split()
            remove(kind, "rm", names=named)
        known = set(output("docker", "volume", "ls", "-q").split())
        remove("volume", "rm", names=sorted(self.volumes & known))

    def _remember_volumes(self) -> None:
        """The anonymous ones have no name to find them by once their container is gone."""
        mine = f"label=com.docker.compose.project={self.name}"
        mounts = output("docker", "ps", "-a", "--no-trunc", "--filter", mine, "--format", "{{.Mounts}}")
        self.volumes.update(mounts.replace(",", " ").split())


@contextmanager
def project(tool: Tool, name: str, port: int, stack: Stack) -> Iterator[Project]:
    """A project that is not up yet and is gone afterwards, whatever happens."""
    with tempfile.TemporaryDirectory(prefix=f"{name}-") as directory:
        dump = tomli_w.dumps if tool.file.endswith(".toml") else yaml.safe_dump
        (Path(directory) / tool.file).write_text(dump(stack))
        made = Project(tool, name, Path(directory), port)
        try:
            yield made
        finally:
            made.clean()


def remove(*command: str, names: list[str]) -> None:
    """Remove what bears these names. An engine that still counts endpoints of a removed container is asked again for a while."""
    for _ in range(_TRIES if names else 0):
        done = subprocess.run(["docker", *command, *names], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return
        time.sleep(1)
    if names:
        print(f"left behind: {' '.join(names)}: {done.stderr.strip()}", file=sys.stderr)


def output(*command: str) -> str:
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()

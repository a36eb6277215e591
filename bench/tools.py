"""The two tools that are compared, and a project of one of them that leaves nothing behind."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
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

_PATIENCE = 300.0
"""Seconds after which a command is given up."""
_TRIES = 5
_LINES = 8
"""Of what a failed command said."""


class FailedError(Exception):
    """A measured command failed: this round has no figure."""


@dataclass(frozen=True)
class Tool:
    """How to call a tool, and what it calls the same things. `again` is an `up` that has nothing to do."""

    name: str
    command: tuple[str, ...]
    file: str
    up: tuple[str, ...]
    again: tuple[str, ...]
    status: tuple[str, ...]
    environ: Mapping[str, str] = field(default_factory=dict)


def stackctl() -> Tool:
    """The checkout that this file lies in, compiled as pip does it."""
    output(str(ROOT / ".venv/bin/python"), "-m", "compileall", "-q", str(ROOT / "stackctl"))
    return Tool("stackctl", (str(STACKCTL),), "stack.toml", ("up",), ("up",), ("status",))


def compose() -> Tool:
    """Compose 2.40.3, installed beside the system if it is not there yet."""
    config = output(str(ROOT / "bench/install_compose.sh"))
    return Tool(
        "compose",
        ("docker", "compose"),
        "compose.yaml",
        ("up", "-d", "--wait"),
        ("up", "-d"),
        ("ps",),
        {"DOCKER_CONFIG": config},
    )


@dataclass
class Project:
    """A stack under a name of its own, in a directory of its own."""

    tool: Tool
    name: str
    directory: Path
    port: int
    volumes: set[str] = field(default_factory=set)

    def time(self, *arguments: str) -> float:
        """Seconds of wall time from starting the command to its end. Raises FailedError if it fails."""
        command = [
            *self.tool.command,
            *("-f", str(self.directory / self.tool.file), "-p", self.name),
            *arguments,
        ]
        began = time.perf_counter()
        done = subprocess.run(
            command,
            check=False,
            env={**ENVIRON, **self.tool.environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            timeout=_PATIENCE,
        )
        seconds = time.perf_counter() - began
        if done.returncode:
            said = "\n    ".join(done.stderr.strip().splitlines()[-_LINES:])
            raise FailedError(
                f"{self.tool.name} {' '.join(arguments)} ended in {done.returncode}:\n    {said}"
            )
        self._remember_volumes()
        return seconds

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


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


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

"""Runs of pytest on the same stack and tests, with one of three tools; what they tell, and what they leave on the engine."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools import ENVIRON, ROOT, FailedError, compose, output, remove

SUITES = ROOT / "bench/suites"

_PATIENCE = 900.0
"""Seconds after which a run is given up."""
_LINES = 12
"""Of what a failed run said."""
_POLL = 0.3
_LISTS = {
    "container": ("ps", "-a", "--no-trunc", "--format", "{{.ID}}\t{{.Names}}\t{{.Labels}}\t{{.Mounts}}"),
    "network": ("network", "ls", "--no-trunc", "--format", "{{.ID}}\t{{.Name}}\t{{.Labels}}\t"),
    "volume": ("volume", "ls", "--format", "{{.Name}}\t{{.Name}}\t{{.Labels}}\t"),
}


@dataclass(frozen=True)
class Peer:
    """A tool, and what it calls the same things."""

    name: str
    suite: str
    off: tuple[str, ...]
    """The pytest plugins of the others, which its users do not have."""
    ways: tuple[str, ...]
    """How its users get fresh data for each test."""
    alone: tuple[str, ...] = ()
    """A stack of its own for each test; all suites are told by BENCH_SCOPE, too."""
    apart: tuple[str, ...] = ()
    """A stack of its own for each worker. The peers always have one."""
    memory: tuple[str, ...] = ()
    """Data in memory; all suites are told by BENCH_MEMORY, too."""
    environ: Mapping[str, str] = field(default_factory=dict)
    mark: Mapping[str, str] = field(default_factory=dict)
    """By what it tells (an event and its value): the label of what it makes."""


def peers() -> list[Peer]:
    by_hand = ("template", "truncate", "schema")
    return [
        Peer(
            "stackctl",
            "stackctl",
            off=("docker",),
            ways=("clone",),
            alone=("--stack-scope=function",),
            apart=("--stack-xdist=per-worker",),
            memory=("--stack-memory",),
        ),
        Peer(
            "pytest-docker",
            "pytest_docker",
            off=("stackctl",),
            ways=by_hand,
            alone=("--container-scope=function",),
            environ=compose().environ,
            mark={"project": "com.docker.compose.project"},
        ),
        Peer(
            "testcontainers",
            "testcontainers",
            off=("stackctl", "docker"),
            ways=by_hand,
            # Without an image registry there is no Ryuk. It asks twice a second instead of once: more often took longer.
            environ={
                "TESTCONTAINERS_RYUK_DISABLED": "true",
                "TC_POOLING_INTERVAL": "0.5",
                "TC_MAX_TRIES": "240",
            },
            mark={"session": "org.testcontainers.session-id"},
        ),
    ]


@dataclass(frozen=True)
class Ran:
    """A run of pytest that succeeded."""

    began: float
    """When, in seconds since the epoch."""
    seconds: float
    told: list[dict[str, Any]]
    said: str

    @property
    def tests(self) -> list[float]:
        """When the body of each test began, in seconds after the start of the run."""
        return sorted(line["time"] - self.began for line in self.told if line["event"] == "began")

    @property
    def each(self) -> float:
        """Seconds from the body of a test to that of the next."""
        return (self.tests[-1] - self.tests[0]) / (len(self.tests) - 1)


Thing = tuple[str, str]
"""A kind and an id."""


@dataclass
class Lab:
    """A directory with the tests of one tool, and all that their runs make on the engine."""

    peer: Peer
    python: Path
    directory: Path
    name: str
    """Of stackctl's stack: nothing else is called so."""
    told: list[dict[str, Any]] = field(default_factory=list)
    """By the run that is under way, or was the last. Process ids, and so names, come again."""
    volumes: set[str] = field(default_factory=set)
    """Of its containers. The anonymous ones have no name to find them by once their container is gone."""
    began: float = 0.0
    """When the last run did, in seconds since the epoch, as its tests tell theirs."""
    before: frozenset[Thing] = frozenset()
    """What was on the engine when it was made."""

    def run(self, test: str, *arguments: str, anew: bool = True, **environ: str) -> Ran:
        """Raises FailedError if it fails."""
        with self.start(test, *arguments, anew=anew, **environ) as process:
            try:
                code = process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                code = f"no end within {_PATIENCE:.0f} s"
            seconds = time.time() - self.began
        told = self.read_report()
        if code != 0:
            what = f"{self.peer.name} {test} {' '.join(arguments)} {environ}"
            raise FailedError(f"{what} ended with {code}:\n    {self.last_words()}")
        return Ran(self.began, seconds, told, self.said)

    @contextmanager
    def start(
        self, test: str, *arguments: str, anew: bool = True, **environ: str
    ) -> Iterator[subprocess.Popen[bytes]]:
        """A run that is gone with all of its processes at the end of the block, whatever state it is in.

        `anew`: what the one before has left is removed first.
        """
        if anew:
            self.clean()
        self._report.unlink(missing_ok=True)
        self.told, self.volumes = [], set()
        off = [word for name in self.peer.off for word in ("-p", f"no:{name}")]
        told = {"BENCH_REPORT": str(self._report), "BENCH_GO": str(self.go), "BENCH_NAME": self.name}
        with self._output.open("wb") as said:
            self.began = time.time()
            process = subprocess.Popen(
                [str(self.python), "-m", "pytest", test, *off, *arguments],
                cwd=self.directory,
                env={**ENVIRON, **self.peer.environ, **told, **environ},
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):  # of its own session: it and its workers
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    @property
    def go(self) -> Path:
        """Tests that wait go on when this file is there."""
        return self.directory / "go"

    @property
    def said(self) -> str:
        return self._output.read_text(errors="replace")

    def last_words(self) -> str:
        return "\n    ".join(self.said.strip().splitlines()[-_LINES:])

    def read_report(self) -> list[dict[str, Any]]:
        """What the last run has told until now."""
        with suppress(FileNotFoundError):
            self.told = [json.loads(line) for line in self._report.read_text().splitlines()]
        return self.told

    def there(self) -> set[Thing]:
        """What its runs have left, or have now."""
        found = set()
        for kind, thing, name, labels, mounts in things():
            if (kind, thing) in self.before:
                continue
            if self._is_ours(name, labels.split(",")) or (kind == "volume" and name in self.volumes):
                found.add((kind, thing))
                self.volumes.update(each for each in mounts.split(",") if each)
        return found

    def clean(self) -> None:
        """Remove whatever is left."""
        self.read_report()
        left = self.there()
        for kind, more in (("container", ["--force", "--volumes"]), ("network", []), ("volume", [])):
            known = {thing for each, thing, *_ in things() if each == kind}
            remove(kind, "rm", *more, names=sorted(t for k, t in left if k == kind and t in known))

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Learn meanwhile which volumes its containers have."""
        over = threading.Event()

        def watch() -> None:
            while not over.wait(_POLL):
                self.read_report()
                self.there()

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _is_ours(self, name: str, labels: list[str]) -> bool:
        if not self.peer.mark:
            return name.startswith(f"{self.name}-test-")
        return any(
            f"{self.peer.mark[line['event']]}={line['value']}" in labels
            for line in self.told
            if line["event"] in self.peer.mark
        )

    @property
    def _report(self) -> Path:
        return self.directory / "report"

    @property
    def _output(self) -> Path:
        return self.directory / "output"


@contextmanager
def lab(peer: Peer, python: Path) -> Iterator[Lab]:
    """With nothing of it left afterwards, here and on the engine."""
    with tempfile.TemporaryDirectory(prefix=f"bench-{peer.suite}-") as directory:
        for suite in ("common", peer.suite):
            shutil.copytree(SUITES / suite, directory, dirs_exist_ok=True)
        before = frozenset((kind, thing) for kind, thing, *_ in things())
        made = Lab(peer, python, Path(directory), f"bench-{secrets.token_hex(4)}", before=before)
        try:
            with suppress(FailedError):  # whatever it is, the first real run tells it
                made.run(".", "--collect-only")  # compiles the tests
            yield made
        finally:
            made.clean()


def things() -> Iterator[tuple[str, str, str, str, str]]:
    """Kind, id, name, labels and mounts of all that is on the engine."""
    for kind, command in _LISTS.items():
        for line in output("docker", *command).splitlines():
            thing, name, labels, mounts = f"{line}\t\t\t".split("\t")[:4]
            yield kind, thing, name, labels, mounts


def install() -> Path:
    """The Python that has all three tools, installed if it is not there yet."""
    directory = Path(output(str(ROOT / "bench/install_peers.sh")))
    subprocess.run([sys.executable, "-m", "compileall", "-q", str(ROOT / "stackctl")], check=True)
    return directory / "bin/python"

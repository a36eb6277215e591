"""What a test run leaves on the engine when it ends badly."""

from __future__ import annotations

import signal
import subprocess
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from runs import Lab

from tools import FailedError

KINDS = ("container", "network", "volume")
MODES = {"serial": 0, "-n 2": 2}

_UP = 180.0
"""Seconds within which the tests must begin."""
_END = 60.0
"""Seconds that a run has to end after it was told to."""
_GRACE = 1.0
"""Seconds between a signal and the end of the tests that wait."""
_AFTER = 15.0


@dataclass(frozen=True)
class Death:
    """How a run ends: by itself, by what its environment makes it do, or by a signal."""

    environ: Mapping[str, str] = field(default_factory=dict)
    signal: signal.Signals | None = None
    in_test: bool = True
    """Or before any test begins."""


DEATHS = {
    "os._exit in a test": Death({"BENCH_DEATH": "exit"}),
    "SIGINT": Death(signal=signal.SIGINT),
    "SIGTERM": Death(signal=signal.SIGTERM),
    "SIGKILL": Death(signal=signal.SIGKILL),
    "a service cannot start": Death({"BENCH_USER": "nobody-there"}, in_test=False),
    "migrations fail": Death({"BENCH_FAIL": "migrations"}, in_test=False),
}  # fmt: skip


def die(lab: Lab, death: Death, workers: int) -> str:
    """What is there 15 s after the end: containers + networks + volumes. Then it is removed."""
    lab.go.unlink(missing_ok=True)
    arguments = ["-n", str(workers)] if workers else []
    tests = workers or 1
    try:
        with (
            lab.watched(),
            lab.start("test_death.py", *arguments, BENCH_TESTS=str(tests), **death.environ) as process,
        ):
            if death.in_test:
                _await_tests(lab, process, tests)
            if death.signal:
                process.send_signal(death.signal)
                time.sleep(_GRACE)
            lab.go.touch()
            late = _late(process, _END if death.in_test else _UP)
            time.sleep(_AFTER)
            lab.read_report()
            left = Counter(kind for kind, _ in lab.there())
    finally:
        lab.clean()
    return (" + ".join(str(left[kind]) for kind in KINDS) if left else "0") + late


def _await_tests(lab: Lab, process: subprocess.Popen[bytes], tests: int) -> None:
    """Until all stacks are up, those of all workers. Raises FailedError."""
    deadline = time.monotonic() + _UP
    while sum(line["event"] == "began" for line in lab.read_report()) < tests:
        if process.poll() is not None or time.monotonic() > deadline:
            raise FailedError(f"{lab.peer.name}: not all tests began:\n    {lab.last_words()}")
        time.sleep(0.05)


def _late(process: subprocess.Popen[bytes], limit: float) -> str:
    try:
        process.wait(limit)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return " (killed: no end)"
    return ""

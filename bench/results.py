"""What was measured, and how it is shown."""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import statistics
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tools import Took, output

Figure = tuple[str, float | Took]
"""What was done, and what it took: seconds on the clock, or those of the processors as well."""


@dataclass
class Results:
    """Seconds by what was measured, tool and round; the load of the machine before each turn."""

    seconds: dict[str, dict[str, dict[int, list[float]]]] = field(default_factory=dict)
    cpu: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    """Seconds of the processors by what was measured and tool, where that is known."""
    memory: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    """MiB of memory at most, likewise."""
    loads: dict[str, list[float]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def add(self, what: str, tool: str, turn: int, seconds: float | Took, load: float) -> None:
        if isinstance(seconds, Took):
            self.cpu.setdefault(what, {}).setdefault(tool, []).append(seconds.cpu)
            self.memory.setdefault(what, {}).setdefault(tool, []).append(seconds.memory)
            seconds = seconds.wall
        self.seconds.setdefault(what, {}).setdefault(tool, {}).setdefault(turn, []).append(seconds)
        self.loads.setdefault(what, []).append(load)

    def all_of(self, what: str, tool: str) -> list[float]:
        return [seconds for turn in self.seconds[what].get(tool, {}).values() for seconds in turn]

    def cpu_of(self, what: str, tool: str) -> float:
        """The median of the seconds of the processors."""
        return statistics.median(self.cpu.get(what, {}).get(tool) or [0.0])

    def memory_of(self, what: str, tool: str) -> float:
        """The most MiB of memory."""
        return max(self.memory.get(what, {}).get(tool) or [0.0])

    def exponent(self, what: Mapping[int, str], tool: str) -> float | None:
        """How the time grows with the size: the slope of the line through the logarithms of both (least squares). 1: twice as much takes
        twice as long. `what` was measured, by size. None for fewer than two sizes.
        """
        known = {size: self.all_of(name, tool) for size, name in what.items() if name in self.seconds}
        medians = {size: statistics.median(found) for size, found in known.items() if found}
        if len(medians) < 2:
            return None
        logs = [*map(math.log, medians)], [*map(math.log, medians.values())]
        return statistics.linear_regression(*logs).slope

    def ratios(self, what: str, ours: str, theirs: str) -> list[float]:
        """One a round: the median of one tool to that of another, where both have one."""
        one, other = (self.seconds[what].get(tool, {}) for tool in (ours, theirs))
        both = one.keys() & other.keys()
        return [statistics.median(one[turn]) / statistics.median(other[turn]) for turn in sorted(both)]

    def load(self, what: str) -> str:
        return f"{min(self.loads[what]):.1f}–{max(self.loads[what]):.1f}"


_PYTHON = """
import platform, sysconfig, timeit
flags = " ".join(str(sysconfig.get_config_var(name)) for name in ("CONFIG_ARGS", "PY_CFLAGS", "PY_CORE_CFLAGS"))
told = [f for f in ("--enable-optimizations", "--with-lto", "-O0", "-O1", "-O2", "-O3", "-fprofile-use", "-flto") if f in flags]
loop = min(timeit.repeat("for i in range(1000): d[i % 7] = str(i)", "d = {}", repeat=20, number=100)) * 10
print(f"{platform.python_version()}, built with {' '.join(told)}; a loop of 1,000 rounds takes {loop:.3f} ms")
"""
"""Prints the version of an interpreter, how it was optimised as far as its build tells, and how fast that made it."""


def spread(values: list[float], digits: int) -> str:
    """Median (least–most)."""
    if not values:
        return "–"
    low, middle, high = (f"{f(values):.{digits}f}" for f in (min, statistics.median, max))
    return f"{middle} ({low}–{high})"


def machine(python: Path) -> dict[str, str]:
    """What the figures hold for, besides the tools. `python` is the interpreter that stackctl runs on."""
    return {
        "engine": output("docker", "version", "--format", "{{.Server.Version}}"),
        "python": output(str(python), "-c", _PYTHON),
        "system": platform.platform(),
        "cores": str(os.cpu_count()),
    }


def command_line(doc: str | None, rows: Collection[str], rounds: str) -> argparse.Namespace:
    arguments = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument(
        "--only", action="append", choices=list(rows), metavar="ROW", help=", ".join(rows) + "; repeatable"
    )
    arguments.add_argument("--rounds", type=int, help=rounds)
    arguments.add_argument("--json", metavar="FILE", help="every single figure")
    return arguments.parse_args()


def publish(results: Results, about: Mapping[str, str], tables: Collection[str], file: str | None) -> None:
    """Print what was measured; with `file` also write every single figure there."""
    print("\n".join(f"{name}: {value}" for name, value in about.items()))
    for table in tables:
        print(f"\n{table}")
    if results.failures:
        print("\nfailed, and not in the figures:", *sorted(results.failures), sep="\n  ")
    if file:
        figures = {"about": about, **vars(results)}
        Path(file).write_text(json.dumps(figures, indent=1), encoding="utf-8")

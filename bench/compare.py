"""Measure stackctl beside Docker Compose: same engine, same machine, turn by turn.

    make bench                                     every row
    .venv/bin/python bench/compare.py --only idle --rounds 2
    .venv/bin/python bench/compare.py --json figures.json

Wall time of whole processes, in seconds. In each round both tools do the same; the ratio is taken within the round, so that
whatever else the machine does falls on both.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import secrets
import signal
import statistics
import sys
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import stacks
from tabulate import tabulate

from tools import ROOT, STACKCTL, FailedError, Project, Tool, compose, free_port, output, project, stackctl

REPEATS = 5
"""How often a round takes what changes nothing."""

Figure = tuple[str, float]

GOALS = {
    "cold up, Compose's interval 5 s": 0.40,
    "cold up, Compose's interval 1 s": 0.95,
    "down, the API ignores SIGTERM": 0.10,
    "up with nothing to do, 3 services": 1.5,
    "the same, sure that all is ready": None,
    "status, 3 services": 1.5,
    "up of 100 services": 0.95,
    "up with nothing to do, 100 services": 1.0,
    "status, 100 services": 1.0,
    "down of 100 services": 1.0,
    "--help": None,
}
"""The most that stackctl may take of what Compose takes; None: measured for what it tells about the others."""


def cold(interval: int) -> Callable[[Project], Iterator[Figure]]:
    def turn(app: Project) -> Iterator[Figure]:
        yield f"cold up, Compose's interval {interval} s", app.time(*app.tool.up)
        with urllib.request.urlopen(f"http://127.0.0.1:{app.port}/", timeout=10) as answer:
            answer.read()  # ready means: the first request is answered

    return turn


def ignoring(app: Project) -> Iterator[Figure]:
    app.time(*app.tool.up)
    yield "down, the API ignores SIGTERM", app.time("down")


def idle(app: Project) -> Iterator[Figure]:
    app.time(*app.tool.up)
    yield from _unchanged(app, 3)
    for _ in range(REPEATS):
        yield "the same, sure that all is ready", app.time(*app.tool.up)


def hundred(app: Project) -> Iterator[Figure]:
    """Without checks there is nothing that Compose's `--wait` would add."""
    yield "up of 100 services", app.time(*app.tool.again)
    yield from _unchanged(app, stacks.HUNDRED)
    yield "down of 100 services", app.time("down")


def start(app: Project) -> Iterator[Figure]:
    for _ in range(REPEATS):
        yield "--help", app.time("--help")


def _unchanged(app: Project, count: int) -> Iterator[Figure]:
    for _ in range(REPEATS):
        yield f"up with nothing to do, {count} services", app.time(*app.tool.again)
        yield f"status, {count} services", app.time(*app.tool.status)


@dataclass(frozen=True)
class Row:
    """What is done in each round by each tool. `interval` and `in_order` are for Compose's version of the stack."""

    turn: Callable[[Project], Iterator[Figure]]
    stack: Callable[[int], stacks.Stack]
    interval: int = 1
    in_order: bool = True
    rounds: int = 5


ROWS = {
    "cold5": Row(cold(5), stacks.lesson, interval=5),
    "cold1": Row(cold(1), stacks.lesson, interval=1),
    "down": Row(ignoring, lambda port: stacks.lesson(port, ignores_sigterm=True)),
    "idle": Row(idle, stacks.lesson, in_order=False),
    "hundred": Row(hundred, stacks.hundred, rounds=3),
    "start": Row(start, stacks.hundred),
}


@dataclass
class Results:
    """Seconds by what was measured, tool and round; the load of the machine before each turn."""

    seconds: dict[str, dict[str, dict[int, list[float]]]] = field(default_factory=dict)
    loads: dict[str, list[float]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def add(self, what: str, tool: str, turn: int, seconds: float, load: float) -> None:
        self.seconds.setdefault(what, {}).setdefault(tool, {}).setdefault(turn, []).append(seconds)
        self.loads.setdefault(what, []).append(load)

    def all_of(self, what: str, tool: str) -> list[float]:
        return [seconds for turn in self.seconds[what].get(tool, {}).values() for seconds in turn]

    def ratios(self, what: str) -> list[float]:
        """One a round: stackctl's median to Compose's, where both have one."""
        ours, theirs = (self.seconds[what].get(tool, {}) for tool in ("stackctl", "compose"))
        both = ours.keys() & theirs.keys()
        return [statistics.median(ours[turn]) / statistics.median(theirs[turn]) for turn in sorted(both)]


def measure(names: list[str], rounds: int | None, tools: list[Tool]) -> Results:
    results = Results()
    for name in names:
        row = ROWS[name]
        for turn in range(rounds or row.rounds):
            for tool in tools:
                print(f"{name} {turn + 1}/{rounds or row.rounds} {tool.name}", file=sys.stderr)
                take(results, row, turn, tool)
    return results


def take(results: Results, row: Row, turn: int, tool: Tool) -> None:
    port, load = free_port(), os.getloadavg()[0]
    stack = row.stack(port)
    if tool.file == "compose.yaml":
        stack = stacks.for_compose(stack, row.interval, in_order=row.in_order)
    with project(tool, f"bench-{secrets.token_hex(4)}", port, stack) as app:
        try:
            for what, seconds in row.turn(app):
                results.add(what, tool.name, turn, seconds, load)
        except (FailedError, OSError) as error:
            results.failures.append(str(error))
            print(f"failed: {error}", file=sys.stderr)


def table(results: Results) -> str:
    """Medians with min–max; the ratio is the median of those of the rounds."""
    rows = []
    for what, goal in GOALS.items():
        if what not in results.seconds:
            continue
        ratios = results.ratios(what)
        rows.append(
            [
                what,
                "" if goal is None else f"{goal:.2f}",
                spread(ratios, 2),
                spread(results.all_of(what, "stackctl"), 3),
                spread(results.all_of(what, "compose"), 3),
                "" if goal is None or not ratios else "yes" if statistics.median(ratios) <= goal else "no",
                f"{min(results.loads[what]):.1f}–{max(results.loads[what]):.1f}",
            ]
        )
    headers = ["what", "goal", "ratio", "stackctl s", "Compose s", "met", "load"]
    return tabulate(rows, headers, tablefmt="github", disable_numparse=True)


def spread(values: list[float], digits: int) -> str:
    if not values:
        return "–"
    low, middle, high = (f"{f(values):.{digits}f}" for f in (min, statistics.median, max))
    return f"{middle} ({low}–{high})"


def machine(peer: Tool) -> dict[str, str]:
    """What the figures hold for."""
    return {
        "stackctl": output(str(STACKCTL), "--version"),
        "compose": output("env", f"DOCKER_CONFIG={peer.environ['DOCKER_CONFIG']}", "docker", "compose", "version"),
        "engine": output("docker", "version", "--format", "{{.Server.Version}}"),
        "python": platform.python_version(),
        "system": platform.platform(),
        "cores": str(os.cpu_count()),
    }  # fmt: skip


def main() -> None:
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument(
        "--only", action="append", choices=list(ROWS), metavar="ROW", help=", ".join(ROWS) + "; repeatable"
    )
    arguments.add_argument("--rounds", type=int, help="5, and 3 with 100 services")
    arguments.add_argument("--json", metavar="FILE", help="every single figure")
    given = arguments.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what is up is taken down

    ours, peer = stackctl(), compose()
    about = machine(peer)
    names = given.only or list(ROWS)
    if set(names) & {"cold5", "cold1", "down", "idle"}:
        output("docker", "build", "-q", "-t", stacks.API_IMAGE, str(ROOT / "examples/api"))
    results = measure(names, given.rounds, [ours, peer])
    print("\n".join(f"{name}: {value}" for name, value in about.items()), end="\n\n")
    print(table(results))
    if results.failures:
        print("\nfailed, and not in the figures:", *sorted(results.failures), sep="\n  ")
    if given.json:
        figures = {"about": about, **vars(results)}
        Path(given.json).write_text(json.dumps(figures, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()

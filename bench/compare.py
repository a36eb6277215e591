"""Measure stackctl beside Docker Compose: same engine, same machine, turn by turn.

    make bench                                     every row
    .venv/bin/python bench/compare.py --only idle --rounds 2
    .venv/bin/python bench/compare.py --json figures.json

Wall time of whole processes and the processor time they used, in seconds; Compose's is that of the docker command with its plugin. In each round both tools do the same; the ratio is taken within the round, so that
whatever else the machine does falls on both.
"""

from __future__ import annotations

import os
import secrets
import signal
import statistics
import sys
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import stacks
from results import Figure, Results, command_line, machine, publish, spread
from tabulate import tabulate

from stackctl.engine.host import free_ports
from tools import ROOT, FailedError, Project, Tool, compose, output, project, stackctl

REPEATS = 5
"""How often a round takes what changes nothing."""

FEW, MANY = 3, 100
SIZES = (10, 50, 100, 200)
LOOKS = ("up with nothing to do", "status", "ps", "port")
"""What people and scripts do again and again, and what is nearly all start-up time."""

GOALS = {
    "cold up, Compose's interval 5 s": 0.40,
    "cold up, Compose's interval 1 s": 0.95,
    "down, the API ignores SIGTERM": 0.10,
    **{f"{what}, {FEW} services": 1.15 for what in LOOKS},
    "the same up, sure that all is ready": None,
    **{f"up of {size} services": 0.95 for size in SIZES},
    **{f"{what}, {MANY} services": 0.85 for what in LOOKS},
    **{f"down of {size} services": 1.0 for size in SIZES},
    **{f"scale from 1 to {size} containers": 1.0 for size in SIZES},
    **{f"scale from {size} to 1 container": 1.0 for size in SIZES},
    "--help": None,
    "completion": None,
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
    yield from _unchanged(app, FEW, "api", "8000")
    for _ in range(REPEATS):
        yield "the same up, sure that all is ready", app.time(*app.tool.up)


def sized(size: int) -> Callable[[Project], Iterator[Figure]]:
    """Without checks there is nothing that Compose's `--wait` would add."""

    def turn(app: Project) -> Iterator[Figure]:
        yield f"up of {size} services", app.time(*app.tool.again)
        if size == MANY:
            yield from _unchanged(app, size, stacks.PUBLISHED, "80")
        yield f"down of {size} services", app.time("down")

    return turn


def scaled(size: int) -> Callable[[Project], Iterator[Figure]]:
    def turn(app: Project) -> Iterator[Figure]:
        app.time(*app.tool.again)
        yield f"scale from 1 to {size} containers", app.time("scale", f"idle={size}")
        yield f"scale from {size} to 1 container", app.time("scale", "idle=1")

    return turn


def start(app: Project) -> Iterator[Figure]:
    for _ in range(REPEATS):
        yield "--help", app.time("--help")
        yield "completion", app.time_completion("up")


def _unchanged(app: Project, count: int, service: str, port: str) -> Iterator[Figure]:
    ways = (app.tool.again, app.tool.status, ("ps",), ("port", service, port))
    for _ in range(REPEATS):
        for what, way in zip(LOOKS, ways, strict=True):
            yield f"{what}, {count} services", app.time(*way)


@dataclass(frozen=True)
class Row:
    """What is done in each round by each tool. `interval` and `in_order` are for Compose's version of the stack."""

    turn: Callable[[Project], Iterator[Figure]]
    stack: Callable[[int], stacks.Stack]
    interval: int = 1
    in_order: bool = True
    rounds: int = 7


ROWS = {
    "cold5": Row(cold(5), stacks.lesson, interval=5),
    "cold1": Row(cold(1), stacks.lesson, interval=1),
    "down": Row(ignoring, lambda port: stacks.lesson(port, ignores_sigterm=True)),
    "idle": Row(idle, stacks.lesson, in_order=False),
    "start": Row(start, partial(stacks.many, count=MANY)),
    **{f"up{size}": Row(sized(size), partial(stacks.many, count=size)) for size in SIZES},
    **{f"scale{size}": Row(scaled(size), stacks.one) for size in SIZES},
}


def measure(results: Results, names: list[str], rounds: int | None, tools: list[Tool]) -> None:
    for name in names:
        row = ROWS[name]
        for turn in range(rounds or row.rounds):
            for tool in tools:
                print(f"{name} {turn + 1}/{rounds or row.rounds} {tool.name}", file=sys.stderr)
                take(results, row, turn, tool)


def take(results: Results, row: Row, turn: int, tool: Tool) -> None:
    (port,), load = free_ports(["tcp"]), os.getloadavg()[0]
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
        ratios = results.ratios(what, "stackctl", "compose")
        rows.append(
            [
                what,
                "" if goal is None else f"{goal:.2f}",
                spread(ratios, 2),
                spread(results.all_of(what, "stackctl"), 3),
                spread(results.all_of(what, "compose"), 3),
                f"{results.cpu_of(what, 'stackctl'):.3f}",
                f"{results.cpu_of(what, 'compose'):.3f}",
                f"{results.memory_of(what, 'stackctl'):.0f}",
                f"{results.memory_of(what, 'compose'):.0f}",
                "" if goal is None or not ratios else "yes" if statistics.median(ratios) <= goal else "no",
                results.load(what),
            ]
        )
    headers = [
        "what",
        "goal",
        "ratio",
        "stackctl s",
        "Compose s",
        "CPU",
        "Compose's CPU",
        "MiB",
        "Compose's MiB",
        "met",
        "load",
    ]
    return tabulate(rows, headers, tablefmt="github", disable_numparse=True)


def growth(results: Results) -> str:
    """How the times grow with the number of services or containers."""
    kinds = (
        "up of {} services",
        "down of {} services",
        "scale from 1 to {} containers",
        "scale from {} to 1 container",
    )
    rows = []
    for kind in kinds:
        by_size = {size: kind.format(size) for size in SIZES}
        found = [results.exponent(by_size, tool) for tool in ("stackctl", "compose")]
        rows.append([kind.format("N"), *("–" if each is None else f"{each:.2f}" for each in found)])
    return tabulate(
        rows,
        ["time grows as N to the power of", "stackctl", "Compose"],
        tablefmt="github",
        disable_numparse=True,
    )


def main() -> None:
    given = command_line(__doc__, ROWS, "7")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what is up is taken down

    ours, peer = stackctl(), compose()
    about = {
        "stackctl": output(*ours.command, "--version"),
        "compose": output("env", f"DOCKER_CONFIG={peer.environ['DOCKER_CONFIG']}", "docker", "compose", "version"),
        **machine(ours.python or Path(sys.executable)),
    }  # fmt: skip
    names = given.only or list(ROWS)
    if set(names) & {"cold5", "cold1", "down", "idle"}:
        output("docker", "build", "-q", "-t", stacks.API_IMAGE, str(ROOT / "examples/api"))
    results = Results()
    try:
        measure(results, names, given.rounds, [ours, peer])
    finally:  # what was measured until an interruption is shown as well
        publish(results, about, [table(results), growth(results)], given.json)


if __name__ == "__main__":
    main()

"""Measure stackctl's pytest plugin beside pytest-docker and testcontainers: same stack, same tests, same engine, turn by turn.

    make bench-tests                                   every row
    .venv/bin/python bench/fixtures.py --only first --rounds 2
    .venv/bin/python bench/fixtures.py --json figures.json

The stack is Postgres with 50 tables and Redis. Wall time of whole runs of pytest, in seconds, and what the tests tell of themselves.
A tool that fails loses the figure; the others go on.
"""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import CalledProcessError, run

from leaks import DEATHS, MODES, die
from results import Figure, Results, command_line, machine, publish, spread
from runs import Lab, install, lab, peers
from tabulate import tabulate

from tools import STACKCTL, FailedError, output

WORKERS = 4
TESTS = 100
FEW = 5
"""Tests that each have a stack of their own: more would take too long."""

WAYS = {
    "clone": "a copy of the migrated database",
    "template": "a copy of the migrated database",
    "truncate": "TRUNCATE, then the rows again",
    "schema": "DROP SCHEMA, then the migrations again",
}


def first(lab: Lab) -> Iterator[Figure]:
    ran = lab.run("test_start.py")
    yield "1 test: until it begins", ran.tests[0]
    yield "1 test: the whole run", ran.seconds


def workers(lab: Lab) -> Iterator[Figure]:
    ran = lab.run("test_start.py", "-n", str(WORKERS), BENCH_TESTS=str(WORKERS))
    yield f"-n {WORKERS}: until the first test begins", ran.tests[0]
    yield f"-n {WORKERS}: until every worker has begun", ran.tests[-1]
    yield f"-n {WORKERS}: the whole run", ran.seconds


def apart(lab: Lab) -> Iterator[Figure]:
    ran = lab.run("test_start.py", "-n", str(WORKERS), *lab.peer.apart, BENCH_TESTS=str(WORKERS))
    yield f"-n {WORKERS}, a stack a worker: until every worker has begun", ran.tests[-1]
    yield f"-n {WORKERS}, a stack a worker: the whole run", ran.seconds


def fresh(lab: Lab) -> Iterator[Figure]:
    yield from _hundred(lab, "")


def memory(lab: Lab) -> Iterator[Figure]:
    yield from _hundred(lab, "in memory, ", *lab.peer.memory, BENCH_MEMORY="1")


def _hundred(lab: Lab, where: str, *arguments: str, **environ: str) -> Iterator[Figure]:
    for way in lab.peer.ways:
        ran = lab.run("test_fresh.py", *arguments, BENCH_WAY=way, BENCH_TESTS=str(TESTS), **environ)
        yield f"{TESTS} tests, {where}{WAYS[way]}: the whole run", ran.seconds
        yield f"{TESTS} tests, {where}{WAYS[way]}: a test", ran.each
    if "clone" in lab.peer.ways:
        ran = lab.run(
            "test_fresh.py", *arguments, "-n2", BENCH_WAY="clone", BENCH_TESTS=str(TESTS), **environ
        )
        yield f"{TESTS} tests, -n 2, {where}{WAYS['clone']}: the whole run", ran.seconds


def alone(lab: Lab) -> Iterator[Figure]:
    arguments = lab.peer.alone
    environ = {"BENCH_SCOPE": "function", "BENCH_WAY": "migrations", "BENCH_TESTS": str(FEW)}
    ran = lab.run("test_fresh.py", *arguments, **environ)
    yield f"a stack a test: a test (of {FEW})", ran.each
    yield f"a stack a test: {TESTS} tests, extrapolated", ran.seconds + (TESTS - FEW) * ran.each


def reuse(lab: Lab) -> Iterator[Figure]:
    ours = lab.peer.name == "stackctl"
    durations = ("-vv", "--durations=0", *("--stack-reuse",) * ours)
    ran = lab.run("test_start.py", *durations)
    yield "setup of the fixtures, nothing there", _setup(ran.said)
    if not ours:
        return
    project = next(line["project"] for line in ran.told if line["event"] == "stack")
    try:
        again = lab.run("test_start.py", *durations, anew=False)
        yield "setup of the fixtures, --stack-reuse", _setup(again.said)
    finally:
        run([STACKCTL, "-p", project, "down", "--volumes"], capture_output=True, check=True)


def _setup(said: str) -> float:
    """What pytest's `--durations` says."""
    return sum(float(seconds) for seconds in re.findall(r"^([\d.]+)s setup", said, re.MULTILINE))


@dataclass(frozen=True)
class Row:
    turn: Callable[[Lab], Iterator[Figure]]
    rounds: int = 5


ROWS = {
    "first": Row(first),
    "workers": Row(workers),
    "apart": Row(apart),
    "fresh": Row(fresh, rounds=3),
    "memory": Row(memory, rounds=3),
    "alone": Row(alone, rounds=3),
    "reuse": Row(reuse),
}
LEAKS = "leaks"


@dataclass
class TestResults(Results):
    left: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    """By death and tool: containers + networks + volumes, for each round."""

    def fail(self, error: Exception) -> None:
        self.failures.append(str(error))
        print(f"failed: {error}", file=sys.stderr)


def take(results: TestResults, name: str, turn: int, lab: Lab) -> None:
    load = os.getloadavg()[0]
    try:
        for what, seconds in ROWS[name].turn(lab):
            results.add(what, lab.peer.name, turn, seconds, load)
    except (FailedError, OSError, CalledProcessError, LookupError) as error:
        results.fail(error)
        lab.clean()


def kill(results: TestResults, labs: list[Lab]) -> None:
    """All tools at once: nothing is timed."""
    for mode, count in MODES.items():
        for name, death in DEATHS.items():
            what = f"{name}, {mode}"
            print(what, file=sys.stderr)
            with ThreadPoolExecutor(len(labs)) as threads:
                dying = {each.peer.name: threads.submit(die, each, death, count) for each in labs}
            for tool, left in dying.items():
                try:
                    results.left.setdefault(what, {}).setdefault(tool, []).append(left.result())
                except (FailedError, OSError, CalledProcessError) as error:
                    results.fail(error)


def measure(names: list[str], rounds: int | None, labs: list[Lab]) -> TestResults:
    results = TestResults()
    for name in names:
        if name == LEAKS:
            for _ in range(rounds or 1):
                kill(results, labs)
            continue
        for turn in range(rounds or ROWS[name].rounds):
            for each in labs:
                print(f"{name} {turn + 1}/{rounds or ROWS[name].rounds} {each.peer.name}", file=sys.stderr)
                take(results, name, turn, each)
    return results


def tables(results: TestResults, tools: list[str]) -> Iterator[str]:
    if results.seconds:
        rows = [
            [what, *(spread(results.all_of(what, tool), 3) for tool in tools), results.load(what)]
            for what in results.seconds
        ]
        headers = ["what", *(f"{tool} s" for tool in tools), "load"]
        yield tabulate(rows, headers, tablefmt="github", disable_numparse=True)
    if results.left:
        rows = [
            [what, *(" / ".join(dict.fromkeys(left.get(tool) or ["–"])) for tool in tools)]
            for what, left in results.left.items()
        ]
        headers = ["left 15 s after", *tools]
        yield tabulate(rows, headers, tablefmt="github", disable_numparse=True)


def main() -> None:
    given = command_line(__doc__, [*ROWS, LEAKS], "5 of most rows, 3 of those with 100 tests, 1 of leaks")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what is up is taken down
    python, tools = install(), peers()
    versions = {
        name: output(str(python), "-c", f"from importlib.metadata import version as v; print(v('{name}'))")
        for name in ("pytest-docker", "testcontainers", "pytest", "pytest-xdist", "psycopg")
    }
    about = {"stackctl": output(str(STACKCTL), "--version"), **versions, **machine(Path(sys.executable))}
    with ExitStack() as cleanup:
        labs = [cleanup.enter_context(lab(peer, python)) for peer in tools]
        results = measure(given.only or [*ROWS, LEAKS], given.rounds, labs)
    publish(results, about, list(tables(results, [peer.name for peer in tools])), given.json)


if __name__ == "__main__":
    main()

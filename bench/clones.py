"""Measure the ways in which a test gets fresh data from Postgres: in turns on the same three servers, in one process.

    $(bench/install_peers.sh)/bin/python bench/clones.py
    $(bench/install_peers.sh)/bin/python bench/clones.py --rounds 10 --think 0.1

The Python of the peers has a driver. A test connects, reads one table, writes to two and thinks (`--think` seconds). The table shows
milliseconds, without the thinking: the median, the least and the most.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import psycopg

import stackctl
from stackctl.testing import RunningService

sys.path.insert(0, str(Path(__file__).parent / "suites/common"))
from data import EMPTIED, ROWS, migrate

STACK = """
name = "bench-clones"
[services.db]
image = "postgres:15"
environment = { POSTGRES_PASSWORD = "secret", POSTGRES_DB = "app" }
"""
PLACES = {"disk, durable": {"durable": True}, "disk": {}, "memory": {"memory": True}}
TESTS = 6
"""Tests of one way in a turn."""

Way = Callable[[], AbstractContextManager[psycopg.Connection]]


def ways(db: RunningService, cleanup: ExitStack) -> dict[str, Way]:
    """Each way gives a connection to fresh data, and takes the data back at the end."""
    base = db.url().rpartition("/")[0]
    admin = cleanup.enter_context(psycopg.connect(f"{base}/postgres", autocommit=True))
    for name in ("by_hand", "emptied", "rolled_back"):
        admin.execute(f"CREATE DATABASE {name} TEMPLATE snapshot_migrated")
    emptied = cleanup.enter_context(psycopg.connect(f"{base}/emptied", autocommit=True))
    open_one = cleanup.enter_context(psycopg.connect(f"{base}/rolled_back"))

    @contextmanager
    def clone() -> Iterator[psycopg.Connection]:
        with db.clone("migrated") as database, psycopg.connect(database.url) as connection:
            yield connection

    @contextmanager
    def restore() -> Iterator[psycopg.Connection]:
        db.restore("migrated")
        with psycopg.connect(db.url()) as connection:
            yield connection

    @contextmanager
    def template() -> Iterator[psycopg.Connection]:
        admin.execute("CREATE DATABASE copy TEMPLATE by_hand")
        with psycopg.connect(f"{base}/copy") as connection:
            yield connection
        admin.execute("DROP DATABASE copy WITH (FORCE)")

    @contextmanager
    def truncate() -> Iterator[psycopg.Connection]:
        emptied.execute(EMPTIED)
        with psycopg.connect(f"{base}/emptied") as connection:
            yield connection

    @contextmanager
    def transaction() -> Iterator[psycopg.Connection]:
        yield open_one
        open_one.rollback()

    return {
        "clone": clone,
        "restore": restore,
        "CREATE DATABASE … TEMPLATE by hand": template,
        "TRUNCATE, then the rows again": truncate,
        "a transaction that is rolled back": transaction,
    }


def test(way: Way, think: float) -> tuple[float, float, float]:
    """Milliseconds: until the test begins, after it, and in all."""
    start = time.perf_counter()
    with way() as connection:
        begun = time.perf_counter()
        assert connection.execute("SELECT count(*) FROM table1").fetchone() == (ROWS,)
        for table in ("table0", "table1"):
            connection.execute(f"INSERT INTO {table} (name, amount) VALUES ('more', 1)")
        time.sleep(think)
        over = time.perf_counter()
    end = time.perf_counter()
    return (begun - start) * 1000, (end - over) * 1000, (end - start - think) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--think", type=float, default=0.0, metavar="SECONDS")
    given = parser.parse_args()
    took: dict[tuple[str, str], list[tuple[float, float, float]]] = defaultdict(list)
    with ExitStack() as cleanup:
        file = Path(cleanup.enter_context(tempfile.TemporaryDirectory())) / "stack.toml"
        file.write_text(STACK)
        there: list[tuple[tuple[str, str], Way]] = []
        for place, settings in PLACES.items():
            db = cleanup.enter_context(stackctl.running(file, **settings))["db"]
            migrate(db.url())
            db.snapshot("migrated")
            there += [((place, name), way) for name, way in ways(db, cleanup).items()]
        for turn in range(given.rounds):
            print(f"round {turn + 1}/{given.rounds}", file=sys.stderr)
            for what, way in random.sample(there, len(there)):
                took[what] += [test(way, given.think) for _ in range(TESTS)]
    print("| where | way | until the test begins | after it | a test in all |\n|---|---|---|---|---|")
    for (place, name), _ in there:
        shown = " | ".join(map(spread, zip(*took[place, name], strict=True)))
        print(f"| {place} | {name} | {shown} |")


def spread(figures: tuple[float, ...]) -> str:
    return f"{statistics.median(figures):.0f} ({min(figures):.0f}–{max(figures):.0f})"


if __name__ == "__main__":
    main()

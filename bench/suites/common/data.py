"""The schema that the tests of every tool run on, and the ways in which users give each test fresh data without a tool's help."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial

import psycopg

TABLES = 50
ROWS = 200

TABLE = """
CREATE TABLE table{n} (id serial PRIMARY KEY, name text NOT NULL, amount integer NOT NULL);
CREATE INDEX index{n} ON table{n} (name);
"""
SEED = "INSERT INTO table{n} (name, amount) SELECT 'name ' || i, i FROM generate_series(1, {rows}) AS i;"

MIGRATIONS = [TABLE.format(n=n) + SEED.format(n=n, rows=ROWS) for n in range(TABLES)]
EMPTIED = f"TRUNCATE {', '.join(f'table{n}' for n in range(TABLES))} RESTART IDENTITY;" + "".join(
    SEED.format(n=n, rows=ROWS) for n in range(TABLES)
)
ANEW = "DROP SCHEMA public CASCADE; CREATE SCHEMA public;" + "".join(MIGRATIONS)

_numbers = itertools.count()


def migrate(url: str) -> None:
    """One transaction, as Alembic and Django have it where the database can."""
    with psycopg.connect(url) as connection:
        for script in MIGRATIONS:
            connection.execute(script)
        if os.environ.get("BENCH_FAIL") == "migrations":
            connection.execute("SELECT 1 FROM a_table_that_is_not_there")


Fresh = Callable[[], AbstractContextManager[str]]


@contextmanager
def fresh(url: str) -> Iterator[Fresh]:
    """Gives each test the URL of a database with the data of the migrations, by way of BENCH_WAY.

    The connection that does so stays open. Where many run at once each has a server of its own.
    """
    way = os.environ["BENCH_WAY"]
    if way == "migrations":
        yield partial(_scripted, None, url, "")
        return
    with psycopg.connect(_other(url, "postgres") if way == "template" else url, autocommit=True) as admin:
        if way == "template":
            yield partial(_copied, admin, url)
        else:
            yield partial(_scripted, admin, url, {"truncate": EMPTIED, "schema": ANEW}[way])


@contextmanager
def _scripted(admin: psycopg.Connection | None, url: str, script: str) -> Iterator[str]:
    """The one database, put back before each test. With one `execute` the script is one transaction."""
    if admin:
        admin.execute(script)
    yield url


@contextmanager
def _copied(admin: psycopg.Connection, url: str) -> Iterator[str]:
    """A database of the test's own, copied from the migrated one, which nobody may be connected to."""
    name = f"copy{next(_numbers)}"
    admin.execute(f'CREATE DATABASE {name} TEMPLATE "{url.rpartition("/")[2]}"')
    try:
        yield _other(url, name)
    finally:
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _other(url: str, database: str) -> str:
    return f"{url.rpartition('/')[0]}/{database}"

import os

import psycopg
import pytest
from data import ROWS, TABLES
from told import tell


@pytest.mark.usefixtures("redis_url")
@pytest.mark.parametrize("number", range(int(os.environ.get("BENCH_TESTS", "1"))))
def test_sees_nothing_of_the_others(number: int, fresh_url: str) -> None:
    """Reads and writes one table, so that a test finds out if it is not alone."""
    tell("began", test=number)
    with psycopg.connect(fresh_url) as connection:
        found = connection.execute(f"SELECT count(*) FROM table{number % TABLES}").fetchone()
        assert found == (ROWS,)
        connection.execute(f"INSERT INTO table{number % TABLES} (name, amount) VALUES ('more', 1)")
        connection.execute("INSERT INTO table0 (name, amount) VALUES ('more', 1)")

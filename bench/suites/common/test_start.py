import os

import psycopg
import pytest
import redis
from data import ROWS
from told import tell


@pytest.mark.parametrize("number", range(int(os.environ.get("BENCH_TESTS", "1"))))
def test_reaches_both(number: int, postgres_url: str, redis_url: str) -> None:
    tell("began", test=number)
    with psycopg.connect(postgres_url) as connection:
        found = connection.execute("SELECT count(*) FROM table0").fetchone()
    assert found == (ROWS,)
    with redis.Redis.from_url(redis_url) as client:
        assert client.ping()

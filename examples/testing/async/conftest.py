import psycopg
import pytest
import pytest_asyncio
from redis.asyncio import Redis


@pytest.hookimpl(optionalhook=True)
def pytest_stack_ready(stack):
    with psycopg.connect(stack["db"].url()) as connection:
        connection.execute("CREATE TABLE orders (item text)")
    stack["db"].snapshot("migrated")


@pytest.fixture
def database_url(stack):
    with stack["db"].clone("migrated") as database:
        yield database.url


@pytest.fixture
def cache_url(stack):
    with stack["cache"].database() as keys:
        yield keys.url


# for pytest-asyncio; anyio takes fixtures of pytest itself, as in tests/test_anyio.py
@pytest_asyncio.fixture
async def connection(database_url):
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        yield connection


@pytest_asyncio.fixture
async def cache(cache_url):
    async with Redis.from_url(cache_url) as cache:
        yield cache

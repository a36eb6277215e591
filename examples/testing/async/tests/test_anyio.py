import anyio
import psycopg
import pytest

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
async def connection(database_url):
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        yield connection


async def test_two_tasks_share_a_connection(connection):
    async with anyio.create_task_group() as tasks:
        for item in ("apple", "pear"):
            tasks.start_soon(connection.execute, "INSERT INTO orders VALUES (%s)", [item])
    rows = await connection.execute("SELECT item FROM orders ORDER BY item")
    assert await rows.fetchall() == [("apple",), ("pear",)]

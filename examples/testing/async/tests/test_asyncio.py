import asyncio

import pytest

pytestmark = pytest.mark.asyncio


@pytest.mark.parametrize("item", ["apple", "pear"])
async def test_each_begins_without_orders(connection, item):
    await connection.execute("INSERT INTO orders VALUES (%s)", [item])
    await connection.commit()
    rows = await connection.execute("SELECT item FROM orders")
    assert await rows.fetchall() == [(item,)]


async def test_visits_are_counted(cache):
    assert sorted(await asyncio.gather(*(cache.incr("visits") for _ in range(3)))) == [1, 2, 3]

import pytest
from shop.tasks import total


@pytest.mark.parametrize("price", [1, 2])
def test_a_task_is_done(celery_worker, price):
    assert total.delay([price, 3]).get(timeout=60) == price + 3

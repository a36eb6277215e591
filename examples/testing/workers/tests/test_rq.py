import pytest
from rq import SimpleWorker


@pytest.mark.parametrize("price", [1, 2])
def test_a_job_is_done(queue, price):
    job = queue.enqueue(sum, [price, 3])
    assert queue.count == 1
    SimpleWorker([queue]).work(burst=True)
    assert job.return_value() == price + 3

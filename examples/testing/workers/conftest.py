import pytest
from celery.contrib.testing.worker import start_worker
from redis import Redis
from rq import Queue
from shop.tasks import app


@pytest.fixture(scope="session")
def celery_worker(stack):
    """A worker in a thread, with a database of Redis that nobody else uses."""
    with stack["cache"].database() as keys:
        app.conf.update(broker_url=keys.url, result_backend=keys.url)
        with start_worker(app, perform_ping_check=False) as worker:
            yield worker


@pytest.fixture
def queue(stack):
    with stack["cache"].database() as keys, Redis.from_url(keys.url) as connection:
        yield Queue(connection=connection)

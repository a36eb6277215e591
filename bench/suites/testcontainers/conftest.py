import os
from collections.abc import Iterator

import pytest
from data import Fresh, fresh, migrate
from testcontainers.community.postgres import PostgresContainer
from testcontainers.community.redis import RedisContainer
from testcontainers.core.labels import SESSION_ID
from told import tell

tell("session", value=SESSION_ID)

SCOPE = os.environ.get("BENCH_SCOPE", "session")
MEMORY = "BENCH_MEMORY" in os.environ


@pytest.fixture(scope=SCOPE)
def postgres_url() -> Iterator[str]:
    container = PostgresContainer(
        "postgres:15", username="postgres", password="secret", dbname="app", driver=None
    )
    if MEMORY:
        container.with_tmpfs_mount("/var/lib/postgresql/data")
    with container as postgres:
        url = postgres.get_connection_url()
        migrate(url)
        yield url


@pytest.fixture(scope=SCOPE)
def redis_url() -> Iterator[str]:
    container = RedisContainer("redis:7", user=os.environ.get("BENCH_USER", "root"))
    if MEMORY:
        container.with_tmpfs_mount("/data")
    with container as redis:
        yield f"redis://{redis.get_container_host_ip()}:{redis.get_exposed_port(redis.port)}"


@pytest.fixture(scope=SCOPE)
def data(postgres_url: str) -> Iterator[Fresh]:
    with fresh(postgres_url) as make:
        yield make


@pytest.fixture
def fresh_url(data: Fresh) -> Iterator[str]:
    with data() as url:
        yield url

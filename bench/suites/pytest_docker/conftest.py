import os
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import redis
from data import Fresh, fresh, migrate
from pytest_docker.plugin import Services, containers_scope
from told import tell

tell("project", value=f"pytest{os.getpid()}")  # pytest-docker's own name for it

PATIENCE = 120.0
PAUSE = 0.1


@pytest.fixture(scope="session")
def docker_compose_file(pytestconfig: pytest.Config) -> list[Path]:
    files = [pytestconfig.rootpath / "compose.yaml"]
    return files + [pytestconfig.rootpath / "memory.yaml"] * ("BENCH_MEMORY" in os.environ)


@pytest.fixture(scope="session")
def docker_setup() -> list[str]:
    """Faster than the `up --build --wait` that is set otherwise, whose checks are programs started in the containers."""
    return ["up -d"]


@pytest.fixture(scope=containers_scope)
def postgres_url(docker_services: Services) -> str:
    url = f"postgresql://postgres:secret@127.0.0.1:{docker_services.port_for('postgres', 5432)}/app"
    wait(docker_services, lambda: psycopg.connect(url).close(), psycopg.OperationalError)
    migrate(url)
    return url


@pytest.fixture(scope=containers_scope)
def redis_url(docker_services: Services) -> str:
    url = f"redis://127.0.0.1:{docker_services.port_for('redis', 6379)}"
    with redis.Redis.from_url(url) as client:
        wait(docker_services, client.ping, redis.ConnectionError)
    return url


def wait(services: Services, ask: Callable[[], object], refused: type[Exception]) -> None:
    def answers() -> bool:
        try:
            ask()
        except refused:
            return False
        return True

    services.wait_until_responsive(answers, PATIENCE, PAUSE)


@pytest.fixture(scope=containers_scope)
def data(postgres_url: str) -> Iterator[Fresh]:
    with fresh(postgres_url) as make:
        yield make


@pytest.fixture
def fresh_url(data: Fresh) -> Iterator[str]:
    with data() as url:
        yield url

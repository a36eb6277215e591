import os
from collections.abc import Iterator

import pytest
from data import migrate
from told import tell

from stackctl.testing import Running


@pytest.hookimpl(optionalhook=True)
def pytest_stack_ready(stack: Running) -> None:
    tell("stack", project=stack.project)
    if not stack.reused:
        migrate(stack["postgres"].url())
        if os.environ.get("BENCH_WAY") == "clone":
            stack["postgres"].snapshot("migrated")


@pytest.fixture
def postgres_url(stack: Running) -> str:
    return stack["postgres"].url()


@pytest.fixture
def redis_url(stack: Running) -> str:
    return stack["redis"].url()


@pytest.fixture
def fresh_url(stack: Running) -> Iterator[str]:
    if os.environ["BENCH_WAY"] == "migrations":  # of a stack of the test's own
        yield stack["postgres"].url()
        return
    with stack["postgres"].clone("migrated") as database:
        yield database.url

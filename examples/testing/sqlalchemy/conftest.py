from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from shop.db import engine
from sqlalchemy.orm import Session


@pytest.hookimpl(optionalhook=True)
def pytest_stack_ready(stack):
    command.upgrade(Config(Path(__file__).with_name("alembic.ini")), "head")


@pytest.fixture
def session(stack):
    """What the test commits is a savepoint in a transaction that is rolled back at the end."""
    with engine.connect() as connection, connection.begin() as transaction:
        with Session(connection, join_transaction_mode="create_savepoint") as session:
            yield session
        transaction.rollback()

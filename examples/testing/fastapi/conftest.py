from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config


@pytest.hookimpl(optionalhook=True)
def pytest_stack_ready(stack):
    command.upgrade(Config(Path(__file__).with_name("alembic.ini")), "head")

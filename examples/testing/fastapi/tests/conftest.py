"""As the template has it: nothing here knows of stackctl."""

from collections.abc import Iterator

import pytest
from app.db import engine
from app.main import app
from app.models import Item
from fastapi.testclient import TestClient
from sqlmodel import Session, delete


@pytest.fixture(scope="session", autouse=True)
def db() -> Iterator[Session]:
    with Session(engine) as session:
        yield session
        session.exec(delete(Item))
        session.commit()


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    with TestClient(app) as client:
        yield client

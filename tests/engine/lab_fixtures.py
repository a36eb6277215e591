"""The fixtures of the tests marked `docker`: a real engine, and a lab on it for each test."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest
from lab import Lab

from stackctl.engine.docker.docker_engine import DockerEngine
from stackctl.engine.transport.connect import connect


@pytest.fixture(scope="session")
def real_engine() -> Iterator[DockerEngine]:
    engine = connect()
    yield engine
    engine.close()


@pytest.fixture
def lab(real_engine: DockerEngine) -> Iterator[Lab]:
    lab = Lab(real_engine, f"t{secrets.token_hex(4)}")
    yield lab
    lab.clean()

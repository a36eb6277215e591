"""The data of a service: how they are saved and put back depends on its server."""

from __future__ import annotations

from typing import Protocol

from stackctl.errors import UsageError
from stackctl.spec.server import server
from stackctl.testing.data.postgres import Postgres
from stackctl.testing.data.redis import Redis
from stackctl.testing.data.volumes import Volumes
from stackctl.testing.live_stack import LiveService

_POSTGRES = ("postgres",)
_REDIS = ("redis", "valkey")


class Store(Protocol):
    """Data that can be saved under names."""

    def snapshot(self, name: str) -> None:
        """Save the data under the name. A snapshot that has the name already is replaced."""

    def restore(self, name: str) -> None:
        """Put the data back. Raises UsageError if there is no such snapshot; then nothing has changed."""

    def reset(self) -> None:
        """Put back the last snapshot. Raises UsageError if there is none."""


def store(service: LiveService) -> Store:
    """The store of a service: databases of Postgres, the keys of a Redis, else volumes."""
    if is_postgres(service):
        return Postgres(service)
    return Redis(service) if is_redis(service) else Volumes(service)


def is_postgres(service: LiveService) -> bool:
    return _kind(service) in _POSTGRES


def is_redis(service: LiveService) -> bool:
    return _kind(service) in _REDIS


def postgres(service: LiveService) -> Postgres:
    """The store of a Postgres. Raises UsageError if the service does not run Postgres."""
    if not is_postgres(service):
        raise UsageError(f"{service.name} is no Postgres", "snapshot() and restore() work for any service")
    return Postgres(service)


def redis(service: LiveService) -> Redis:
    """The store of a Redis. Raises UsageError if the service does not run Redis."""
    if not is_redis(service):
        raise UsageError(f"{service.name} is no Redis", "snapshot() and restore() work for any service")
    return Redis(service)


def _kind(service: LiveService) -> str:
    known = server(service.spec)
    return known.name if known else ""

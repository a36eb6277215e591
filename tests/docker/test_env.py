"""`stackctl env`: what it prints must lead a process on this machine to the services."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from scenario import SLEEP, Project

pytestmark = pytest.mark.docker

STACK = f"""
[services.postgres]
image = "postgres:15"
ports = ["5432:5432"]
environment = {{ POSTGRES_PASSWORD = "p@ss", POSTGRES_DB = "shop" }}

[services.redis]
image = "redis:7"
ports = ["6379:6379"]

[services.api]
{SLEEP}
depends_on = ["postgres", "redis"]

[services.api.environment]
DATABASE_URL = "postgresql://postgres:p%40ss@postgres:5432/shop"
REDIS_URL = "redis://redis/1"
PGHOST = "postgres"
PGUSER = "postgres"
DSN = "host=postgres port=5432 user=postgres"
BACKEND = "redis"
MOTTO = "it's all right"
"""


@pytest.fixture(scope="module")
def shop(bring_up: Callable[..., Project]) -> Project:
    """It is up, its ports on others of the host."""
    return bring_up(STACK)


def answers(host: str, port: int, question: bytes) -> bytes:
    """What a server says first."""
    with socket.create_connection((host, port), timeout=5) as connection:
        connection.sendall(question)
        return connection.recv(100)


def speaks_postgres(host: str, port: int) -> bool:
    """It answers an SSLRequest with yes or no (PostgreSQL, "Message Formats")."""
    return answers(host, port, b"\0\0\0\x08\x04\xd2\x16\x2f") in (b"N", b"S")


def speaks_redis(host: str, port: int) -> bool:
    return answers(host, port, b"PING\r\n") == b"+PONG\r\n"


def address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    assert parts.hostname
    assert parts.port
    return parts.hostname, parts.port


def test_every_address_must_be_answered_by_its_server(shop: Project) -> None:
    found = shop.json("env")["environment"]
    assert speaks_postgres(found["POSTGRES_HOST"], int(found["POSTGRES_PORT"]))
    assert speaks_postgres(found["PGHOST"], int(found["PGPORT"]))
    assert speaks_postgres(*address(found["POSTGRES_URL"]))
    assert speaks_postgres(*address(found["DATABASE_URL"]))
    assert speaks_redis(found["REDIS_HOST"], int(found["REDIS_PORT"]))
    assert speaks_redis(*address(found["REDIS_URL"]))
    assert found["POSTGRES_URL"] == found["DATABASE_URL"]
    assert found["REDIS_URL"].endswith("/1")
    assert not found.keys() & {"PGUSER", "BACKEND", "MOTTO", "POSTGRES_PASSWORD"}


def test_a_service_must_get_all_that_its_container_has(shop: Project) -> None:
    found = shop.json("env", "api")["environment"]
    assert (found["PGUSER"], found["BACKEND"], found["MOTTO"]) == ("postgres", "redis", "it's all right")
    dsn = re.fullmatch(r"host=(\S+) port=(\d+) user=postgres", found["DSN"])
    assert dsn
    assert speaks_postgres(dsn[1], int(dsn[2]))
    assert not [name for name in found if name.startswith("REDIS_") and name != "REDIS_URL"]


def test_a_shell_must_get_them_by_eval(shop: Project) -> None:
    stackctl = f"{sys.executable} -m stackctl"
    script = f'set -e; eval "$({stackctl} env --export api)"; printf "%s\\n" "$DATABASE_URL" "$MOTTO"'
    told = subprocess.run(
        ["sh", "-c", script],
        cwd=shop.directory,
        env=shop.environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    database, motto = told.stdout.splitlines()
    assert speaks_postgres(*address(database))
    assert motto == "it's all right"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere containers run in a machine of their own")
def test_what_is_published_nowhere_must_be_reached_at_its_own_address_where_that_can_be(
    project: Project,
) -> None:
    project.write(
        f'[services.redis]\nimage = "redis:7"\n[services.api]\n{SLEEP}environment.REDIS_URL = "redis://redis"\n'
    )
    project.run("up")
    found = project.json("env")["environment"]
    assert speaks_redis(*address(found["REDIS_URL"]))


def test_one_that_does_not_run_must_get_its_variables_beside_those_that_do(shop: Project) -> None:
    shop.api.stop(shop.ids()["api"], timeout=1)
    found = shop.json("env", "api")["environment"]
    assert speaks_postgres(*address(found["DATABASE_URL"]))
    shop.api.start(shop.ids()["api"])


def test_where_nothing_runs_it_must_say_so(project: Project) -> None:
    project.write(STACK)
    told = project.run("env", code=1)
    assert told.stdout == ""
    assert f"nothing of project {project.name} runs" in told.stderr
    assert "stackctl up" in told.stderr
    assert "did you mean 'api'" in project.run("env", "apo", code=2).stderr

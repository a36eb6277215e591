"""A secret that a stack hands on is in no output, whatever the engine says of it. The places are those of tests/cli/test_canary.py."""

from __future__ import annotations

import pytest
from scenario import Project

pytestmark = pytest.mark.docker

CANARY = "kanari-7d3f"
STACK = """
[services.db]
image = "postgres:15"
command = ["sleep", "infinity"]
environment.POSTGRES_PASSWORD = "${DB_PASSWORD}"

[services.api]
build = { context = ".", args = { TOKEN = "${DB_PASSWORD}" } }
command = ["sleep", "infinity", "${DB_PASSWORD}"]
environment = ["PLAIN=${DB_PASSWORD}", "DATABASE_URL=${services.db.url}"]
healthcheck = { test = ["CMD", "sh", "-c", "echo cannot reach $0; exit 1", "${services.db.url}", "${DB_PASSWORD}"], interval = "1s" }

[services.worker]
image = "busybox"
entrypoint = ["/no/such/${DB_PASSWORD}"]
init = false

[services.under-init]
image = "busybox"
entrypoint = ["/no/such/${DB_PASSWORD}"]
"""


def test_no_command_must_show_a_secret(project: Project) -> None:
    project.write(STACK)
    project.write(f"DB_PASSWORD={CANARY}\n", ".env")
    project.write("FROM busybox\nARG TOKEN\nCMD sleep infinity\n", "Dockerfile")
    said = {
        args: project.run(*args, code=None).output
        for args in (
            ("plan", "--steps"), ("build",), ("--progress", "plain", "up", "--wait-timeout", "3"),
            ("--progress", "json", "up", "--wait-timeout", "3"), ("status",), ("status", "--json"), ("ps", "-a"),
            ("ps", "-a", "--json"), ("logs", "api"), ("plan", "--json"), ("--progress", "plain", "down", "-y"),
        )
    }  # fmt: skip
    up = said["--progress", "plain", "up", "--wait-timeout", "3"]
    assert "${services.db.url} ${DB_PASSWORD}: cannot reach postgresql://postgres:•••@db:5432/postgres" in up
    assert up.count("/no/such/•••") >= 2  # by the engine, and by the init in the container
    shown = {args: [line for line in text.splitlines() if CANARY in line] for args, text in said.items()}
    assert {args: lines for args, lines in shown.items() if lines} == {}

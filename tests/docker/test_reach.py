"""`stackctl reach` must name the link that is broken, from what it sees inside the containers."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from scenario import SLEEP, Project

pytestmark = pytest.mark.docker

HTTPD = 'image = "busybox"\ncommand = "httpd -f -p {}"\n'

STACK = f"""
[services.web]
{HTTPD.format("80")}
ports = ["8000:80"]
[services.hidden]
{HTTPD.format("127.0.0.1:80")}
[services.far]
{HTTPD.format("80")}
networks = ["back"]
[services.idle]
{SLEEP}
expose = ["99"]
[services.stuck]
{HTTPD.format("80")}
[services.api]
{SLEEP}
depends_on = ["web", "hidden"]
[services.api.environment]
WEB_URL = "http://web:80/"
HIDDEN_URL = "http://hidden/"
IDLE_URL = "http://localhost:99/"
[services.python]
image = "python:3.11-slim"
command = "sleep infinity"
[networks.back]
"""


@pytest.fixture(scope="module")
def stack(bring_up: Callable[..., Project]) -> Project:
    project = bring_up(STACK)
    project.api.pause(project.ids()["stuck"])
    return project


@pytest.mark.parametrize(
    ("client", "target", "cause"),
    [
        ("api", "web", None),
        ("python", "web:80", None),
        ("api", "hidden", "loopback"),
        ("python", "hidden:80", "loopback"),
        ("api", "far:80", "network"),
        ("api", "web:81", "port"),
        ("api", "idle", "localhost"),
        ("api", "idle:98", "silent"),
        ("web", "localhost:99", "localhost"),
        ("api", "stuck:80", "down"),
        ("api", "host.docker.internal:80", "name"),
        ("api", "127.0.0.1:81", "silent"),
    ],
)
def test_the_broken_link_must_be_named(stack: Project, client: str, target: str, cause: str | None) -> None:
    told = stack.run("reach", client, target, "--json", code=1 if cause else 0)
    (route,) = json.loads(told.stdout)["routes"]
    assert route["cause"] == cause

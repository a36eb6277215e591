"""Three tiers, examples/fullstack: nginx, an API, Postgres and Redis, on two networks."""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
from dataclasses import dataclass
from typing import Any

import pytest
from example_copies import fullstack_in
from scenario import NOTHING, Project

pytestmark = pytest.mark.docker

CONNECT = "timeout 2 bash -c 'exec 3<>/dev/tcp/$0/$1' {host} {port}"


@dataclass
class Tiers:
    """A copy of the example, on another host port."""

    project: Project
    port: int

    def visit(self, path: str, **form: str) -> str:
        """One request from the host, not repeated: `up` said that all is ready. With a form it is a POST."""
        data = urllib.parse.urlencode(form).encode() if form else None
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", data, timeout=5) as answer:
            text: str = answer.read().decode()
            return text

    def messages(self) -> list[str]:
        return [message["text"] for message in json.loads(self.visit("/api/messages"))["messages"]]

    def reaches(self, service: str, host: str, port: int) -> bool:
        """Whether a connection can be made from a service's container."""
        told = self.project.run("exec", service, "sh", "-c", CONNECT.format(host=host, port=port), code=None)
        return told.code == 0


def tiers_in(project: Project) -> Tiers:
    return Tiers(project, fullstack_in(project))


@pytest.fixture(scope="module")
def tiers(shared: Project) -> Tiers:
    """They are up."""
    made = tiers_in(shared)
    shared.run("up")
    return made


def test_a_request_must_pass_all_three_tiers(tiers: Tiers) -> None:
    assert "<title>Guestbook</title>" in tiers.visit("/")
    assert json.loads(tiers.visit("/api/health")) == {"database": "ok", "cache": "ok"}
    added = json.loads(tiers.visit("/api/messages", text="hello"))
    assert added["text"] == "hello"
    assert "hello" in tiers.messages()
    read, again = (json.loads(tiers.visit("/api/messages"))["reads"] for _ in range(2))
    assert again == read + 1


def test_the_web_server_must_not_reach_the_data(tiers: Tiers) -> None:
    assert tiers.reaches("web", "backend", 8000)
    assert tiers.reaches("backend", "db", 5432)
    assert tiers.reaches("backend", "cache", 6379)
    assert not tiers.reaches("web", "db", 5432)
    assert not tiers.reaches("web", "cache", 6379)
    networks: dict[str, Any] = tiers.project.inspect("db")["NetworkSettings"]["Networks"]
    (address,) = (network["IPAddress"] for network in networks.values())
    assert tiers.reaches("backend", address, 5432)
    assert not tiers.reaches("web", address, 5432), "not by its address either"


def test_only_the_web_server_must_be_published(tiers: Tiers) -> None:
    published = {row["service"]: bool(row["ports"]) for row in tiers.project.json("status")["services"]}
    assert published == {"db": False, "cache": False, "backend": False, "web": True}


def test_a_new_backend_must_restart_the_web_server_that_then_finds_it(tiers: Tiers) -> None:
    project = tiers.project
    tiers.visit("/api/messages", text="before")
    before, was = project.ids(), project.inspect("web")["State"]["StartedAt"]
    project.write(
        (project.directory / "stack.override.toml").read_text()
        + '[services.backend.environment]\nLOG_LEVEL = "debug"\n',
        "stack.override.toml",
    )
    told = project.run("plan").stdout
    assert "web" in told
    assert "backend is replaced" in told
    project.run("up")
    assert project.recreated(before) == {"backend"}
    assert project.inspect("web")["State"]["StartedAt"] > was
    assert "before" in tiers.messages()


def test_down_with_volumes_must_leave_nothing(tiers: Tiers, project: Project) -> None:
    """Beside the other copy, whose image keeps the layers that both have in common."""
    copy = tiers_in(project)
    project.run("up")
    copy.visit("/api/messages", text="soon gone")
    project.run("down", "-v")
    assert project.resources() == NOTHING
    assert "soon gone" not in tiers.messages()

"""The lesson's stack, the repository's own stack.toml: Postgres, Redis and an API that is built here."""

from __future__ import annotations

import json
import urllib.request
from dataclasses import dataclass
from typing import Any

import pytest
from example_copies import lesson_in
from proxy import RecordingProxy
from scenario import NOTHING, Project

pytestmark = pytest.mark.docker


@dataclass
class Lesson:
    project: Project
    port: int

    def visit(self) -> dict[str, Any]:
        """One request from the host. It is not repeated: `up` said that the API is ready."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=5) as answer:
            assert answer.status == 200
            found: dict[str, Any] = json.load(answer)
            return found


@pytest.fixture
def lesson(project: Project) -> Lesson:
    """A copy of it, on another host port."""
    return Lesson(project, lesson_in(project))


def test_the_lesson_must_answer_at_once_change_as_planned_and_keep_its_data(
    lesson: Lesson, recorder: RecordingProxy
) -> None:
    """A life of the stack, from the first `up` to the last `down`."""
    project = lesson.project
    url = f"http://localhost:{lesson.port}"
    assert url in project.run("up").stdout
    assert lesson.visit() == {"postgres": {"visits": 1}, "redis": {"visits": 1}}
    rows = project.json("status")["services"]
    assert [(row["service"], row["state"], row["drift"]) for row in rows] == [
        ("postgres", "running", []),
        ("redis", "running", []),
        ("api", "running", []),
    ]
    assert rows[2]["ports"][0]["url"] == url

    before = project.ids()
    recorder.forget()
    project.run("up")
    assert recorder.writes == []
    assert project.recreated(before) == set()

    stack = project.directory / "stack.toml"
    stack.write_text(stack.read_text().replace("redis://redis:6379", "redis://redis:6379/1"))
    planned = project.json("plan")["changes"]
    assert [(c["kind"], c["name"], c["change"]) for c in planned] == [("service", "api", "recreate")]
    assert "environment.REDIS_URL" in planned[0]["why"]
    drift = {row["service"]: row["drift"] for row in project.json("status")["services"]}
    assert drift == {"postgres": [], "redis": [], "api": ["environment.REDIS_URL changed"]}
    project.run("up")
    assert project.recreated(before) == {"api"}
    assert lesson.visit() == {
        "postgres": {"visits": 2},
        "redis": {"visits": 1},
    }  # another database of this Redis
    assert [row["drift"] for row in project.json("status")["services"]] == [[], [], []]

    told = project.run("down").stderr
    left = project.resources()
    assert left == NOTHING | {"volumes": left["volumes"]}
    assert f"{project.name}_pgdata" in left["volumes"]
    assert f"data kept: {project.name}_pgdata, 1 anonymous volume of redis" in told

    project.run("up")
    assert lesson.visit() == {"postgres": {"visits": 3}, "redis": {"visits": 1}}
    project.run("down", "--volumes")
    assert project.resources() == NOTHING

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


def test_a_request_right_after_up_must_be_answered_with_both_databases(lesson: Lesson) -> None:
    for _ in range(2):
        lesson.project.run("up")
        assert lesson.visit()["redis"] == {"visits": 1}
        lesson.project.run("down", "--volumes")


def test_a_second_up_must_write_nothing(lesson: Lesson, recorder: RecordingProxy) -> None:
    lesson.project.run("up")
    before = lesson.project.ids()
    recorder.forget()
    lesson.project.run("up")
    assert recorder.writes == []
    assert lesson.project.recreated(before) == set()


def test_a_changed_variable_must_recreate_that_service_alone_as_planned(lesson: Lesson) -> None:
    project = lesson.project
    project.run("up")
    before = project.ids()
    stack = project.directory / "stack.toml"
    stack.write_text(stack.read_text().replace("redis://redis:6379", "redis://redis:6379/1"))

    planned = project.json("plan")["changes"]
    assert [(c["kind"], c["name"], c["change"]) for c in planned] == [("service", "api", "recreate")]
    assert "environment.REDIS_URL" in planned[0]["why"]
    drift = {row["service"]: row["drift"] for row in project.json("status")["services"]}
    assert drift == {"postgres": [], "redis": [], "api": ["environment.REDIS_URL changed"]}

    project.run("up")
    assert project.recreated(before) == {"api"}
    assert lesson.visit()["redis"] == {"visits": 1}  # another database of the same Redis
    assert [row["drift"] for row in project.json("status")["services"]] == [[], [], []]


def test_down_must_keep_the_data_for_the_next_up(lesson: Lesson) -> None:
    lesson.project.run("up")
    lesson.visit()
    told = lesson.project.run("down").stderr
    left = lesson.project.resources()
    assert left == NOTHING | {"volumes": left["volumes"]}
    assert f"{lesson.project.name}_pgdata" in left["volumes"]
    assert f"data kept: {lesson.project.name}_pgdata, 1 anonymous volume of redis" in told
    lesson.project.run("up")
    assert lesson.visit() == {"postgres": {"visits": 2}, "redis": {"visits": 1}}


def test_down_with_volumes_must_leave_nothing(lesson: Lesson) -> None:
    for volumes in ((), ("--volumes",)):  # the first leaves the data, the second finds it
        lesson.project.run("up")
        lesson.project.run("down", *volumes)
    assert lesson.project.resources() == NOTHING


def test_up_and_status_must_say_where_the_api_answers(lesson: Lesson) -> None:
    assert f"http://localhost:{lesson.port}" in lesson.project.run("up").stdout
    rows = lesson.project.json("status")["services"]
    assert [(row["service"], row["state"], row["drift"]) for row in rows] == [
        ("postgres", "running", []),
        ("redis", "running", []),
        ("api", "running", []),
    ]
    assert rows[2]["ports"][0]["url"] == f"http://localhost:{lesson.port}"

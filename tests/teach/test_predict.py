"""Predictions: the plan has the answer, the choices differ, and exactly one is right."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import stackctl
from stackctl.engine.memory import MemoryEngine
from stackctl.errors import UsageError
from stackctl.planner.down import DownOptions
from stackctl.planner.steps.events import Event
from stackctl.planner.steps.outcome import outcome
from stackctl.planner.world.observed import ImageConfig, ObservedEngine
from stackctl.project import Project
from stackctl.spec.model import Stack
from stackctl.spec.selection import Selection
from stackctl.teach.explain.quiz import Question
from stackctl.teach.from_nothing import from_nothing
from stackctl.teach.lab.predict import (
    about_loss,
    about_order,
    about_recreation,
    chosen,
    question_text,
    truth_text,
)

FILE = """
name = "shop"
[services.api]
image = "api:1"
depends_on = ["migrate", "cache"]
[services.db]
image = "db:1"
volumes = ["rows:/rows"]
[services.cache]
image = "cache:1"
[jobs.migrate]
image = "migrate:1"
command = "true"
depends_on = ["db"]
[volumes.rows]
"""


def load(directory: Path, text: str = FILE) -> Stack:
    (directory / "stack.toml").write_text(text)
    return stackctl.load(directory / "stack.toml", environ={}, strict=False)


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> MemoryEngine:
    info = ObservedEngine(id=f"memory-{request.node.name}", name="memory", endpoint="memory:")
    return MemoryEngine(
        images={f"{name}:1": ImageConfig() for name in ("api", "db", "cache", "migrate", "other")}, info=info
    )


def succeed(events: Iterator[Event]) -> None:
    assert outcome(events).failures == ()


def right(question: Question) -> str:
    assert len(set(question.choices)) == len(question.choices) >= 2
    return question.choices[question.right]


def test_the_order_is_that_of_the_plan(tmp_path: Path) -> None:
    question = about_order(from_nothing(load(tmp_path), Selection())[0].desired)
    assert right(question) == "db and cache together, then migrate, then api"
    assert "api waits for migrate and cache" in question.why


def test_without_dependencies_all_start_together(tmp_path: Path) -> None:
    stack = load(tmp_path, '[services.a]\nimage = "a:1"\n[services.b]\nimage = "b:1"\n')
    question = about_order(from_nothing(stack, Selection())[0].desired)
    assert right(question) == "a and b together"
    assert question.why == "no container waits for another one."


def test_one_container_has_no_order(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no order"):
        about_order(from_nothing(load(tmp_path, '[services.a]\nimage = "a:1"\n'), Selection())[0].desired)


def recreation(stack: Stack, engine: MemoryEngine) -> Question:
    there = {container.service for container in stackctl.containers(engine, stack.project)}
    return about_recreation(stackctl.plan(stack, engine), there)


@pytest.mark.parametrize(
    ("old", "new", "recreated"),
    [
        ('"cache:1"', '"other:1"', "cache"),
        ('"rows:/rows"', '"rows:/data"', "db"),
        ("[services.cache]", '[services.cache]\nenvironment.A = "1"', "cache"),
        ("[volumes.rows]", '[volumes.rows]\n[services.more]\nimage = "other:1"', "none"),
    ],
)
def test_what_is_recreated_is_what_the_plan_says(
    tmp_path: Path, engine: MemoryEngine, old: str, new: str, recreated: str
) -> None:
    succeed(stackctl.up(load(tmp_path), engine))
    assert right(recreation(load(tmp_path, FILE.replace(old, new)), engine)) == recreated


def test_where_nothing_changes_there_is_nothing_to_predict(tmp_path: Path, engine: MemoryEngine) -> None:
    succeed(stackctl.up(load(tmp_path), engine))
    with pytest.raises(UsageError, match="nothing to predict"):
        recreation(load(tmp_path), engine)


@pytest.mark.parametrize(
    ("text", "lost"),
    [
        (FILE, "the data in shop_rows"),
        (FILE.replace('volumes = ["rows:/rows"]', ""), "no data"),
        (FILE.replace("[volumes.rows]", "[volumes.rows]\nprotect = true"), "no data"),
    ],
)
def test_what_is_lost_is_what_the_plan_removes(
    tmp_path: Path, engine: MemoryEngine, text: str, lost: str
) -> None:
    stack = load(tmp_path, text)
    succeed(stackctl.up(stack, engine))
    plan = Project(stack, engine).plan_down(DownOptions(volumes=True))
    volumes = from_nothing(stack, Selection())[0].desired.volumes
    assert right(about_loss(plan, [each.name for each in volumes if each.protect])) == lost


def test_where_nothing_is_nothing_can_be_lost(tmp_path: Path, engine: MemoryEngine) -> None:
    plan = Project(load(tmp_path), engine).plan_down(DownOptions(volumes=True))
    with pytest.raises(UsageError, match="nothing can be lost"):
        about_loss(plan, [])


QUESTION = Question("What comes first?", ("the egg", "the hen"), 1, "It was there.")


def test_the_question_and_the_truth_are_told() -> None:
    assert question_text(QUESTION) == "What comes first?\n\n  a  the egg\n  b  the hen"
    assert truth_text(QUESTION, 1) == "Right: b, the hen.\nIt was there."
    assert truth_text(QUESTION, 0) == "Not so. What happens is b, the hen.\nIt was there."


@pytest.mark.parametrize(("answer", "index"), [("a", 0), (" B)\n", 1), ("b.", 1)])
def test_an_answer_is_a_letter(answer: str, index: int) -> None:
    assert chosen(QUESTION, answer) == index


@pytest.mark.parametrize("answer", ["", "c", "the hen", "ab"])
def test_anything_else_is_no_answer(answer: str) -> None:
    with pytest.raises(UsageError, match="is no answer"):
        chosen(QUESTION, answer)

"""The verbs of a project, on the in-memory engine: what holds the lock, and that a plan that is executed does what `up` does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import stackctl
from stackctl.engine.execute import Cancel
from stackctl.engine.lock import lock
from stackctl.engine.memory import MemoryEngine
from stackctl.errors import CancelledError
from stackctl.operating import Operating
from stackctl.planner.before.images import ImageOptions
from stackctl.planner.life.options import StartOptions
from stackctl.planner.steps.actions import BuildImage, CreateContainer, RemoveVolume
from stackctl.planner.steps.events import Event
from stackctl.planner.steps.outcome import outcome
from stackctl.planner.world.desired import Image
from stackctl.planner.world.observed import ImageConfig, ObservedEngine
from stackctl.project import Project
from stackctl.spec.model import PullPolicy, Stack
from stackctl.spec.selection import Selection

FILE = """
name = "shop"
[services.db]
image = "postgres:16"
[services.api]
build = "."
depends_on = ["db"]
"""


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / "stack.toml").write_text(FILE)
    return stackctl.load(tmp_path / "stack.toml", environ={"POSTGRES_PASSWORD": "x"}, strict=False)


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> MemoryEngine:
    """An engine of this test alone, and so a lock of its own, with an image that brings a VOLUME in its registry."""
    database = ImageConfig(volumes=("/data",))
    info = ObservedEngine(id=f"memory-{request.node.name}", name="memory", endpoint="memory:")
    return MemoryEngine(registry={"postgres:16": database}, info=info)


def succeed(events: Iterator[Event]) -> None:
    assert outcome(events).failures == ()


def test_an_executed_plan_must_label_the_volumes_of_an_image_it_pulled(
    stack: Stack, engine: MemoryEngine
) -> None:
    succeed(stackctl.execute(stackctl.plan(stack, engine), engine))
    (volume,) = engine.observe().volumes
    assert (volume.project, volume.key, volume.anonymous) == ("shop", "db", True)
    assert stackctl.plan(stack, engine).steps == ()


def test_an_executed_plan_must_recreate_what_a_rebuilt_image_changes(
    stack: Stack, engine: MemoryEngine
) -> None:
    succeed(stackctl.up(stack, engine))
    engine.revise("shop-api")
    succeed(stackctl.execute(stackctl.plan(stack, engine, images=ImageOptions(build=True)), engine))
    assert stackctl.plan(stack, engine).steps == ()
    assert [type(a) for a in engine.performed].count(CreateContainer) == 3


def test_a_failed_build_must_leave_the_rest_of_the_plan(stack: Stack) -> None:
    engine = MemoryEngine(registry={"postgres:16": ImageConfig()}, unbuildable=["shop-api"])
    result = outcome(stackctl.execute(stackctl.plan(stack, engine), engine))
    assert [type(failure.step.action) for failure in result.failures] == [BuildImage]
    assert engine.observe().containers == ()


def test_a_plan_of_down_must_be_done_as_it_is(stack: Stack, engine: MemoryEngine) -> None:
    succeed(stackctl.up(stack, engine))
    plan = Project(stack, engine).plan_down(stackctl.DownOptions(volumes=True))
    succeed(stackctl.execute(plan, engine))
    assert any(isinstance(action, RemoveVolume) for action in engine.performed)
    assert engine.observe().containers == ()


VERBS: dict[str, Callable[[Operating], Iterator[Event]]] = {
    "up": lambda p: p.up(Selection(), stackctl.UpOptions(), ImageOptions()),
    "down": lambda p: p.down(stackctl.DownOptions(), confirm=lambda _: True),
    "stop": lambda p: p.stop(),
    "start": lambda p: p.start(StartOptions()),
    "restart": lambda p: p.restart(StartOptions()),
    "kill": lambda p: p.kill(),
    "pause": lambda p: p.pause(),
    "unpause": lambda p: p.unpause(),
    "remove": lambda p: p.remove(),
    "build": lambda p: p.build(Selection()),
    "pull": lambda p: p.pull(Selection(), ImageOptions(pull=PullPolicy.always)),
    "execute": lambda p: p.execute(p.plan(Selection(), stackctl.UpOptions(), ImageOptions())),
}


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_that_writes_must_wait_for_who_holds_the_project(
    verb: str, stack: Stack, engine: MemoryEngine
) -> None:
    told: list[str] = []
    project = Operating(stack, engine, lock_timeout=0.0, waiting=told.append)
    with (
        lock(engine.id, "shop", command="stackctl other"),
        pytest.raises(stackctl.LockedError, match="stackctl other"),
    ):
        list(VERBS[verb](project))
    assert engine.writes == 0
    succeed(VERBS["up" if verb == "start" else verb](project))


def test_a_run_that_is_cancelled_while_it_waits_must_write_nothing(
    stack: Stack, engine: MemoryEngine
) -> None:
    cancel = Cancel()
    project = Operating(stack, engine, lock_timeout=600.0, waiting=lambda _: cancel.set())
    with lock(engine.id, "shop"), pytest.raises(CancelledError):
        list(project.up(Selection(), stackctl.UpOptions(), ImageOptions(), cancel=cancel))
    assert engine.writes == 0


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_that_writes_must_hold_the_project_while_it_writes(
    verb: str, stack: Stack, engine: MemoryEngine
) -> None:
    succeed(stackctl.up(stack, engine))
    seen: list[bool] = []

    def before(_: object) -> None:
        with pytest.raises(stackctl.LockedError), lock(engine.id, "shop", timeout=0.0):
            pass
        seen.append(True)

    engine.remove_by_hand("shop-db-1")
    if verb in ("start", "remove"):
        engine.die("shop-api-1", 0)
    if verb == "unpause":
        succeed(Operating(stack, engine).pause())
    engine.before = before
    succeed(VERBS[verb](Operating(stack, engine)))
    assert seen


def test_looking_must_take_no_lock(stack: Stack, engine: MemoryEngine) -> None:
    succeed(stackctl.up(stack, engine))
    project = Operating(stack, engine, lock_timeout=0.0)
    with lock(engine.id, "shop"):
        assert {row.service for row in project.status(Selection())} == {"db", "api"}
        assert project.plan(Selection(), stackctl.UpOptions(), ImageOptions()).steps == ()
        assert len(project.containers()) == 2


def test_a_project_of_another_directory_must_be_refused_by_up_and_down(
    stack: Stack, engine: MemoryEngine, tmp_path: Path
) -> None:
    succeed(stackctl.up(stack, engine))
    there = tmp_path / "clone"
    there.mkdir()
    (there / "stack.toml").write_text('name = "shop"\n[services.db]\nimage = "postgres:16"\n')
    other = stackctl.load(there / "stack.toml", environ={}, strict=False)
    before = engine.writes
    for verb in ("up", "down", "stop", "start", "restart", "kill", "pause", "remove"):
        with pytest.raises(stackctl.PreflightError, match=f"already running from {tmp_path}/stack.toml"):
            list(VERBS[verb](Operating(other, engine)))
    assert engine.writes == before
    succeed(stackctl.down("shop", engine, stack=other, options=stackctl.DownOptions(adopt=True)))
    assert engine.observe().containers == ()


def test_a_project_known_by_its_name_alone_can_go(stack: Stack, engine: MemoryEngine) -> None:
    succeed(stackctl.up(stack, engine))
    succeed(stackctl.down("shop", engine))
    assert engine.observe().containers == ()


def test_down_must_take_the_project_that_is_named_and_not_that_of_the_stack(
    stack: Stack, engine: MemoryEngine
) -> None:
    succeed(stackctl.up(stack, engine))
    succeed(stackctl.down("another", engine, stack=stack))
    assert len(engine.observe().containers) == 2


@pytest.mark.parametrize("verb", ["build", "pull"])
def test_building_and_pulling_must_ask_no_service_whether_it_is_ready(
    stack: Stack, engine: MemoryEngine, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    succeed(stackctl.up(stack, engine))
    monkeypatch.setattr(engine, "answers_from_outside", lambda *_: pytest.fail("a service was asked"))
    project = Project(stack, engine)
    events = project.build(Selection()) if verb == "build" else project.pull(Selection(), ImageOptions())
    succeed(events)


def test_changed_code_must_be_told_and_built_when_asked_for(stack: Stack, engine: MemoryEngine) -> None:
    """`up` leaves the image as it is, `up --build` builds it again, and what has not changed is not recreated."""
    project, everything, rebuild = Project(stack, engine), Selection(), ImageOptions(build=True)

    def outdated() -> list[str | None]:
        return [row.outdated for row in project.status(everything)]

    def container() -> str:
        return project.containers(["api"])[0].id

    note = "api: the code changed since the image was built (up --build builds it again)"
    succeed(stackctl.up(stack, engine))
    first = container()
    succeed(stackctl.up(stack, engine, images=rebuild))
    assert container() == first
    assert outdated() == [None, None]
    (stack.directory / "app.py").write_text("print(1)")
    assert outdated() == [None, "code"]
    plan = stackctl.plan(stack, engine)
    assert (plan.steps, plan.notes) == ((), (note,))
    assert note not in stackctl.plan(stack, engine, images=rebuild).notes
    succeed(stackctl.up(stack, engine, images=rebuild))
    assert container() != first
    assert outdated() == [None, None]
    (stack.directory / "Dockerfile").write_text("FROM busybox\n")
    assert outdated() == [None, "build"]


def test_a_push_sends_what_is_built_and_named(stack: Stack, engine: MemoryEngine) -> None:
    text = FILE.replace('build = "."', 'build = { context = ".", tags = ["more:2"] }\nimage = "me/api:1"')
    (stack.directory / "stack.toml").write_text(text)
    named = Project(
        stackctl.load(stack.directory / "stack.toml", environ={"POSTGRES_PASSWORD": "x"}, strict=False),
        engine,
    )
    assert [type(event).__name__ for event in Project(stack, engine).push(Selection())] == ["Planned"]
    result = outcome(named.push(Selection()))
    assert "cannot push me/api:1 for api" in str(result.failures[0].error)
    assert outcome(named.push(Selection(), ignore_failures=True)).exit_code == 0
    succeed(named.build(Selection(services=["api"], dependencies=False)))
    engine.perform(BuildImage(Image(ref="more:2")), lambda _: None)
    engine.performed.clear()
    succeed(named.build(Selection(services=["api"], dependencies=False), push=True))
    assert [(type(a).__name__, a.image.ref) for a in engine.performed] == [  # type: ignore[union-attr]
        ("BuildImage", "me/api:1"),
        ("PushImage", "me/api:1"),
        ("PushImage", "more:2"),
    ]

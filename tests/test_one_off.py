"""One-offs on the in-memory engine: what is left when something fails, and the function of the library."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

import stackctl
from stackctl.debugging import place
from stackctl.engine.lock import lock
from stackctl.engine.memory import Behaviour, MemoryEngine
from stackctl.errors import EngineError, PreflightError
from stackctl.one_off import OneOff
from stackctl.planner.before.images import ImageOptions
from stackctl.planner.life.options import RunOptions
from stackctl.planner.steps.actions import Action, CreateContainer
from stackctl.planner.steps.outcome import outcome, succeed
from stackctl.planner.world.desired import DesiredContainer
from stackctl.planner.world.observed import ImageConfig, ObservedEngine
from stackctl.spec.model import PullPolicy, Stack

FILE = """
name = "shop"
[services.db]
image = "db:1"
[services.api]
image = "app:1"
depends_on = ["db"]
"""


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    (tmp_path / "stack.toml").write_text(FILE)
    return stackctl.load(tmp_path / "stack.toml", environ={}, strict=False)


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> MemoryEngine:
    info = ObservedEngine(id=f"memory-{request.node.name}", name="memory", endpoint="memory:")
    return MemoryEngine({"app:1": ImageConfig()}, registry={"db:1": ImageConfig()}, info=info)


def names(engine: MemoryEngine) -> dict[str, str]:
    return {c.name: c.state for c in engine.observe().containers}


def test_a_run_must_bring_up_what_it_needs_pull_and_give_the_exit_code(
    stack: Stack, engine: MemoryEngine
) -> None:
    said = stackctl.run(stack, engine, "api", ["sh", "-c", "echo out; echo err >&2; exit 3"])
    assert (said.exit_code, said.stdout, said.stderr) == (3, b"out\n", b"err\n")
    assert names(engine) == {"shop-db-1": "running"}
    kept = stackctl.run(stack, engine, "api", ["true"], options=RunOptions(name="mine"))
    assert (kept.exit_code, names(engine)["mine"]) == (0, "exited")


def test_a_run_whose_dependency_fails_must_leave_no_container(stack: Stack, engine: MemoryEngine) -> None:
    engine.behaviours["db"] = Behaviour(exit_code=1)
    with pytest.raises(stackctl.WaitError, match="shop-db-1 ended with exit code 1"):
        stackctl.run(stack, engine, "api", ["true"])
    assert names(engine) == {"shop-db-1": "exited"}


def test_a_container_that_cannot_start_must_be_removed(stack: Stack, engine: MemoryEngine) -> None:
    engine.behaviours["app:1"] = Behaviour(start_error="no such program")
    with pytest.raises(stackctl.EngineError, match="no such program"):
        stackctl.run(stack, engine, "api", options=RunOptions())
    assert names(engine) == {"shop-db-1": "running"}


def test_a_container_that_nobody_can_be_connected_with_must_be_removed(
    stack: Stack, engine: MemoryEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def attach(*_: object) -> int:
        raise EngineError("the engine does not answer")

    monkeypatch.setattr(engine, "attach", attach)
    one_off = OneOff(stack, engine, "api", RunOptions(remove=True))
    succeed(one_off.prepare())
    with pytest.raises(EngineError, match="does not answer"):
        one_off.attach()
    assert names(engine) == {"shop-db-1": "running"}


def test_a_container_of_somebody_else_that_takes_the_name_meanwhile_must_stay(
    stack: Stack, engine: MemoryEngine
) -> None:
    def take(action: Action) -> None:
        if isinstance(action, CreateContainer) and action.name == "mine":
            engine.before = lambda _: None
            engine.perform(
                CreateContainer(DesiredContainer(name="mine", service="x", image="app:1"), "mine"), print
            )

    engine.before = take
    with pytest.raises(stackctl.PreflightError, match="the name mine is taken by another container"):
        succeed(OneOff(stack, engine, "api", RunOptions(name="mine")).prepare())
    assert names(engine) == {"shop-db-1": "running", "mine": "created"}


def test_an_image_that_may_not_be_pulled_must_be_named(stack: Stack, engine: MemoryEngine) -> None:
    images = ImageOptions(pull=PullPolicy.never)
    with pytest.raises(stackctl.PreflightError, match=r"services.db.image: image db:1 is not here"):
        succeed(OneOff(stack, engine, "db", RunOptions()).prepare(images=images))


def test_a_name_that_is_taken_must_be_refused_and_left_alone(stack: Stack, engine: MemoryEngine) -> None:
    succeed(stackctl.up(stack, engine))
    with pytest.raises(stackctl.PreflightError, match="the name shop-api-1 is taken"):
        stackctl.run(stack, engine, "api", ["true"], options=RunOptions(name="shop-api-1", remove=True))
    assert names(engine)["shop-api-1"] == "running"


@pytest.mark.parametrize("detach", [True, False])
def test_a_run_that_was_killed_before_it_started_must_make_way_for_the_next(
    stack: Stack, engine: MemoryEngine, detach: bool
) -> None:
    made = OneOff(stack, engine, "api", RunOptions(name="mine"))
    succeed(made.prepare())
    assert names(engine)["mine"] == "created"
    again = OneOff(stack, engine, "api", RunOptions(command=("true",), name="mine", detach=detach))
    succeed(again.prepare())
    if not detach:
        again.collect()
    assert names(engine)["mine"] in ("running", "exited")
    with pytest.raises(PreflightError, match="the name mine is taken"):
        succeed(OneOff(stack, engine, "api", RunOptions(name="mine")).prepare())


def test_the_process_of_a_run_must_not_hold_the_lock(
    stack: Stack, engine: MemoryEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    options = RunOptions(command=("echo", "hello"), remove=True)
    one_off = OneOff(stack, engine, "api", options, lock_timeout=0.0)
    with lock(engine.id, "shop", timeout=0.0), pytest.raises(stackctl.LockedError):
        list(one_off.prepare())
    assert outcome(one_off.prepare()).exit_code == 0
    with lock(engine.id, "shop", timeout=0.0):
        assert one_off.attach() == 0
    assert capsys.readouterr().out == "hello\n"
    assert names(engine) == {"shop-db-1": "running"}


def test_a_detached_one_must_run_at_the_end(stack: Stack, engine: MemoryEngine) -> None:
    options = RunOptions(command=("sleep", "infinity"), detach=True, name="worker", remove=True)
    succeed(OneOff(stack, engine, "api", options).prepare())
    assert names(engine)["worker"] == "running"
    engine.die("worker", 0)
    assert names(engine) == {"shop-db-1": "running"}
    succeed(OneOff(stack, engine, "api", replace(options, remove=False)).prepare())
    succeed(stackctl.down("shop", engine, stack=stack))
    assert names(engine) == {}


def test_what_ends_must_give_its_exit_code(stack: Stack, engine: MemoryEngine) -> None:
    with pytest.raises(stackctl.EngineError, match="api has no container to wait for"):
        stackctl.wait(engine, "shop", ["api"], stack.everything)
    with pytest.raises(stackctl.UsageError, match="no such service: apii"):
        stackctl.wait(engine, "shop", ["apii"], stack.everything)
    succeed(stackctl.up(stack, engine))
    engine.die("shop-api-1", 4)
    engine.die("shop-db-1", 0)
    assert [(c.name, code) for c, code in stackctl.wait(engine, "shop", ["api"])] == [("shop-api-1", 4)]
    assert sorted(code for _, code in stackctl.wait(engine, "shop")) == [0, 4]


def test_a_shell_beside_what_never_ran_needs_its_image_and_says_so(
    stack: Stack, engine: MemoryEngine
) -> None:
    assert place(stack, engine, "api").image == "app:1"
    with pytest.raises(EngineError, match="db has no container, and its image db:1 is not here") as refused:
        place(stack, engine, "db")
    assert refused.value.hint == "stackctl up db, or --image IMAGE"

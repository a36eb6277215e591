"""`up --rollback`: whatever fails, and whenever, all that was there before is there again."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from faulty_engine import FOREIGN
from hypothesis import event, example, given, settings
from hypothesis import strategies as st
from plan_world import IMAGES, Behaviour, stack
from project_state import ports_of
from random_stacks import NAMES, stacks
from test_up_properties import PORT_PASSES_ON, fast

from stackctl import api
from stackctl.engine.execute import Cancel
from stackctl.engine.memory import MemoryEngine
from stackctl.errors import EngineError
from stackctl.planner.steps.actions import Action, CreateContainer, CreateNetwork
from stackctl.planner.steps.events import Done, Planned
from stackctl.planner.steps.outcome import Outcome, outcome
from stackctl.planner.steps.plan import UndoPlan
from stackctl.planner.view.slots import UpOptions
from stackctl.planner.world.desired import DesiredContainer, DesiredNetwork
from stackctl.planner.world.observed import ImageConfig

DIRECTORY = Path(tempfile.mkdtemp(prefix="stackctl-rollback-"))
atexit.register(shutil.rmtree, DIRECTORY, ignore_errors=True)
ROLLBACK = UpOptions(rollback=True, remove_orphans=True)
CLEAN = UpOptions(remove_orphans=True)
few = settings(fast, max_examples=20)
"""Each example brings stacks up from end to end, three times."""


class FailingEngine(MemoryEngine):
    """An engine to which something happens at one of its writes: the one of this number, from 1."""

    def __init__(self) -> None:
        images = dict.fromkeys(IMAGES, ImageConfig(volumes=("/kept",)))
        super().__init__(images, before=self._count_down)
        self.left = 0
        self.happens: Callable[[], None] = refuse
        self.whole = True
        """Whether all that runs could be started again: not, if what it shares with another container was stopped by a killed run."""
        for action in (
            CreateNetwork(DesiredNetwork(key="back", name="others")),
            CreateContainer(DesiredContainer(name="a", service="a", image="app:1", labels=FOREIGN), "a"),
        ):
            self.perform(action, lambda _: None)

    def _count_down(self, action: Action) -> None:
        self.left -= 1
        if self.left == 0:
            self.happens()


def refuse() -> None:
    raise EngineError("refused")


def everything(engine: MemoryEngine) -> dict[str, Any]:
    """All that the engine has. Only a network may be another one of the same kind: an engine cannot put one back."""
    now = engine.observe()
    names = {network.id: network.name for network in now.networks}
    return {
        "containers": {
            c.id: (
                c.name,
                c.state,
                c.labels,
                ports_of(c),
                engine._find(c.id).restart,
                {names[id_]: place for id_, place in engine._find(c.id).networks.items()},
                c.mounts,
            )
            for c in now.containers
        },
        "networks": sorted((n.name, n.driver, sorted(n.labels.items())) for n in now.networks),
        "volumes": {v.name: (v.created, v.labels) for v in now.volumes},
    }


def up(
    engine: MemoryEngine, text: str, options: UpOptions | None = None, cancel: Cancel | None = None
) -> Outcome:
    return outcome(api.up(stack(text, directory=DIRECTORY), engine, options=options, cancel=cancel))


def lived(first: str | None, killed: tuple[str, int] | None) -> FailingEngine:
    """An engine on which one stack is up, and on which an `up` of another one was killed after so many steps."""
    engine = FailingEngine()
    if first is not None:
        assert up(engine, first).exit_code == 0
    if killed is not None:
        engine.whole = False
        text, steps = killed
        for step in api.plan(stack(text, directory=DIRECTORY), engine, options=CLEAN).steps[:steps]:
            engine.perform(step.action, lambda _: None)
    return engine


def is_back(engine: FailingEngine, result: Outcome) -> bool:
    """Whether the way back came to its end. Only after a killed run it may not."""
    assert not (engine.whole and result.stuck), result.failures
    return not result.stuck


befores = st.builds(
    lived,
    st.none() | stacks(),
    st.one_of(st.none(), st.none(), st.tuples(stacks(), st.integers(1, 30))),
)
numbers = st.integers(1, 60)


@few
@given(befores, stacks(), numbers)
@example(lived(PORT_PASSES_ON[0], None), PORT_PASSES_ON[1], 5)
def test_after_a_refusal_at_any_step_all_is_as_before(engine: FailingEngine, text: str, number: int) -> None:
    before = everything(engine)
    engine.left = number
    result = up(engine, text, ROLLBACK)
    failed = [failure for failure in result.failures if not failure.step.last]
    event("undone" if result.undone else "nothing to undo" if failed else "ready")
    if failed and is_back(engine, result):
        assert everything(engine) == before
        assert result.exit_code == (6 if result.undone else 1)
    assert up(engine, text, CLEAN).exit_code == 0


@few
@given(befores, stacks(), st.sampled_from(NAMES), st.booleans())
def test_if_a_service_cannot_run_all_is_as_before(
    engine: FailingEngine, text: str, broken: str, at_start: bool
) -> None:
    before = everything(engine)
    engine.behaviours[broken] = Behaviour(start_error="broken") if at_start else Behaviour(exit_code=3)
    result = up(engine, text, ROLLBACK)
    event("undone" if result.undone else "ready")
    if result.failures and is_back(engine, result):
        assert everything(engine) == before
    del engine.behaviours[broken]


@few
@given(befores, stacks(), numbers)
def test_after_an_interrupt_all_is_as_before(engine: FailingEngine, text: str, number: int) -> None:
    before, cancel = everything(engine), Cancel()
    engine.left, engine.happens = number, cancel.set
    result = up(engine, text, ROLLBACK, cancel)
    event("interrupted" if result.interrupted else "ready")
    if any(not skipped.step.last for skipped in result.skipped) and is_back(engine, result):
        assert everything(engine) == before
        assert result.exit_code == 130
    engine.happens = refuse
    assert up(engine, text, CLEAN).exit_code == 0


@few
@given(befores, stacks(), numbers, numbers)
def test_if_it_is_killed_while_it_goes_back_the_next_up_makes_good(
    engine: FailingEngine, text: str, number: int, later: int
) -> None:
    engine.left = number
    done = 0
    for happened in api.up(stack(text, directory=DIRECTORY), engine, options=ROLLBACK):
        undoing = isinstance(happened, Planned) and isinstance(happened.plan, UndoPlan)
        done = done or undoing
        if done:
            done += isinstance(happened, Done)
        if done > later:
            break
    event("killed" if done else "ready")
    assert up(engine, text, CLEAN).exit_code == 0
    assert not api.plan(stack(text, directory=DIRECTORY), engine, options=CLEAN).changes

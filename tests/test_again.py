"""A run that looks again and plans again: a call whose answer is lost, and what changed since the last look."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import stackctl
from stackctl.engine import again
from stackctl.engine.memory import MemoryEngine
from stackctl.engine.protocol import Report
from stackctl.engine.transport.client import RefusedError
from stackctl.errors import GoneError, LostAnswerError, NoAnswerError, OutOfSequenceError
from stackctl.operating import Operating
from stackctl.planner.before.images import ImageOptions
from stackctl.planner.down import DownOptions
from stackctl.planner.life.options import StartOptions
from stackctl.planner.steps.actions import Action, CreateContainer, Wait
from stackctl.planner.steps.events import Event, Planned
from stackctl.planner.steps.outcome import Outcome, outcome
from stackctl.planner.view.slots import UpOptions
from stackctl.planner.world.desired import DesiredContainer
from stackctl.planner.world.observed import ImageConfig, ObservedEngine
from stackctl.show.run.failure import report, summary
from stackctl.spec.selection import Selection

FILE = """
name = "shop"
[services.db]
image = "app:1"
environment.A = "{value}"
volumes = ["data:/data"]
networks = ["default", "back"]
[services.web]
image = "app:1"
scale = 2
depends_on = ["db"]
[jobs.once]
image = "app:1"
command = "true"
depends_on = ["db"]
[networks.back]
internal = {internal}
[volumes.data]
"""

Fault = Callable[[Action], Exception]


class Faulty(MemoryEngine):
    """An engine with a fault at one of its writing calls: before the call is done, or after."""

    def __init__(self, name: str) -> None:
        images = {"app:1": ImageConfig()}
        super().__init__(images, info=ObservedEngine(id=f"memory-{name}", name="memory", endpoint="memory:"))
        self.at: dict[int, Fault] = {}
        self.does_it = False
        self.number = 0

    def perform(self, action: Action, report: Report, cancelled: Callable[[], bool] = lambda: False) -> str:
        if isinstance(action, Wait):
            return super().perform(action, report, cancelled)
        self.number += 1
        fault = self.at.get(self.number)
        note = super().perform(action, report, cancelled) if self.does_it or not fault else ""
        if fault:
            raise fault(action)
        return note


def lost(_: Action) -> Exception:
    return LostAnswerError("the engine does not answer: the connection was closed")


def refused(status: int) -> Fault:
    return lambda _: RefusedError(f"said {status}", status=status)


FAULTS: dict[str, tuple[Fault, bool]] = {
    "the answer is lost": (lost, True),
    "the request is lost": (lost, False),
    "the engine is away": (lambda _: NoAnswerError("connection refused"), False),
    "404": (refused(404), False),
    "409": (refused(409), False),
    "503": (refused(503), False),
    "somebody made it": (lambda _: OutOfSequenceError("it already exists"), False),
}


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> Faulty:
    return Faulty(request.node.name)


@pytest.fixture
def project(tmp_path: Path, engine: Faulty) -> Callable[..., Operating]:
    def made(value: int = 0, *, internal: str = "false") -> Operating:
        file = tmp_path / "stack.toml"
        file.write_text(FILE.format(value=value, internal=internal))
        return Operating(stackctl.load(file, environ={}), engine)

    return made


def up(project: Operating) -> Iterator[Event]:
    return project.up(Selection(), UpOptions(), ImageOptions())


def verbs(project: Callable[..., Operating]) -> dict[str, tuple[Callable[[], Iterator[Event]], ...]]:
    """For each verb the runs before it, and the run that has the fault."""
    fresh, changed = lambda: up(project()), lambda: up(project(1, internal="true"))
    stop = lambda: project().stop()  # noqa: E731
    down = lambda: project().down(DownOptions(volumes=True), confirm=lambda _: True)  # noqa: E731
    return {
        "up": (fresh,),
        "recreate": (fresh, changed),
        "down": (fresh, down),
        "stop": (fresh, stop),
        "start": (fresh, stop, lambda: project().start(StartOptions())),
        "restart": (fresh, lambda: project().restart(StartOptions())),
        "pause": (fresh, lambda: project().pause()),
        "unpause": (fresh, lambda: project().pause(), lambda: project().unpause()),
        "remove": (fresh, stop, lambda: project().remove()),
    }


def state(engine: MemoryEngine) -> tuple[set[tuple[object, ...]], set[str], set[str]]:
    now = engine.observe()
    return (
        {(c.name, c.digest, c.state, c.image_id) for c in now.containers},
        {network.name for network in now.networks},
        {volume.name for volume in now.volumes},
    )


@pytest.mark.parametrize(
    ("verb", "fault"),
    [
        *((verb, fault) for verb in ("up", "recreate", "down") for fault in FAULTS),
        *((verb, "409") for verb in ("pause", "unpause")),
        *(
            (verb, "the answer is lost")
            for verb in ("stop", "start", "restart", "pause", "unpause", "remove")
        ),
    ],
)
def test_a_fault_at_any_write_is_settled_within_the_run(
    project: Callable[..., Operating], request: pytest.FixtureRequest, verb: str, fault: str
) -> None:
    right: object = None
    for number in itertools.count(0):  # 0: without a fault
        engine = Faulty(f"{request.node.name}-{number}")
        runs = verbs(lambda *args, engine=engine, **more: _on(project(*args, **more), engine))[verb]
        for run in runs[:-1]:
            assert outcome(run()).exit_code == 0
        engine.number = 0
        engine.at, engine.does_it = ({number: FAULTS[fault][0]} if number else {}), FAULTS[fault][1]
        result = outcome(runs[-1]())
        assert result.exit_code == 0, (number, [str(each.error) for each in result.failures])
        if number:
            assert state(engine) == right, number
        right = state(engine)
        if number > engine.number:
            assert number > 1
            return


def _on(project: Operating, engine: MemoryEngine) -> Operating:
    return Operating(project.stack, engine)


def follow(events: Iterator[Event]) -> tuple[Outcome, str, str]:
    """The outcome of a run, its summary, and its whole report."""
    told = list(events)
    result, plans = outcome(told), [event.plan for event in told if isinstance(event, Planned)]
    return result, summary(result, plans), report(result, plans)


def test_a_refusal_that_comes_again_is_the_answer(project: Callable[..., Operating], engine: Faulty) -> None:
    engine.at = {number: refused(409) for number in range(1, 100)}
    result, _, text = follow(up(project()))
    assert result.exit_code == 1
    assert "said 409" in text
    assert engine.number <= 6, "each call that can begin, twice"


def test_an_answer_that_is_lost_counts_as_the_change_that_it_was(
    project: Callable[..., Operating], engine: Faulty
) -> None:
    assert outcome(up(project())).exit_code == 0
    engine.number, engine.at, engine.does_it = 0, {1: lost}, True
    _, text, _ = follow(project().stop(["db"]))
    assert text.startswith("stopped 1 in ")


def test_what_was_removed_by_a_call_whose_answer_is_lost_may_be_named(
    project: Callable[..., Operating], engine: Faulty
) -> None:
    assert outcome(up(project())).exit_code == 0
    assert outcome(project().stop()).exit_code == 0
    engine.number, engine.at, engine.does_it = 0, {1: lost}, True
    result, text, _ = follow(project().remove(["shop-web-1"]))
    assert result.exit_code == 0
    assert text.startswith("removed 1 in ")


def test_a_first_write_whose_answer_is_lost_for_good_is_not_called_no_change(
    project: Callable[..., Operating], engine: Faulty, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert outcome(up(project())).exit_code == 0
    monkeypatch.setattr(again, "_BACK", 0.0)
    looks = engine.observe

    def observe(project: str = "") -> object:
        if engine.number:
            raise NoAnswerError("connection refused")
        return looks(project)

    monkeypatch.setattr(engine, "observe", observe)
    engine.number, engine.at, engine.does_it = 0, {1: lost}, True
    result, text, whole = follow(project().stop(["db"]))
    assert text.startswith("it is not known what changed · failed 1 in ")
    assert result.exit_code == 5
    assert "connection refused" in whole


def test_what_is_in_the_way_since_the_last_look_is_named(
    project: Callable[..., Operating], engine: Faulty, monkeypatch: pytest.MonkeyPatch
) -> None:
    perform, others = engine.perform, iter([DesiredContainer(name="shop-db-1", service="x", image="app:1")])

    def slower(action: Action, report: Report, cancelled: Callable[[], bool] = lambda: False) -> str:
        if getattr(action, "name", "") == "shop-db-1" and (other := next(others, None)):
            perform(CreateContainer(other, "shop-db-1"), report)
            raise RefusedError("the name is in use", status=409)
        return perform(action, report, cancelled)

    monkeypatch.setattr(engine, "perform", slower)
    result, _, text = follow(up(project()))
    assert result.exit_code == 5
    assert "services.db" in text
    assert "shop-db-1" in text


def test_a_dependency_that_is_removed_while_it_is_waited_for_is_made_again(
    project: Callable[..., Operating], engine: Faulty, monkeypatch: pytest.MonkeyPatch
) -> None:
    removed: list[str] = []
    perform = engine.perform

    def hand(action: Action, report: Report, cancelled: Callable[[], bool] = lambda: False) -> str:
        if isinstance(action, Wait) and not removed:
            removed.append("shop-db-1")
            engine.remove_by_hand("shop-db-1")
            raise GoneError("shop-db-1 is gone")
        return perform(action, report, cancelled)

    monkeypatch.setattr(engine, "perform", hand)
    assert outcome(up(project())).exit_code == 0
    assert removed
    assert {c.name for c in engine.observe().containers if c.running} == {
        "shop-db-1",
        "shop-web-1",
        "shop-web-2",
    }

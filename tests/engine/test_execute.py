"""The executor: order, width, failures, rescue, interruption."""

import threading
from collections.abc import Callable, Iterable
from graphlib import CycleError

import pytest

from stackctl.engine.execute import Cancel, execute
from stackctl.engine.protocol import Report
from stackctl.errors import CancelledError, EngineError, WaitTimeoutError
from stackctl.planner.steps.actions import Action, RemoveVolume, StartContainer, WaitFor, subject
from stackctl.planner.steps.events import Done, Event, Failed, Progress, Progressed, Rescued, Skipped, Started
from stackctl.planner.steps.outcome import outcome
from stackctl.planner.steps.plan import Draft, Plan, Step
from stackctl.spec.model import Condition


def write(name: str) -> RemoveVolume:
    return RemoveVolume(name)


def wait(name: str) -> WaitFor:
    return WaitFor(name, name, Condition.ready)


class World:
    """A doer that records what it was asked, fails at `broken`, and lets a test hold a step at a gate."""

    def __init__(self, *broken: str) -> None:
        self.broken = set(broken)
        self.done: list[str] = []
        self.gates: dict[str, threading.Event] = {}
        self.busy = 0
        self.widest = 0
        self._guard = threading.Lock()

    def gate(self, *names: str) -> None:
        self.gates.update({name: threading.Event() for name in names})

    def open(self) -> None:
        for gate in self.gates.values():
            gate.set()

    def perform(self, action: Action, report: Report, cancelled: Callable[[], bool]) -> str:
        name = subject(action)
        with self._guard:
            self.busy += 1
            self.widest = max(self.widest, self.busy)
        try:
            if name in self.gates:
                while not self.gates[name].wait(0.002):
                    if cancelled() and isinstance(action, WaitFor):
                        return ""
            if name in self.broken:
                raise EngineError(f"{name} broke")
            report(Progressed(f"about {name}"))
            self.done.append(name)
            return f"note of {name}"
        finally:
            with self._guard:
                self.busy -= 1


StepEvent = Started | Progress | Done | Failed | Skipped | Rescued


def names(events: Iterable[Event], kind: type[StepEvent]) -> list[str]:
    return [subject(event.step.action) for event in events if isinstance(event, kind)]


def test_a_step_runs_after_everything_it_waits_for() -> None:
    draft, world = Draft(), World()
    a, b = draft.add(write("a"), ""), draft.add(write("b"), "")
    c = draft.add(write("c"), "", a, b)
    draft.add(write("d"), "", c)
    events = list(execute(draft.plan(), world.perform))
    assert set(world.done[:2]) == {"a", "b"}
    assert world.done[2:] == ["c", "d"]
    assert names(events, Done) == world.done
    assert [e.note for e in events if isinstance(e, Done)] == [f"note of {n}" for n in world.done]
    began = {e.step.id: e.at for e in events if isinstance(e, Started)}
    assert all(e.at - e.seconds >= began[e.step.id] for e in events if isinstance(e, Done))
    assert outcome(events).changed == 4
    assert outcome(events).exit_code == 0


def test_news_arrives_between_start_and_end() -> None:
    draft = Draft()
    draft.add(write("a"), "")
    events = list(execute(draft.plan(), World().perform))
    assert [type(e) for e in events] == [Started, Progress, Done]
    assert isinstance(events[1], Progress)
    assert events[1].news.text == "about a"


def test_an_empty_plan_is_no_work() -> None:
    assert [type(e) for e in execute(Draft().plan(), World().perform)] == []


def test_writes_run_side_by_side_up_to_the_limit() -> None:
    draft, world = Draft(), World()
    for i in range(12):
        draft.add(write(f"w{i}"), "")
    world.gate("w0", "w1", "w2")
    threading.Timer(0.05, world.open).start()
    events = list(execute(draft.plan(), world.perform, jobs=3))
    assert world.widest == 3
    assert names(events, Started) == [f"w{i}" for i in range(12)]  # the plan's order, where there is a choice


def test_waits_leave_the_width_to_writes() -> None:
    draft, world = Draft(), World()
    for i in range(5):
        draft.add(wait(f"wait{i}"), "")
    last = draft.add(write("w"), "")
    world.gate(*(f"wait{i} ready" for i in range(5)))
    seen: list[Event] = []
    for event in execute(draft.plan(), world.perform, jobs=1):
        seen.append(event)
        if isinstance(event, Done) and event.step.id == last:
            world.open()
    assert names(seen, Done)[0] == "w"
    assert len(names(seen, Done)) == 6


def test_a_failure_skips_its_dependents_names_the_first_cause_and_leaves_the_rest_alone() -> None:
    draft, world = Draft(), World("a")
    a = draft.add(write("a"), "")
    b = draft.add(write("b"), "", a)
    draft.add(write("c"), "", b)
    other = draft.add(write("other"), "")
    draft.add(write("after other"), "", other)
    events = list(execute(draft.plan(), world.perform))
    assert sorted(world.done) == ["after other", "other"]
    skipped = [event for event in events if isinstance(event, Skipped)]
    assert [subject(e.step.action) for e in skipped] == ["b", "c"]
    assert {e.because.id for e in skipped if e.because} == {a}
    result = outcome(events)
    assert [f.step.id for f in result.failures] == [a]
    assert (result.changed, len(result.skipped), result.exit_code) == (2, 2, 5)


def test_a_dependent_of_a_failed_step_never_starts_even_when_another_step_releases_it() -> None:
    # "close(done) before the error" (Compose's executor) would start `both` as soon as `slow` is done.
    draft, world = Draft(), World("bad")
    slow, bad = draft.add(write("slow"), ""), draft.add(write("bad"), "")
    draft.add(write("both"), "", slow, bad)
    world.gate("slow")
    for event in execute(draft.plan(), world.perform):
        if isinstance(event, Failed):
            world.gates["slow"].set()
    assert world.done == ["slow"]


def test_nothing_done_and_a_failure_is_1() -> None:
    draft = Draft()
    draft.add(write("a"), "")
    assert outcome(execute(draft.plan(), World("a").perform)).exit_code == 1


def test_an_optional_failure_is_tolerated() -> None:
    draft, world = Draft(), World("a ready")
    a = draft.add(wait("a"), "", optional=True)
    draft.add(write("b"), "", a)
    result = outcome(execute(draft.plan(), world.perform))
    assert world.done == ["b"]
    assert [f.step.id for f in result.tolerated] == [a]
    assert (result.failures, result.exit_code) == ((), 0)


def test_an_optional_step_that_is_skipped_holds_nobody_back() -> None:
    draft, world = Draft(), World("start a")
    start = draft.add(write("start a"), "")
    optional = draft.add(wait("a"), "", start, optional=True)
    draft.add(write("b"), "", optional)
    events = list(execute(draft.plan(), world.perform))
    assert names(events, Skipped) == ["a ready"]
    assert world.done == ["b"]


def test_a_wait_that_ran_out_is_4_even_after_changes() -> None:
    def perform(action: Action, report: Report, cancelled: Callable[[], bool]) -> str:
        if isinstance(action, WaitFor):
            raise WaitTimeoutError("too long")
        return ""

    draft = Draft()
    a = draft.add(write("a"), "")
    draft.add(wait("a"), "", a)
    assert outcome(execute(draft.plan(), perform)).exit_code == 4


def test_a_failure_is_rescued_at_once_and_in_order() -> None:
    draft, world = Draft(), World("start new")
    bad = draft.add(write("start new"), "", rescue=(write("back 1"), write("back 2")))
    draft.add(write("remove old"), "", bad)
    events = list(execute(draft.plan(), world.perform))
    assert world.done == ["back 1", "back 2"]
    assert [type(e) for e in events if not isinstance(e, Progress)] == [
        Started,
        Failed,
        Skipped,
        Rescued,
    ]
    assert [e.error for e in events if isinstance(e, Rescued)] == [None]


def test_a_rescue_that_fails_says_so() -> None:
    draft = Draft()
    draft.add(write("a"), "", rescue=(write("b"), write("c")))
    world = World("a", "b")
    events = list(execute(draft.plan(), world.perform))
    (rescued,) = [e for e in events if isinstance(e, Rescued)]
    assert str(rescued.error) == "b broke"
    assert world.done == []


def test_our_own_mistake_is_an_event_with_its_traceback() -> None:
    def perform(action: Action, report: Report, cancelled: Callable[[], bool]) -> str:
        raise ZeroDivisionError

    draft = Draft()
    draft.add(write("a"), "")
    (failed,) = [e for e in execute(draft.plan(), perform) if isinstance(e, Failed)]
    assert isinstance(failed.error, ZeroDivisionError)
    assert failed.error.__traceback__ is not None


def interrupted_plan() -> Draft:
    draft = Draft()
    slow = draft.add(write("slow"), "")
    draft.add(wait("w"), "")
    draft.add(write("later"), "", slow)
    return draft


def test_cancel_finishes_writes_leaves_waits_and_skips_the_rest() -> None:
    draft, world, cancel = interrupted_plan(), World(), Cancel()
    world.gate("slow", "w ready")
    events: list[Event] = []
    for event in execute(draft.plan(), world.perform, cancel=cancel):
        events.append(event)
        if len(names(events, Started)) == 2 and not cancel():
            cancel.set()
            world.gates["slow"].set()
    assert names(events, Done) == ["slow"]
    assert [(subject(e.step.action), e.because) for e in events if isinstance(e, Skipped)] == [
        ("w ready", None),
        ("later", None),
    ]
    result = outcome(events)
    assert result.interrupted
    assert (result.changed, result.exit_code) == (1, 130)


def test_cancel_from_elsewhere_wakes_the_executor() -> None:
    draft, world, cancel = Draft(), World(), Cancel()
    draft.add(wait("w"), "")
    world.gate("w ready")
    threading.Timer(0.05, cancel.set).start()
    events = list(execute(draft.plan(), world.perform, cancel=cancel))
    assert names(events, Skipped) == ["w ready"]


def test_a_write_that_gives_up_when_called_off_is_skipped() -> None:
    cancel = Cancel()

    def perform(action: Action, report: Report, cancelled: Callable[[], bool]) -> str:
        cancel.set()
        assert cancelled()
        raise CancelledError("the pull was interrupted")

    draft = Draft()
    draft.add(write("pull"), "")
    events = list(execute(draft.plan(), perform, cancel=cancel))
    assert [type(e) for e in events] == [Started, Skipped]
    assert outcome(events).exit_code == 130


def test_a_cancelled_run_begins_nothing() -> None:
    cancel, world = Cancel(), World()
    cancel.set()
    events = list(execute(interrupted_plan().plan(), world.perform, cancel=cancel))
    assert [type(e) for e in events] == [Skipped] * 3
    assert world.done == []


def test_closing_the_generator_lets_writes_finish_and_starts_no_more() -> None:
    draft, world = interrupted_plan(), World()
    world.gate("slow", "w ready")
    run = execute(draft.plan(), world.perform)
    assert [type(next(run)) for _ in range(2)] == [Started, Started]
    threading.Timer(0.05, world.gates["slow"].set).start()
    run.close()
    assert world.done == ["slow"]


def test_a_plan_in_a_circle_is_refused_before_anything_runs() -> None:
    plan = Plan("p", (Step(1, write("a"), "", frozenset({2})), Step(2, write("b"), "", frozenset({1}))))
    with pytest.raises(CycleError):
        execute(plan, World().perform)


def test_starts_with_and_without_rescue_mix() -> None:
    draft, world = Draft(), World("start x")
    draft.add(StartContainer("x", "start x"), "", rescue=(write("back"),))
    draft.add(write("y"), "")
    events = list(execute(draft.plan(), world.perform, jobs=1))
    assert sorted(world.done) == ["back", "y"]
    assert outcome(events).exit_code == 5

"""The summary of an execution and what it makes the command end with."""

import pytest

from stackctl.errors import EngineError, WaitError, WaitTimeoutError
from stackctl.planner.steps.actions import RemoveVolume, WaitFor
from stackctl.planner.steps.events import Done, Event, Failed, Planned, Rescued, Skipped, Started
from stackctl.planner.steps.outcome import outcome
from stackctl.planner.steps.plan import Plan, Step
from stackctl.spec.model import Condition

WRITE = Step(1, RemoveVolume("v"), "")
WAIT = Step(2, WaitFor("c", "c", Condition.ready), "")
OPTIONAL = Step(3, RemoveVolume("w"), "", optional=True)

WROTE = Done(WRITE, 1, 1)
WAITED = Done(WAIT, 2, 1)
BROKE = Failed(WRITE, 3, 1, EngineError("no"))
HOPELESS = Failed(WAIT, 3, 1, WaitError("it ended"))
LATE = Failed(WAIT, 4, 1, WaitTimeoutError("too long"))
TOLERATED = Failed(OPTIONAL, 4, 1, EngineError("never mind"))
SKIPPED = Skipped(WAIT, 5, WRITE)
STOPPED = Skipped(WAIT, 6, None)


@pytest.mark.parametrize(
    ("events", "code"),
    [
        ([], 0),
        ([Planned(Plan(), 0), Started(WRITE, 0), WROTE, WAITED], 0),
        ([WROTE, TOLERATED], 0),
        ([BROKE, SKIPPED], 1),
        ([WAITED, BROKE], 1),
        ([HOPELESS], 1),
        ([WROTE, HOPELESS], 5),
        ([WROTE, BROKE, Rescued(WRITE, 4)], 5),
        ([LATE], 4),
        ([WROTE, BROKE, LATE], 4),
        ([STOPPED], 130),
        ([WROTE, LATE, STOPPED], 130),
    ],
)
def test_the_exit_code(events: list[Event], code: int) -> None:
    assert outcome(events).exit_code == code


def test_the_summary() -> None:
    result = outcome([WROTE, WAITED, BROKE, TOLERATED, SKIPPED])
    assert result.changed == 1
    assert result.failures == (BROKE,)
    assert result.tolerated == (TOLERATED,)
    assert result.skipped == (SKIPPED,)
    assert result.seconds == 5
    assert not result.interrupted


def test_several_waits_for_one_container_fail_for_one_cause() -> None:
    allowed = Failed(
        Step(4, WaitFor("c", "c", Condition.ready), "", optional=True), 3, 1, WaitError("it ended")
    )
    for events in ([allowed, HOPELESS], [HOPELESS, allowed]):
        result = outcome(events)
        assert (result.failures, result.tolerated) == ((HOPELESS,), ())

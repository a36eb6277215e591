"""Whatever happens to a call, the run must say what is so, and the next run must make it good."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from faulty import FAULTS
from points import Command, Point, Scenario, Trial
from private_engine import Machine, alone
from proxy import RecordingProxy
from scenario import Project, recorded
from scenarios import SCENARIOS, fresh, large

pytestmark = pytest.mark.docker

Record = Callable[[str, object], None]


IN_CI = ("first up", "recreate")
"""Scenarios of which CI tries two faults at each call."""
RANDOMLY = ("first up", "recreate", "scale up", "scale down", "down")
"""Scenarios that are killed at random moments."""
REPEATS = [10] * 5
"""50 in all, in parts, so that several processes share them."""
KILLS = 1000
MANY = 200


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    with alone(images=["busybox"]) as machine:
        yield machine


Begin = Callable[[str, Scenario], Trial]


@pytest.fixture
def begin(machine: Machine, tmp_path: Path) -> Iterator[Begin]:
    """Makes a trial on an engine of its own."""
    with ExitStack() as ends:

        def made(name: str, scenario: Scenario) -> Trial:
            directory = tmp_path / name
            directory.mkdir()
            project = ends.enter_context(machine.project(directory / "project"))
            proxy = ends.enter_context(recorded(project, machine.socket, directory / "engine.sock"))
            return Trial(name, scenario, project, proxy)

        yield made


@pytest.mark.parametrize("name", IN_CI)
def test_a_fault_at_any_call_must_be_made_good(
    name: str, project: Project, recorder: RecordingProxy, record_property: Record
) -> None:
    trial = Trial(name, SCENARIOS[name], project, recorder)
    judge(trial.some_points(IN_CI.index(name)), record_property)


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("name", SCENARIOS)
def test_every_fault_at_every_call_must_be_made_good(
    name: str, begin: Begin, record_property: Record
) -> None:
    judge(begin(name, SCENARIOS[name]).points(), record_property)


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("repeats", REPEATS)
@pytest.mark.parametrize("name", IN_CI)
def test_what_ci_tries_must_be_right_each_time(
    name: str, repeats: int, begin: Begin, record_property: Record
) -> None:
    trial = begin(name, SCENARIOS[name])
    for _ in range(repeats):
        judge(trial.some_points(IN_CI.index(name)), record_property)


@pytest.mark.slow
@pytest.mark.timeout(14400)
@pytest.mark.parametrize("name", RANDOMLY)
def test_a_kill_at_any_moment_must_be_made_good(
    name: str, begin: Begin, times: Callable[[int], int], record_property: Record
) -> None:
    trial, draw = begin(name, SCENARIOS[name]), random.Random(0)
    trial.learn()
    moments = (draw.uniform(0, trial.seconds) for _ in range(times(KILLS) // len(RANDOMLY)))
    judge((trial.moment(number, seconds) for number, seconds in enumerate(moments, 1)), record_property)


@pytest.mark.slow
@pytest.mark.timeout(14400)
@pytest.mark.parametrize(("command", "before"), [("up", fresh), ("down", "up")])
def test_a_large_stack_must_come_up_and_go_down_whatever_happens(
    command: str, before: Command, begin: Begin, record_property: Record
) -> None:
    """Each fault once, at calls that lie apart."""
    trial = begin(f"{command} of {MANY}", Scenario(command, large(MANY), [before], quiet=command))
    trial.learn()
    apart = len(trial.calls) // len(FAULTS)
    judge((trial.point(1 + at * apart, fault) for at, fault in enumerate(FAULTS)), record_property)


def judge(points: Iterable[Point], record_property: Record) -> None:
    """None may be wrong. What became of each is in the summary of the tests."""
    wrong = []
    for point in points:
        print(point, flush=True)
        record_property("point", point.row)
        if point.verdict == "wrong":
            wrong.append(str(point))
    assert not wrong, "\n".join(wrong)

"""Since when a container's log is that of its present or last run."""

from __future__ import annotations

import pytest

from stackctl.engine.docker.snapshot import epoch
from stackctl.engine.ready.watched import run_began

NEVER = "0001-01-01T00:00:00Z"
AT_10 = "2020-01-01T00:00:10Z"
JUST_BEFORE = "2020-01-01T00:00:09.9Z"
LONG_BEFORE = "2020-01-01T00:00:00Z"
LATER = "2020-01-01T00:00:30Z"


@pytest.mark.parametrize(
    ("status", "finished", "early"),
    [
        ("running", LONG_BEFORE, 1.0),  # the engine notes a start late, and not by more
        ("running", JUST_BEFORE, 0.05),  # restarted: nothing of the run before
        ("exited", LATER, 1.0),
        ("exited", JUST_BEFORE, 1.0),  # so short a run that its end was noted before its start
        ("restarting", JUST_BEFORE, 1.0),
    ],
)
def test_the_log_of_a_run_begins_a_little_before_its_noted_start(
    status: str, finished: str, early: float
) -> None:
    began = run_began({"Status": status, "StartedAt": AT_10, "FinishedAt": finished})
    assert began is not None
    assert epoch(AT_10) - float(began) == pytest.approx(early, abs=1e-5)


@pytest.mark.parametrize("started", [NEVER, AT_10])
def test_the_whole_log_is_that_of_a_first_run(started: str) -> None:
    assert run_began({"Status": "running", "StartedAt": started, "FinishedAt": NEVER}) is None

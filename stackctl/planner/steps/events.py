"""What happens while a plan is executed. `at` is in seconds since the execution began."""

from __future__ import annotations

from msgspec import Struct

from stackctl.planner.steps.plan import Plan, Step


class Progressed(Struct, frozen=True):
    """News from within a step: a line of the build, bytes pulled, the last answer of a probe."""

    text: str
    current: int | None = None
    total: int | None = None


class Planned(Struct, frozen=True):
    """The execution of a plan begins; `up` has two, images first."""

    plan: Plan
    at: float


class Started(Struct, frozen=True):
    step: Step
    at: float


class Progress(Struct, frozen=True):
    step: Step
    at: float
    news: Progressed


class Done(Struct, frozen=True):
    step: Step
    at: float
    seconds: float
    note: str = ""
    """The note of the action: "killed after 10 s: it ignores SIGTERM"."""


class Failed(Struct, frozen=True):
    step: Step
    at: float
    seconds: float
    error: Exception


class Skipped(Struct, frozen=True):
    """Not done: `because` is the first cause, a step that failed; None if the run was interrupted."""

    step: Step
    at: float
    because: Step | None


class Postponed(Struct, frozen=True):
    """The step failed because what is there is not what the last look has seen, or nobody knows whether it was done (`error`); or it
    needs such a step (None). What is left to do is planned again after another look.
    """

    step: Step
    at: float
    error: Exception | None = None


class Rescued(Struct, frozen=True):
    """After a failure, the rescue has put back what worked before. `error`: why the rescue failed, if it did."""

    step: Step
    at: float
    error: Exception | None = None


class Confirmed(Struct, frozen=True):
    """The last look of an `up`: the services that run."""

    running: frozenset[str]
    at: float


Event = Planned | Started | Progress | Done | Failed | Skipped | Postponed | Rescued | Confirmed

"""What happens while a plan is executed. `at` is in seconds since the execution began."""

from __future__ import annotations

from dataclasses import dataclass

from stackctl.planner.steps.plan import Plan, Step


@dataclass(frozen=True)
class Progressed:
    """News from within a step: a line of the build, bytes pulled, the last answer of a probe."""

    text: str
    current: int | None = None
    total: int | None = None


@dataclass(frozen=True)
class Planned:
    """The execution of a plan begins; `up` has two, images first."""

    plan: Plan
    at: float


@dataclass(frozen=True)
class Started:
    step: Step
    at: float


@dataclass(frozen=True)
class Progress:
    step: Step
    at: float
    news: Progressed


@dataclass(frozen=True)
class Done:
    step: Step
    at: float
    seconds: float
    note: str = ""
    """What the doer has to say: "killed after 10 s: it ignores SIGTERM"."""


@dataclass(frozen=True)
class Failed:
    step: Step
    at: float
    seconds: float
    error: Exception


@dataclass(frozen=True)
class Skipped:
    """Not done: `because` is the first cause, a step that failed; None if the run was interrupted."""

    step: Step
    at: float
    because: Step | None


@dataclass(frozen=True)
class Rescued:
    """After a failure, what worked before was put back; `error` if that failed too."""

    step: Step
    at: float
    error: Exception | None = None


Event = Planned | Started | Progress | Done | Failed | Skipped | Rescued

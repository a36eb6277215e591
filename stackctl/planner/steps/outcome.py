"""The outcome of a plan: a summary of the events of its execution."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce

from msgspec import Struct
from msgspec.structs import replace

from stackctl.errors import LostAnswerError, RolledBackError, WaitTimeoutError
from stackctl.planner.steps.actions import Wait, WaitFor
from stackctl.planner.steps.events import Confirmed, Done, Event, Failed, Planned, Postponed, Skipped
from stackctl.planner.steps.plan import UndoPlan


class Outcome(Struct, frozen=True, kw_only=True):
    """A summary that grows with each event; `seconds` since the execution began."""

    changed: int = 0
    """Steps done that wrote something."""
    failures: tuple[Failed, ...] = ()
    """The first causes, each once. Steps that were skipped because of them are not among them."""
    tolerated: tuple[Failed, ...] = ()
    """Failures of optional steps."""
    skipped: tuple[Skipped, ...] = ()
    postponed: tuple[Postponed, ...] = ()
    """The steps whose failure another look was to settle, and those that needed them. What was left of them was planned again."""
    interrupted: bool = False
    undone: bool = False
    """What the run had changed was taken back, or was to be."""
    stuck: bool = False
    """A step of the way back has failed."""
    running: frozenset[str] | None = None
    """The services that run by the last look; None if there was no last look."""
    seconds: float = 0.0

    def after(self, event: Event) -> Outcome:
        """The summary with one more event."""
        now = replace(self, seconds=max(self.seconds, event.at))
        if self.undone and isinstance(event, Failed) and not event.step.optional:
            now = replace(now, stuck=True)
        match event:
            case Done(step) if not isinstance(step.action, Wait):
                return replace(now, changed=now.changed + 1)
            case Failed() if _told(event, now.failures):
                return now
            case Failed(step) if step.optional:
                return replace(now, tolerated=(*now.tolerated, event))
            case Failed():
                tolerated = tuple(failure for failure in now.tolerated if not _told(failure, [event]))
                return replace(now, failures=(*now.failures, event), tolerated=tolerated)
            case Planned(UndoPlan(steps=steps)) if steps:
                return replace(now, undone=True)
            case Confirmed(running):
                return replace(now, running=running)
            case Postponed():
                return replace(now, postponed=(*now.postponed, event))
            case Skipped(because=cause):
                return replace(
                    now, skipped=(*now.skipped, event), interrupted=now.interrupted or cause is None
                )
        return now

    @property
    def exit_code(self) -> int:
        """130: interrupted. 6: what the run had changed went back to what it was before, or a service of a Swarm did. 4: a container was not ready in time. 5: something was changed, or may have been, and something failed. 1: something
        failed and nothing was changed. 0: all is done.
        """
        if self.interrupted:
            return 130
        if (self.undone and not self.stuck) or any(
            isinstance(failure.error, RolledBackError) for failure in self.failures
        ):
            return 6
        if any(isinstance(failure.error, WaitTimeoutError) for failure in self.failures):
            return 4
        if self.failures:
            return 5 if self.changed or self.unsure else 1
        return 0

    @property
    def unsure(self) -> bool:
        """Whether the engine may have changed something in a call whose answer was lost."""
        events: tuple[Failed | Postponed, ...] = (*self.failures, *self.postponed)
        return any(
            isinstance(event.error, LostAnswerError) and not isinstance(event.step.action, Wait)
            for event in events
        )


def outcome(events: Iterable[Event]) -> Outcome:
    """Sum up a whole execution."""
    return reduce(Outcome.after, events, Outcome())


def succeed(events: Iterable[Event]) -> Outcome:
    """Follow an execution to its end. Raises the first cause of a failure."""
    result = outcome(events)
    for failure in result.failures:
        raise failure.error
    return result


def _told(failure: Failed, others: Iterable[Failed]) -> bool:
    """Whether a wait for the same container is among the others. Several failed waits for a container have one cause."""
    waits = [other.step.action for other in others if isinstance(other.step.action, WaitFor)]
    action = failure.step.action
    return isinstance(action, WaitFor) and any(action.container == wait.container for wait in waits)

"""Look again and plan again, if what is there is not what a plan was made for, or if nobody knows whether a step was done."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import closing

from msgspec.structs import replace

from stackctl.engine.execute import Cancel
from stackctl.engine.transport.client import RefusedError
from stackctl.errors import GoneError, NoAnswerError, OutOfSequenceError, StackError
from stackctl.planner.steps.actions import (
    BuildImage,
    KillContainer,
    PullImage,
    PushImage,
    RunHook,
    subject,
)
from stackctl.planner.steps.events import Confirmed, Event, Failed, Postponed, Skipped
from stackctl.planner.steps.plan import Plan, Step
from stackctl.real import monotonic

Events = Generator[Event, None, None]

ROUNDS = 3
"""How often a run plans: a last look that is always too old is a fault that another look does not cure."""
_CHANGED = (404, 409, 503)
"""What an engine answers if something is gone, if something is in the way, and if it cannot do the call at the moment."""
_ANSWERED = (PullImage, BuildImage, PushImage)
"""The actions whose refusal is the answer of a registry."""
_BACK = 10.0
"""Seconds that an engine which was restarted has to come back."""
_PAUSE = 0.3


def settled(
    plan: Plan,
    act: Callable[[Plan], Events],
    again: Callable[[], Plan | None],
    cancel: Cancel | None = None,
) -> Events:
    """Do a plan with `act`. If nothing else fails than steps that another look can settle, these steps and those that need them are
    `Postponed`, and the plan of `again` is done, which looks anew. There are at most ROUNDS plans.

    | failure | what may have happened |
    |---|---|
    | no answer came that can be read | the engine did it, or did not |
    | 404, or a wait for a container that is gone | somebody else has removed it |
    | 409, `OutOfSequenceError` | somebody else has made or changed it; or this run did, and the answer was lost |
    | 503 | the engine could not at this moment |

    A hook, a signal and a refusal by a registry are no such failures: another look does not see whether they were done. Nor is a
    refusal that comes a second time, or a failure of an optional step.
    """
    told: set[tuple[type, str, str]] = set()
    for left in reversed(range(ROUNDS)):
        held: list[Failed] = []
        behind: list[Skipped] = []
        failed = False
        try:
            with closing(act(plan)) as events:
                for event in events:
                    match event:
                        case Failed(step, at, _, error) if left and _may_settle(event, told):
                            held.append(event)
                            yield Postponed(step, at, error)
                            continue
                        case Skipped(step, at, because) if because in [each.step for each in held]:
                            behind.append(event)
                            yield Postponed(step, at)
                            continue
                        case Failed(step) if not step.optional:
                            failed = True
                        case Confirmed() if held:
                            continue
                    yield event
        except NoAnswerError:  # a look, not a step
            if not left or failed:
                raise
        else:
            if not held:
                return
        if failed or _wished(cancel):
            yield from held
            yield from behind
            return
        told |= {_key(each.step, each.error) for each in held if isinstance(each.error, RefusedError)}
        if any(isinstance(each.error, NoAnswerError) for each in held):
            time.sleep(_PAUSE)  # the engine may be doing now what it was asked
        try:
            following = _once_there(again, cancel)
        except StackError as error:
            if not held:
                raise
            yield replace(held[0], error=error)
            yield from held[1:]
            yield from behind
            return
        if following is None:
            return
        plan = following


def _may_settle(failure: Failed, told: set[tuple[type, str, str]]) -> bool:
    """Whether another look may tell what became of the step, or how to go on without it."""
    step, error = failure.step, failure.error
    if step.optional or isinstance(step.action, RunHook | KillContainer) or _key(step, error) in told:
        return False
    if isinstance(error, RefusedError):
        return error.status in _CHANGED and not isinstance(step.action, _ANSWERED)
    return isinstance(error, NoAnswerError | OutOfSequenceError | GoneError)


def _key(step: Step, error: Exception) -> tuple[type, str, str]:
    return type(step.action), subject(step.action), str(error)


def _once_there(again: Callable[[], Plan | None], cancel: Cancel | None) -> Plan | None:
    """Look and plan as soon as the engine answers. Raises `NoAnswerError` if that takes too long."""
    deadline = monotonic() + _BACK
    while True:
        try:
            return again()
        except NoAnswerError:
            if monotonic() >= deadline or _wished(cancel):
                raise
        time.sleep(_PAUSE)


def _wished(cancel: Cancel | None) -> bool:
    return cancel is not None and cancel()

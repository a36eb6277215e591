"""The words for what took time in a run."""

from __future__ import annotations

from collections.abc import Mapping

from stackctl.planner.steps.critical import CriticalPart, ServiceWait
from stackctl.planner.steps.timeline import TimedStep
from stackctl.show.text.amounts import quoted
from stackctl.show.words import MET, NAMES, Name
from stackctl.spec.model import Condition

_NAMES: Mapping[str, Name] = {kind.__name__: name for kind, name in NAMES.items()}


def subject_of(step: TimedStep) -> str:
    """What a step is about: `api`, `network shop_default`, `image postgres:15`."""
    name = _NAMES.get(step.action)
    if step.of and (name is None or name.noun == "container"):
        return quoted(str(step.of))
    return f"{name.noun if name else 'object'} {quoted(step.subject)}"


def said(step: TimedStep) -> str:
    """What a step did: `api created`, `image postgres:15 pulled`, `api to be healthy`."""
    if step.phase == "ready":
        text = f"{subject_of(step)} {_met(step.condition)}"
    else:
        name = _NAMES.get(step.action)
        text = f"{subject_of(step)} {name.done.lower() if name else 'done'}"
    return text if step.result == "done" else f"{text} ({step.result})"


def reason(link: CriticalPart) -> str:
    """What a part of the critical path was: `api waited for db to be healthy`."""
    step = link.step
    if step is None:
        return "looked at the engine, and planned" if link.kind == "plan" else "looked once more at what runs"
    if link.kind == "queue":
        return f"{subject_of(step)} waited for its turn: as many steps as may write at once were under way"
    if step.phase == "ready":
        return f"{quoted(link.waiter) or 'it'} waited for {said(step)}"
    if step.phase == "start" and step.result == "done" and link.waiter not in ("", "up"):
        return f"{quoted(link.waiter)} waited for {subject_of(step)} to be started"
    return said(step)


def wait_said(wait: ServiceWait) -> str:
    """`api waited for db to be healthy`."""
    return f"{quoted(wait.who)} waited for {quoted(wait.of)} {_met(wait.until)}"


def _met(condition: str) -> str:
    return MET[Condition[condition]][0] if condition in Condition.__members__ else "to be ready"

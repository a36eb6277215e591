"""Go back after an `up` that failed."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing

from stackctl.engine.execute import Act, Cancel, execute
from stackctl.engine.protocol import Manage
from stackctl.errors import StackError
from stackctl.planner.life.stops import Stops
from stackctl.planner.steps.actions import StopContainer
from stackctl.planner.steps.events import Confirmed, Event, Failed, Planned, Skipped, Started
from stackctl.planner.steps.plan import Plan
from stackctl.planner.undoing import Before, plan_undo
from stackctl.planner.up.confirmation import running_replicas
from stackctl.planner.up.planning import UpPlan
from stackctl.planner.world.matching import is_ours, ours
from stackctl.real import monotonic

Events = Generator[Event, None, None]


def with_last(
    events: Events, last: Plan, perform: Act, *, cancel: Cancel | None = None, began: float
) -> Events:
    """Pass on the events of an `up`, then do the `last` steps of its plan. They are skipped if anything has failed."""
    failed, cause = False, None
    with closing(events):
        for event in events:
            if isinstance(event, Failed | Skipped) and not event.step.optional:
                failed = True
                cause = cause or (event.step if isinstance(event, Failed) else event.because)
            yield event
    if failed:
        for step in last.steps:
            yield Skipped(step, monotonic() - began, cause)
    else:
        yield from execute(last, perform, cancel=cancel, began=began)


def or_undone(events: Events, plan: UpPlan, engine: Manage, *, began: float) -> Events:
    """Pass on the events of an `up`; `plan` is its first plan. If a step fails that is not optional, or if the run is interrupted, go
    back to what was there before: the plan for that is an `UndoPlan`.

    Once everything is ready, nothing goes back any more, not even if an old container cannot be removed. The way back cannot be
    cancelled. `began` is a time of `real.monotonic`. Raises EngineError if nobody can look at what is there now.
    """
    before = _before(plan, engine)
    failed, stopped = False, set[str]()
    try:
        with closing(events):
            for event in events:
                if isinstance(event, Failed | Skipped) and not event.step.optional and not event.step.last:
                    failed = True
                if isinstance(event, Started) and isinstance(event.step.action, StopContainer):
                    stopped.add(event.step.action.container)
                yield event
    except StackError:
        yield from _undo(before, plan, stopped, engine, began)
        raise
    if failed:
        yield from _undo(before, plan, stopped, engine, began)


def _before(plan: UpPlan, engine: Manage) -> Before:
    """What is there now, with what only the engine's closer answers tell."""
    desired, observed = plan.desired, plan.view.observed
    containers = [container.id for container in ours(observed, desired.project, desired.instance)]
    networks = [network.id for network in observed.networks if is_ours(network, plan.view.desired)]
    return Before(plan.view, engine.arrangement(containers, networks))


def _undo(before: Before, plan: UpPlan, stopped: set[str], engine: Manage, began: float) -> Events:
    desired = before.view.desired
    observed = engine.observe()
    there = {container.id for container in observed.containers} & before.arrangement.containers.keys()
    undo = plan_undo(before, observed, engine.arrangement(there, ()), Stops.of(plan.stack), stopped)
    if not undo.steps:
        return
    yield Planned(undo, monotonic() - began)
    yield from execute(undo, engine.perform, cancel=Cancel(), began=began)
    running = running_replicas(desired, engine.containers(desired.project))
    yield Confirmed(frozenset(replica.service for replica in running), monotonic() - began)

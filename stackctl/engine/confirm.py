"""The last look of `up`: a container that should run and does not has failed."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing

from stackctl.engine.execute import Cancel, execute
from stackctl.engine.protocol import Manage, Perform
from stackctl.errors import EngineError
from stackctl.planner.steps.events import Confirmed, Done, Event, Failed, Planned, Skipped, Started
from stackctl.planner.steps.outcome import outcome
from stackctl.planner.steps.plan import Plan
from stackctl.planner.up.confirmation import last_seen, plan_confirmation, plan_settling, running_replicas
from stackctl.planner.world.desired import Desired
from stackctl.planner.world.replica import Replica
from stackctl.real import monotonic


def confirmed(
    events: Generator[Event, None, None],
    desired: Desired,
    engine: Manage,
    *,
    cancel: Cancel | None = None,
    began: float,
) -> Generator[Event, None, None]:
    """Pass on the events of an `up`, then look again and tell which services run. A container that should run and does not
    is a `Failed` event.

    If no step was done, nothing is looked at again. After an interrupt nothing is waited for. `began` is a time of
    `real.monotonic`.
    """
    ended: list[Done | Failed | Skipped] = []
    with closing(events):
        for event in events:
            if isinstance(event, Done | Failed | Skipped):
                ended.append(event)
            yield event
    if not ended:
        return
    result = outcome(ended)
    told = {event.step.of for event in ended if not isinstance(event, Done)}
    if not result.interrupted:
        settling = plan_settling(desired, ended, monotonic() - began, told)
        told |= yield from _failures(settling, engine, cancel, began)
    seen = last_seen(ended, monotonic() - began)
    try:
        containers = engine.containers(desired.project)
    except EngineError:
        if result.exit_code:
            return  # the run has failed already: its failure says more than this one
        raise
    running: set[Replica | None] = {*running_replicas(desired, containers)}
    if not result.interrupted:
        plan = plan_confirmation(desired, containers, told, seen)
        failed = yield from _failures(plan, engine, cancel, began)
        running = (running | {step.of for step in plan.steps}) - failed
    dead = {want.service for want in desired.containers if want.replica not in running}
    services = frozenset(replica.service for replica in running if replica) - dead
    yield Confirmed(services, monotonic() - began)


def _failures(
    plan: Plan, engine: Perform, cancel: Cancel | None, began: float
) -> Generator[Event, None, set[Replica | None]]:
    """Execute a plan of waits. Yield only the waits that fail, and the plan's notes. Return the replicas that failed."""
    planned = Planned(plan, monotonic() - began)
    events = list(execute(plan, engine.perform, cancel=cancel, began=began))
    failed = {event.step.id: event.step.of for event in events if isinstance(event, Failed)}
    if failed or plan.notes:
        yield planned
    yield from (e for e in events if isinstance(e, Started | Failed) and e.step.id in failed)
    return set(failed.values())

"""The end of `up`: which of the services that should run do not.

| what the last look shows | what it means |
|---|---|
| running, paused | it runs |
| running for less time than since this `up` last saw it run | the engine has restarted it: a wait tells whether it ends again |
| exited with 0, no check and no restart policy | it is done; a note suggests `[jobs]` |
| restarting | a wait tells whether it ends again |
| anything else, or no container | it does not run: a wait fails at once and brings the exit code and the log |
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from types import MappingProxyType

from msgspec.structs import replace

from stackctl.planner.steps.actions import StartContainer, WaitFor
from stackctl.planner.steps.events import Done, Event
from stackctl.planner.steps.plan import Draft, Plan
from stackctl.planner.world.desired import Desired, DesiredContainer
from stackctl.planner.world.observed import ObservedContainer
from stackctl.planner.world.replica import Replica
from stackctl.spec.model import Condition

SETTLING = 0.5
"""Seconds that a service without any check must keep running: a program that cannot run at all ends sooner."""
_STARTING = 5.0
"""Seconds from the start of a container until its program has begun, on a busy machine."""
_PATIENCE = 10.0
"""Seconds that a service which restarts at the end of `up` has to start again, and must keep running at most."""
_RESTARTS = 2
"""A service that ends once, and is restarted, may have waited for another one: twice is again and again."""


def plan_settling(
    desired: Desired, events: Iterable[Event], now: float, told: Collection[Replica | None] = ()
) -> Plan:
    """Wait until the services without any check that were started lately have kept running for `SETTLING` seconds.

    A program that has run that long already is waited for no more: one look at its container shows it. `events` are those of the
    run so far; `now` counts as their times do. The containers in `told` have failed already and are left out.
    """
    started = {
        event.step.of: event.at
        for event in events
        if isinstance(event, Done) and isinstance(event.step.action, StartContainer)
    }
    draft = Draft(desired.project)
    for want in _services(desired):
        ran = now - started.get(want.replica, -_STARTING)
        if ran < _STARTING and want.replica not in told and not _has_check(want):
            action = _keeps_running(want, want.name, settle=SETTLING, oneshot_ok=want.restart == "no")
            why = "it has no check, and has just been started"
            draft.add(replace(action, ran=ran), why, of=want.replica)
    return draft.plan()


def last_seen(events: Iterable[Event], now: float) -> dict[Replica | None, float]:
    """How many seconds before `now` an `up` last saw a container run: when it had started it, or waited for it."""
    return {
        event.step.of: now - event.at
        for event in events
        if isinstance(event, Done) and isinstance(event.step.action, StartContainer | WaitFor)
    }


def plan_confirmation(
    desired: Desired,
    containers: Iterable[ObservedContainer],
    told: Collection[Replica | None] = (),
    seen: Mapping[Replica | None, float] = MappingProxyType({}),
) -> Plan:
    """Wait for each service that should run and does not: the wait fails and brings the evidence.

    `containers` are those of the project. The containers in `told` have failed already and are left out. `seen` is what
    `last_seen` tells of the time just before the containers were listed. A container that the engine restarts must keep
    running for as long as it was not seen: a program that ends again and again ends in that time.
    """
    found = {c.name: c for c in containers if c.instance == desired.instance}
    draft, ended = Draft(desired.project), []
    for want in _services(desired):
        have = found.get(want.name)
        away = seen.get(want.replica)
        restarted = have is not None and away is not None and have.runs_less_than <= away
        if want.replica in told or (have and have.state in ("running", "paused") and not restarted):
            continue
        if have and have.completed and want.restart == "no" and not want.probes:
            ended.append(want.service)
            continue
        settle = min(max(away or 0.0, SETTLING), _PATIENCE)
        action = _keeps_running(want, have.id if have else want.name, settle=settle, oneshot_ok=False)
        if away is not None:
            action = replace(action, restarts=_RESTARTS)
        why = "the engine has restarted it" if restarted else "it should run, and does not"
        draft.add(action, why, of=want.replica)
    if ended:
        names = ", ".join(ended)
        draft.notes.append(
            f"ended with exit code 0: {names} (a program that runs to its end belongs under [jobs] of a stack.toml)"
        )
    return draft.plan()


def running_replicas(desired: Desired, containers: Iterable[ObservedContainer]) -> frozenset[Replica]:
    """The containers of services of the stack that run."""
    return frozenset(
        c.replica
        for c in containers
        if c.instance == desired.instance and c.state in ("running", "paused") and c.kind == "service"
    )


def _services(desired: Desired) -> Iterator[DesiredContainer]:
    return (want for want in desired.containers if want.kind == "service")


def _has_check(want: DesiredContainer) -> bool:
    """Whether something else than the container's state tells that it is ready."""
    return bool(want.probes) or any(port.protocol == "tcp" for port in want.ports)


def _keeps_running(want: DesiredContainer, container: str, *, settle: float, oneshot_ok: bool) -> WaitFor:
    return WaitFor(
        container,
        want.name,
        Condition.started,
        timeout=_PATIENCE + settle,
        oneshot_ok=oneshot_ok,
        settle=settle,
    )

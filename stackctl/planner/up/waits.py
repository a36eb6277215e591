"""Waiting as steps: one wait for one condition, however many ask for it, and none for what the snapshot already shows."""

from __future__ import annotations

from stackctl.planner.steps.actions import WaitFor
from stackctl.planner.up.slots import Slot
from stackctl.planner.up.work import Work
from stackctl.planner.world import observed as seen
from stackctl.planner.world.desired import Container, Need
from stackctl.planner.world.probes import CommandProbe, Probe
from stackctl.spec.model import Condition


def gates(work: Work, slot: Slot) -> list[int | None]:
    """The steps after which everything a container needs is there; None for what is there already."""
    return [_gate(work, slot, need) for need in slot.want.needs]


def _gate(work: Work, slot: Slot, need: Need) -> int | None:
    other = work.slots.by_service[need.service]
    why = f"{slot.want.service} needs it"
    if need.condition is Condition.started and need.required:
        return work.started.get(need.service)
    return _wait(work, other, need.condition, why, ports=_ports(other.want), required=need.required)


def wait_until_ready(work: Work, slot: Slot) -> None:
    """What `up` itself waits for: a job's end, a service's readiness.

    A running service that only its published ports could tell about is believed: to ask would cost every `up` a call each.
    """
    job = slot.want.kind == "job"
    ports = _ports(slot.want) if slot.starts else ()
    _wait(work, slot, Condition.completed if job else Condition.ready, "up waits for it", ports=ports)


def _wait(
    work: Work, slot: Slot, condition: Condition, why: str, *, ports: tuple[int, ...], required: bool = True
) -> int | None:
    want, started = slot.want, work.started.get(slot.want.service)
    condition = _sure(condition, want)
    if slot.paused or (started is None and _is_met(work, slot, condition, ports)):
        return None
    key = (want.service, condition, required)
    if key not in work.waits:
        container = slot.current.id if slot.current else want.name
        action = wait_for(want, container, condition, timeout=work.options.wait_timeout, ports=ports)
        work.waits[key] = work.draft.add(action, why, started, service=want.service, optional=not required)
    return work.waits[key]


def wait_for(
    want: Container,
    container: str,
    condition: Condition = Condition.ready,
    *,
    timeout: float,
    ports: tuple[int, ...] | None = None,
) -> WaitFor:
    """The wait for one container, given by id or name; `ports` are those that must accept where there is no check (all
    that are published).
    """
    condition = _sure(condition, want)
    return WaitFor(
        container=container,
        name=want.name,
        condition=condition,
        probes=want.probes,
        timing=want.timing,
        timeout=timeout,
        ports=_ports(want) if ports is None else ports,
        oneshot_ok=want.kind == "job" or (want.restart == "no" and condition is not Condition.healthy),
    )


def _sure(condition: Condition, want: Container) -> Condition:
    """Where there is a check, ready means healthy."""
    return Condition.healthy if condition is Condition.ready and want.probes else condition


def _ports(want: Container) -> tuple[int, ...]:
    """The ports that must accept connections where there is no check."""
    return () if want.probes else tuple(port.target for port in want.ports if port.protocol == "tcp")


def unanswered(want: Container, have: seen.Container) -> tuple[Probe, ...]:
    """The checks of a container that the engine's verdict on its health does not answer."""
    healthy = have.health == "healthy"
    return tuple(probe for probe in want.probes if not (healthy and isinstance(probe, CommandProbe)))


def _is_met(work: Work, slot: Slot, condition: Condition, ports: tuple[int, ...]) -> bool:
    """Whether the snapshot itself shows that the current container meets the condition."""
    want, have = slot.want, slot.current
    if have is None or condition is Condition.completed or want.kind == "job":
        return have is not None and have.completed
    if condition is Condition.started or have.state != "running":
        return have.running and condition is Condition.started
    if want.probes:
        return have.id in work.observed.ready or not unanswered(want, have)
    return have.health == "healthy" or (not have.health and not ports and condition is Condition.ready)

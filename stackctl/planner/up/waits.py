"""Waiting as steps: one wait for one condition, however many ask for it, and none for what the snapshot already shows."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from stackctl.planner.steps.actions import WaitFor
from stackctl.planner.up.slots import Slot
from stackctl.planner.up.work import Work
from stackctl.planner.world import observed as seen
from stackctl.planner.world.desired import Container, Need
from stackctl.planner.world.probes import CommandProbe, Probe
from stackctl.spec.model import Condition


def gates(work: Work, slot: Slot) -> list[int | None]:
    """The steps after which a container that this plan starts finds everything it needs.

    Order and failure pass through a dependency that this plan does not start: what that one needs has to be there, too.
    """
    unmet = _unmet(work, slot)
    work.unmet[slot.want.replica] = [need for need, _ in unmet]
    return [step for need, why in unmet for step in _gates(work, need, why)] if slot.starts else []


def _unmet(work: Work, slot: Slot) -> list[tuple[Need, str]]:
    """What has to happen before a container is started, each with the reason: its own needs, and those behind them."""
    replica = slot.want.replica
    found: dict[tuple[str, Condition], tuple[Need, str]] = {}

    def add(need: Need, why: str) -> None:
        key = (need.service, need.condition)
        if key not in found or (need.required and not found[key][0].required):
            found[key] = (need, why)

    for need in slot.want.needs:
        for other in work.slots.by_service[need.service]:
            if not _is_met(work, other, need.condition, _ports(other.want)):
                add(need, f"{replica} needs it")
            for behind in work.unmet[other.want.replica] if not other.starts else ():
                required = need.required and behind.required
                add(replace(behind, required=required), f"{replica} needs {need.service}, which needs it")
    return [*found.values()]


def _gates(work: Work, need: Need, why: str) -> Iterator[int | None]:
    """A need is met once every replica of the service meets it."""
    for other in work.slots.by_service[need.service]:
        if need.condition is Condition.started and need.required:
            yield work.started.get(other.want.replica)
        else:
            yield _wait(work, other, need.condition, why, ports=_ports(other.want), required=need.required)


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
    want, started = slot.want, work.started.get(slot.want.replica)
    condition = _sure(condition, want)
    if _is_met(work, slot, condition, ports):
        return None
    key = (want.replica, condition, required)
    if key not in work.waits:
        container = slot.current.id if slot.current else want.name
        action = wait_for(want, container, condition, timeout=work.options.wait_timeout, ports=ports)
        work.waits[key] = work.draft.add(action, why, started, of=want.replica, optional=not required)
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
    """Whether nobody has to wait for a condition: the snapshot itself shows that the current container meets it.

    A paused container never will, until somebody wakes it; it is not waited for.
    """
    want, have, condition = slot.want, slot.current, _sure(condition, slot.want)
    if slot.paused or have is None or slot.starts:
        return slot.paused
    if condition is Condition.completed or want.kind == "job":
        return have.completed
    if condition is Condition.started or have.state != "running":
        return have.running and condition is Condition.started
    if want.probes:
        return work.observed.passed(have) or not unanswered(want, have)
    return have.health == "healthy" or (not have.health and not ports and condition is Condition.ready)

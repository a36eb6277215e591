"""Waits as steps: one wait for each condition, even if several containers need it; none if the snapshot shows it already."""

from __future__ import annotations

from collections.abc import Iterator

from stackctl.planner.steps.actions import WaitFor
from stackctl.planner.steps.facts import ContainerStarted, Fact, Met
from stackctl.planner.up.needs import is_met, ports_to_ask, sure
from stackctl.planner.up.work import Work
from stackctl.planner.view.slots import Slot
from stackctl.planner.world.desired import DesiredContainer
from stackctl.spec.model import Condition


def gates(work: Work, slot: Slot) -> Iterator[Fact]:
    """The facts that must be true before this plan starts a container. A need is met once every replica of the service meets it."""
    for unmet in work.unmet[slot.want.replica] if slot.starts else ():
        need = unmet.need
        for other in work.slots.by_service[need.service]:
            if need.condition is Condition.started and need.required:
                yield ContainerStarted(other.want.replica)
            else:
                ports = ports_to_ask(other.want)
                yield _wait(work, other, need.condition, unmet.why, ports=ports, required=need.required)


def wait_until_ready(work: Work, slot: Slot, why: str = "up waits for it") -> None:
    """Add the wait of `up` itself: for a job's end, or until a service is ready.

    A running service without a check counts as ready: to ask its published ports would cost every `up` a call.
    """
    job = slot.want.kind == "job"
    ports = ports_to_ask(slot.want) if slot.starts else ()
    _wait(work, slot, Condition.completed if job else Condition.ready, why, ports=ports)


def _wait(
    work: Work, slot: Slot, condition: Condition, why: str, *, ports: tuple[int, ...], required: bool = True
) -> Met:
    want = slot.want
    met = Met(want.replica, sure(condition, want), required)
    if not work.draft.makes(met) and not is_met(work.view, slot, condition, ports):
        container = slot.current.id if slot.current else want.name
        timeout = work.view.options.wait_timeout
        action = wait_for(want, container, condition, timeout=timeout, ports=ports)
        needs = ContainerStarted(want.replica)
        work.draft.add(action, why, needs, makes=[met], of=want.replica, optional=not required)
    return met


def wait_for(
    want: DesiredContainer,
    container: str,
    condition: Condition = Condition.ready,
    *,
    timeout: float,
    ports: tuple[int, ...] | None = None,
) -> WaitFor:
    """The wait for one container, which is given by id or name. `ports` are the ports that must accept a connection if there is
    no check (default: all published ports).
    """
    condition = sure(condition, want)
    return WaitFor(
        container=container,
        name=want.name,
        condition=condition,
        probes=want.probes,
        timing=want.timing,
        timeout=timeout,
        ports=ports_to_ask(want) if ports is None else ports,
        oneshot_ok=want.kind == "job" or (want.restart == "no" and condition is not Condition.healthy),
    )

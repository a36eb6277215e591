"""Find what must happen before a container can be started, unless the snapshot shows that it has happened."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from stackctl.planner.view.slots import Slot
from stackctl.planner.view.view import View
from stackctl.planner.world.checks import unanswered
from stackctl.planner.world.desired import DesiredContainer, Need
from stackctl.planner.world.replica import Replica
from stackctl.spec.model import Condition


class Unmet(Struct, frozen=True):
    need: Need
    why: str
    """The reason: who needs it."""


def unmet_needs(view: View) -> dict[Replica, list[Unmet]]:
    """What each container needs that is not there yet: its own needs, and those behind them.

    Order and failure pass through a dependency that this plan does not start: what that one needs has to be there, too.
    """
    found: dict[Replica, list[Unmet]] = {}
    for slot in view.slots:
        found[slot.want.replica] = _unmet(view, slot, found)
    return found


def _unmet(view: View, slot: Slot, before: dict[Replica, list[Unmet]]) -> list[Unmet]:
    replica = slot.want.replica
    found: dict[tuple[str, Condition], Unmet] = {}

    def add(need: Need, why: str) -> None:
        key = (need.service, need.condition)
        if key not in found or (need.required and not found[key].need.required):
            found[key] = Unmet(need, why)

    for need in slot.want.needs:
        for other in view.slots.by_service[need.service]:
            if not is_met(view, other, need.condition, ports_to_ask(other.want)):
                add(need, f"{replica} needs it")
            for behind in before[other.want.replica] if not other.starts else ():
                required = need.required and behind.need.required
                add(
                    replace(behind.need, required=required), f"{replica} needs {need.service}, which needs it"
                )
    return [*found.values()]


def is_met(view: View, slot: Slot, condition: Condition, ports: tuple[int, ...]) -> bool:
    """Whether the snapshot shows that the current container meets the condition, so that no wait is needed.

    A paused container cannot meet a condition until somebody unpauses it; it is not waited for.
    """
    want, have, condition = slot.want, slot.current, sure(condition, slot.want)
    if slot.paused or have is None or slot.starts:
        return slot.paused
    if condition is Condition.completed or want.kind == "job":
        return have.completed
    if condition is Condition.started or have.state != "running":
        return have.running and condition is Condition.started
    if want.probes:
        return view.observed.passed(have) or not unanswered(want, have)
    return have.health == "healthy" or (not have.health and not ports and condition is Condition.ready)


def sure(condition: Condition, want: DesiredContainer) -> Condition:
    """The condition; for a container with a check, `ready` becomes `healthy`."""
    return Condition.healthy if condition is Condition.ready and want.probes else condition


def ports_to_ask(want: DesiredContainer) -> tuple[int, ...]:
    """The ports that must accept connections if there is no check."""
    if want.probes or not want.settings.builtin_check:
        return ()
    return tuple(port.target for port in want.ports if port.protocol == "tcp")

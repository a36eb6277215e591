"""The networks of `up`: they are made, or made again and their containers reconnected, or left alone with a note."""

from __future__ import annotations

from stackctl.planner.steps.actions import CreateNetwork, DisconnectNetwork, RemoveNetwork
from stackctl.planner.steps.facts import Fact, NetworkThere, Removed
from stackctl.planner.up.work import Work
from stackctl.planner.world.adopting import COMPOSE
from stackctl.planner.world.desired import DesiredNetwork
from stackctl.planner.world.matching import is_ours
from stackctl.planner.world.observed import ObservedContainer, ObservedNetwork


def plan_networks(work: Work) -> None:
    for network in work.desired.networks:
        have = work.slots.networks.meant.get(network.name)
        if network.external:
            continue
        if have is None:
            work.draft.add(CreateNetwork(network), "not there", makes=[NetworkThere(network.name)])
        elif not is_ours(have, work.desired):
            work.draft.notes.append(f"network {network.name} was not made by this stack: it is used as it is")
        elif network.name in work.slots.rebuilt:
            _rebuild(work, network, have)
        elif others := work.slots.kept.get(network.name):
            names = ", ".join(others)
            work.draft.notes.append(f"network {network.name} changed and is kept: {names} would lose it")


def _rebuild(work: Work, network: DesiredNetwork, have: ObservedNetwork) -> None:
    """Remove a network and make it again. Only an empty network can be removed: every container leaves it, and joins the new
    network before the container is started again.
    """
    why = f"adopted from {COMPOSE}" if have.source == COMPOSE else "its definition changed"
    inside = work.slots.networks.members.get(have.id, ())
    staying = [c for c in inside if not work.draft.makes(Removed(c.id))]
    position = work.slots.ties.position
    dependents_first = sorted(staying, key=lambda c: position.get(c.replica, -1), reverse=True)
    left: list[Fact | int] = [Removed(c.id) for c in inside]
    left += [_leave(work, c, have, why) for c in dependents_first]
    gone = work.draft.add(RemoveNetwork(have.id, network.name), why, *left)
    work.draft.add(CreateNetwork(network), why, gone, makes=[NetworkThere(network.name)])


def _leave(work: Work, container: ObservedContainer, network: ObservedNetwork, why: str) -> int:
    stopped = None
    if container.running:
        stopped = work.stop(container, f"network {network.name} is rebuilt")
    action = DisconnectNetwork(container.id, network.id, network.name, container.name)
    return work.draft.add(action, why, stopped, of=container.replica)


def plan_superseded_networks(work: Work) -> None:
    """Remove networks of the project that another network has replaced: the file gives another name now, or two runs have made
    two networks at the same time.

    A network is removed only once it is empty. If two have the same name, the one in use stays.
    """
    networks = work.slots.networks
    in_use = {network.id for network in networks.meant.values()}
    keys = {network.key for network in work.desired.networks}
    for network in work.observed.networks:
        if network.id in in_use or network.key not in keys or not is_ours(network, work.desired):
            continue
        inside = networks.members.get(network.id, ())
        staying = [c.name for c in inside if not work.draft.makes(Removed(c.id))]
        if staying:
            work.draft.notes.append(
                f"network {network.name} is no longer used and kept: {', '.join(staying)} is still in it"
            )
        else:
            action = RemoveNetwork(network.id, network.name)
            work.draft.add(action, "another one took its place", *(Removed(c.id) for c in inside))

"""The ties between containers: which containers share a network, and which must not run without another one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct

from stackctl.planner.world.desired import DesiredContainer
from stackctl.planner.world.replica import Replica


class Ties(Struct, frozen=True):
    """The ties between containers, by replica. Several replicas stand in dependency order."""

    position: Mapping[Replica, int]
    """The index of each replica in dependency order."""
    holders: Mapping[Replica, tuple[Replica, ...]]
    """The containers whose network, memory, processes or volumes another one shares (`network_mode = "service:NAME"`)."""
    sharers: Mapping[Replica, tuple[Replica, ...]]
    """The containers that share something of a container. They are created with its name."""
    leads: Mapping[Replica, tuple[Replica, ...]]
    """The containers during whose replacement a container must not run: those whose network, memory or processes it shares, and
    what it needs with `restart = true`.
    """
    followers: Mapping[Replica, tuple[Replica, ...]]
    """The inverse of `leads`."""


def ties(containers: Iterable[DesiredContainer]) -> Ties:
    """The ties between containers that stand in dependency order."""
    containers = tuple(containers)
    position = {want.replica: place for place, want in enumerate(containers)}
    named = {want.name: want.replica for want in containers}
    services: dict[str, list[Replica]] = {}
    for want in containers:
        services.setdefault(want.service, []).append(want.replica)
    holders: dict[Replica, tuple[Replica, ...]] = {}
    leads: dict[Replica, tuple[Replica, ...]] = {}
    for want in containers:
        found = {other for need in want.needs if need.restart for other in services.get(need.service, ())}
        shared = [named[name] for name in want.namespaces if name in named]
        found.update(shared)
        shared += [named[name] for name in want.volume_sources if name in named]
        if shared:
            holders[want.replica] = tuple(dict.fromkeys(shared))
        if found:
            leads[want.replica] = tuple(sorted(found, key=position.__getitem__))
    sharers = _inverse(holders)
    return Ties(position, holders, sharers, leads, _inverse(leads))


def volumes_behind(containers: Iterable[DesiredContainer]) -> dict[str, frozenset[str]]:
    """The volumes, by name, of all that each service or job depends on, directly or not.

    The containers stand in dependency order. The result is empty if there is no job, because only jobs need it.
    """
    containers = tuple(containers)
    behind: dict[str, frozenset[str]] = {}
    with_own: dict[str, frozenset[str]] = {}
    for want in containers if any(want.kind == "job" for want in containers) else ():
        needed = frozenset[str]().union(*(with_own.get(need.service, ()) for need in want.needs))
        own = {mount.source for mount in want.mounts if mount.type == "volume" and mount.source}
        behind[want.service], with_own[want.service] = needed, needed | own
    return behind


def _inverse(relation: Mapping[Replica, tuple[Replica, ...]]) -> dict[Replica, tuple[Replica, ...]]:
    found: dict[Replica, list[Replica]] = {}
    for replica, others in relation.items():
        for other in others:
            found.setdefault(other, []).append(replica)
    return {replica: tuple(others) for replica, others in found.items()}

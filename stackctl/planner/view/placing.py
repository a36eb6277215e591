"""Decide for every container that was found: it stays, is replaced, is restarted, or has no place.

If several containers are in one place, the best one counts: one that fits wins over one that does not, then one that runs, then
one that has the right name, then the newest.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cached_property

from msgspec.structs import replace

from stackctl.planner.view.slots import EVERY_TIME, OLD, Slot, Slots, UpOptions, joined_to
from stackctl.planner.view.ties import Ties, ties
from stackctl.planner.world import labels
from stackctl.planner.world.desired import Desired, DesiredContainer, pending_name
from stackctl.planner.world.matching import differences, is_ours, networks_in_use, ours
from stackctl.planner.world.observed import Observed, ObservedContainer
from stackctl.planner.world.replica import Replica


def slots(desired: Desired, observed: Observed, options: UpOptions | None = None) -> Slots:
    """Decide what becomes of every container that was found."""
    found = _Found(desired, observed, options or UpOptions())
    others = found.others_in_changed_networks()
    rebuilt = frozenset(name for name, strangers in others.items() if not strangers)
    placed: dict[Replica, Slot] = {}
    by_service: dict[str, tuple[Slot, ...]] = dict.fromkeys(desired.services, ())
    for want in desired.containers:
        slot = found.slot(want, placed)
        slot = replace(
            slot,
            connect=tuple(_connect(slot, rebuilt)),
            restart=found.restart(slot, placed, rebuilt) if found.options.start else "",
            held=not found.options.start,
        )
        placed[want.replica] = slot
        by_service[want.service] = (*by_service[want.service], slot)
    return Slots(
        by_replica=placed,
        by_service=by_service,
        ties=found.ties,
        surplus=found.surplus,
        orphans=found.orphans,
        unselected=found.unselected,
        going=frozenset(_going(placed.values(), found.surplus)),
        networks=found.networks,
        rebuilt=rebuilt,
        kept={name: strangers for name, strangers in others.items() if strangers},
    )


def _going(placed: Iterable[Slot], surplus: Iterable[tuple[ObservedContainer, str]]) -> Iterator[str]:
    yield from (container.id for container, _ in surplus)
    for slot in placed:
        yield from (container.id for container in slot.leftovers)
        if slot.old:
            yield slot.old.id
        if slot.current and slot.restart:
            yield slot.current.id


def _recreated(desired: Desired, options: UpOptions) -> Iterator[str]:
    """The services whose containers are recreated although nothing has changed."""
    if options.recreate == "always" or options.renew:
        yield from desired.named or desired.services
    if options.recreate_dependencies and desired.named:
        yield from desired.services.keys() - desired.named


class _Found:
    """The two inputs of every decision, and facts that follow from them."""

    def __init__(self, desired: Desired, observed: Observed, options: UpOptions) -> None:
        self.desired = desired
        self.observed = observed
        self.options = options
        self.networks = networks_in_use(desired, observed)
        self.ties = ties(desired.containers)
        self.wanted = {want.replica for want in desired.containers}
        self.services = desired.services.keys()
        jobs = {want.service for want in desired.containers if want.kind == "job"}
        self.rerun = (jobs & desired.named or jobs) if options.rerun else set()
        self.recreate = frozenset(_recreated(desired, options))
        self.found: dict[Replica, list[ObservedContainer]] = {}
        """The containers in each place."""
        self.surplus: list[tuple[ObservedContainer, str]] = []
        self.orphans: list[ObservedContainer] = []
        self.unselected: list[ObservedContainer] = []
        for container in ours(observed, desired.project, desired.instance):
            self._sort_in(container)
        self.surplus.sort(key=lambda each: each[0].replica)

    def _sort_in(self, container: ObservedContainer) -> None:
        """Put a container of the project in its place, or among the containers that have no place."""
        if container.kind == "run":
            if labels.COPY in container.labels:
                return  # every plan removes it, whatever the options are
            if self.options.remove_orphans and not container.running:
                self.surplus.append((container, "a one-off that ended"))
        elif container.replica in self.wanted:
            self.found.setdefault(container.replica, []).append(container)
        elif container.service in self.services:
            self.surplus.append((container, "one more than asked for"))
        elif container.service in self.desired.known:
            self.unselected.append(container)
        elif self.options.remove_orphans:
            self.surplus.append((container, "not in the spec"))
        else:
            self.orphans.append(container)

    def others_in_changed_networks(self) -> dict[str, tuple[str, ...]]:
        """The networks of the project whose definition changed, with the containers in them that this plan must not move."""
        movable = {container.id for containers in self.found.values() for container in containers}
        movable |= {container.id for container, _ in self.surplus}
        found = {}
        for network in self.desired.networks:
            have = self.networks.meant.get(network.name)
            if have is None or network.external or not is_ours(have, self.desired):
                continue
            if have.digest != network.digest:
                inside = self.networks.members.get(have.id, ())
                found[network.name] = tuple(c.name for c in inside if c.id not in movable)
        return found

    def slot(self, want: DesiredContainer, placed: Mapping[Replica, Slot]) -> Slot:
        """What becomes of the containers in one place. `placed` are the slots of the containers that come before it."""
        found = self.found.get(want.replica, [])
        gone = [c for c in found if c.state in ("dead", "removing")]
        reasons = {c.id: self.reasons(want, c, placed) for c in found if c not in gone}

        def rank(c: ObservedContainer) -> tuple[bool, bool, bool, bool, float]:
            fits = not reasons[c.id]
            return fits, fits and c.running, c.name == want.name, c.running, c.created

        ranked = sorted((c for c in found if c not in gone), key=rank, reverse=True)
        if not ranked:
            return Slot(want, leftovers=tuple(gone), why="not there")
        best, *others = ranked
        if reasons[best.id]:
            return Slot(want, None, best, (*others, *gone), ", ".join(reasons[best.id]))
        replaced = [c for c in others if best.replaces == c.id or c.name in (want.name, want.name + OLD)]
        old = replaced[0] if replaced else None
        leftovers = tuple(c for c in (*others, *gone) if c is not old)
        return Slot(want, best, old, leftovers, "it was being replaced" if old else "")

    def reasons(
        self, want: DesiredContainer, have: ObservedContainer, placed: Mapping[Replica, Slot]
    ) -> tuple[str, ...]:
        """Why a container that was found does not stay; no reason if it stays."""
        if have.name == want.name + OLD:
            return ("it was being replaced",)
        for replica in self.ties.holders.get(want.replica, ()):
            holder = placed.get(replica)
            if holder and not joined_to(want, have, holder):
                verb = "was" if holder.current else "is"
                return (f"{replica}, whose {_shared(want, holder.want)} it shares, {verb} replaced",)
        if self.options.recreate == "never":
            return ()
        if want.service in self.recreate:
            return ("asked to recreate",)
        if self.options.adopt and have.source and have.source != self.desired.source:
            return (f"adopted from {have.source}",)
        return differences(want, have, self.observed, self.networks) or self.reasons_to_run_again(want, have)

    def reasons_to_run_again(self, want: DesiredContainer, have: ObservedContainer) -> tuple[str, ...]:
        """Why a completed job runs again: asked to, unnamed inputs, or data newer than its last success."""
        if want.kind != "job" or not have.completed:
            return ()
        if want.service in self.rerun:
            return ("asked to run again",)
        if want.always:
            return (EVERY_TIME,)
        created, volume = self.newest_volume.get(want.service, (0.0, ""))
        return (f"volume {volume} is newer than its last success",) if created > have.created else ()

    @cached_property
    def newest_volume(self) -> dict[str, tuple[float, str]]:
        """The newest volume of all that a service or job depends on, directly or not: when it was made, and its key.

        A volume that is not there yet is newer than everything.
        """
        created = {volume.name: volume.created for volume in self.observed.volumes}
        keys = {volume.name: volume.key for volume in self.desired.volumes}
        with_own: dict[str, list[tuple[float, str]]] = {}
        found: dict[str, tuple[float, str]] = {}
        for want in self.desired.containers:
            needed = [volume for need in want.needs for volume in with_own.get(need.service, ())]
            own = [
                (created.get(mount.source, float("inf")), keys.get(mount.source, mount.source))
                for mount in want.mounts
                if mount.type == "volume" and mount.source
            ]
            if needed:
                found[want.service] = max(needed)
            if needed or own:
                with_own[want.service] = [max(needed + own)]
        return found

    def restart(self, slot: Slot, placed: Mapping[Replica, Slot], rebuilt: Collection[str]) -> str:
        """Why the current container is stopped and started again: see `_restart`, and its `post_start` hooks were interrupted."""
        asked = _restart(slot, placed, self.ties, rebuilt, self.options.restart)
        interrupted = slot.current and slot.current.running and pending_name(slot.want.name) in self.pending
        return asked or ("its post_start hooks were interrupted" if interrupted else "")

    @cached_property
    def pending(self) -> frozenset[str]:
        """The signs of containers whose `post_start` hooks have not all succeeded, by name."""
        return frozenset(
            volume.name
            for volume in self.observed.volumes
            if volume.pending and is_ours(volume, self.desired)
        )


def _connect(slot: Slot, rebuilt: Collection[str]) -> Iterator[str]:
    joined = {j.network for j in slot.current.networks} if slot.current else set()
    for attachment in slot.want.networks if slot.current else ():
        if attachment.network not in joined or attachment.network in rebuilt:
            yield attachment.network


def _shared(want: DesiredContainer, holder: DesiredContainer) -> str:
    """What a container shares of another one."""
    theirs = f"container:{holder.name}"
    for mode, what in ((want.network_mode, "network"), (want.ipc, "memory"), (want.pid, "processes")):
        if mode == theirs:
            return what
    return "volumes"


def _restart(
    slot: Slot,
    placed: Mapping[Replica, Slot],
    ties: Ties,
    rebuilt: Collection[str],
    asked: Collection[str],
) -> str:
    """Why the current container is restarted: this was asked for, its network is made again, or a container that it must not run
    without is replaced, restarted or started.
    """
    if slot.current is None or not slot.current.running:
        return ""
    if slot.want.service in asked:
        return "asked to restart"
    for joined in slot.current.networks:
        if joined.network in rebuilt:
            return f"network {joined.network} is rebuilt"
    replica = slot.want.replica
    for lead in ties.leads.get(replica, ()):
        if not placed[lead].starts:
            continue
        if lead in ties.holders.get(replica, ()):
            return f"{lead}, whose {_shared(slot.want, placed[lead].want)} it shares, is started"
        if placed[lead].old:
            return f"{lead} is replaced"
        if placed[lead].restart and asked:
            return f"{lead} is restarted"
    return ""

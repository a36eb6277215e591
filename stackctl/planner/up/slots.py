"""Desired beside observed: what stays, what is replaced, what is restarted, what has no place. How to get there is `up.py`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from stackctl.planner.up.ties import Ties, ties
from stackctl.planner.world import observed as seen
from stackctl.planner.world.desired import Container, Desired
from stackctl.planner.world.matching import Networks, differences, is_ours, networks_in_use, ours
from stackctl.planner.world.replica import Replica

OLD = ".old"
"""What the name of a container that is being replaced ends in."""
NEW = ".new"
"""What the name of a container ends in until the one it replaces has made way."""

EVERY_TIME = "it reads a directory of the host, and no inputs say which files count"
"""Why a job that completed runs on every `up`."""


class UpOptions(Struct, frozen=True):
    """How to bring a stack up. Times are in seconds.

    `recreate`: containers that differ, all, or none. Where services were named, "always" means those; what they depend on
    is treated as by "changed" (Compose's rule). `rerun`: jobs that completed run again: those that were named, or all if
    no job was named.
    """

    recreate: Literal["changed", "always", "never"] = "changed"
    remove_orphans: bool = False
    rerun: bool = False
    adopt: bool = False
    strict: bool = False
    """Warnings stop, too."""
    wait_timeout: float = 120.0
    grace: int | None = None


class Slot(Struct, frozen=True):
    """One replica: the container it should be, and those found in its place."""

    want: Container
    current: seen.Container | None = None
    """The one that fits and stays."""
    old: seen.Container | None = None
    """The one that is replaced."""
    leftovers: tuple[seen.Container, ...] = ()
    why: str = ""
    """Why there has to be a new one."""
    connect: tuple[str, ...] = ()
    """Networks the current one has to join (again)."""
    restart: str = ""
    """Why the current one, which runs, is stopped and started again."""

    @property
    def starts(self) -> bool:
        """Whether it is started by this plan."""
        if self.current is None or self.restart:
            return True
        done = self.want.kind == "job" and self.current.completed
        return not self.current.running and not done

    @property
    def paused(self) -> bool:
        """Whether somebody has paused the one that stays, so that it can never get ready."""
        return self.current is not None and self.current.state == "paused" and not self.starts


class Slots(Struct, frozen=True):
    """Every container of the stack in its place, in dependency order, and what was found besides."""

    by_replica: Mapping[Replica, Slot]
    by_service: Mapping[str, tuple[Slot, ...]]
    ties: Ties
    surplus: tuple[tuple[seen.Container, str], ...]
    """Containers of ours to be removed, with the reason."""
    orphans: tuple[seen.Container, ...]
    """Containers of ours that are not in the spec and are left alone."""
    unselected: tuple[seen.Container, ...]
    """Containers of services that are in the spec and not meant now: no profile enables them, or others were named."""
    going: frozenset[str]
    """Ids of the containers that hold no port any more when a new container starts: removed, replaced or restarted ones."""
    networks: Networks
    rebuilt: frozenset[str]
    """Networks that are built anew, by name: ours, of another definition, and nobody else is in them."""
    kept: Mapping[str, tuple[str, ...]]
    """Networks of another definition that stay, with the names of the others that are in them."""

    def __iter__(self) -> Iterator[Slot]:
        return iter(self.by_replica.values())

    def holder(self, slot: Slot) -> Slot | None:
        """The slot whose network this one shares (`network_mode = "service:NAME"`)."""
        replica = self.ties.holder.get(slot.want.replica)
        return self.by_replica[replica] if replica else None

    def sharers(self, slot: Slot) -> Iterator[Slot]:
        """Those that share the network of this one, and so are made with its name."""
        return (self.by_replica[replica] for replica in self.ties.sharers.get(slot.want.replica, ()))

    def followers(self, slot: Slot) -> Iterator[Slot]:
        """Those that must not run while this one is replaced: its network's sharers and, by `restart = true`, dependents."""
        for replica in self.ties.followers.get(slot.want.replica, ()):
            other = self.by_replica[replica]
            if other.restart or self.ties.holder.get(replica) == slot.want.replica:
                yield other


def slots(desired: Desired, observed: seen.Observed, options: UpOptions | None = None) -> Slots:
    """Decide for every container found what becomes of it."""
    found = _Found(desired, observed, options or UpOptions())
    surplus, orphans, unselected = found.without_place()
    others = found.others_in_changed_networks({container.id for container, _ in surplus})
    rebuilt = frozenset(name for name, strangers in others.items() if not strangers)
    placed: dict[Replica, Slot] = {}
    by_service: dict[str, tuple[Slot, ...]] = {}
    for want in desired.containers:
        slot = found.slot(want, placed)
        slot = replace(
            slot,
            connect=tuple(_connect(slot, rebuilt)),
            restart=_restart(slot, placed, found.ties, rebuilt),
        )
        placed[want.replica] = slot
        by_service[want.service] = (*by_service.get(want.service, ()), slot)
    return Slots(
        by_replica=placed,
        by_service=by_service,
        ties=found.ties,
        surplus=surplus,
        orphans=orphans,
        unselected=unselected,
        going=frozenset(_going(placed.values(), surplus)),
        networks=found.networks,
        rebuilt=rebuilt,
        kept={name: strangers for name, strangers in others.items() if strangers},
    )


def _going(placed: Iterable[Slot], surplus: Iterable[tuple[seen.Container, str]]) -> Iterator[str]:
    yield from (container.id for container, _ in surplus)
    for slot in placed:
        yield from (container.id for container in slot.leftovers)
        if slot.old:
            yield slot.old.id
        if slot.current and slot.restart:
            yield slot.current.id


class _Found:
    """The two inputs of every decision, and what follows from them at once."""

    def __init__(self, desired: Desired, observed: seen.Observed, options: UpOptions) -> None:
        self.desired = desired
        self.observed = observed
        self.options = options
        self.mine = ours(observed, desired.project, desired.instance)
        self.networks = networks_in_use(desired, observed)
        self.ties = ties(desired.containers)
        self.wanted = {want.replica: want for want in desired.containers}
        self.services: dict[str, list[Container]] = {}
        for want in desired.containers:
            self.services.setdefault(want.service, []).append(want)
        jobs = {want.service for want in desired.containers if want.kind == "job"}
        self.rerun = (jobs & desired.named or jobs) if options.rerun else set()
        self.recreate: Collection[str] = (
            (desired.named or self.services.keys()) if options.recreate == "always" else set()
        )
        self.found: dict[Replica, list[seen.Container]] = {}
        for container in filter(self.in_place, self.mine):
            self.found.setdefault(container.replica, []).append(container)

    def in_place(self, container: seen.Container) -> bool:
        """Whether it was made for a container that is wanted."""
        return container.kind != "run" and container.replica in self.wanted

    def without_place(
        self,
    ) -> tuple[
        tuple[tuple[seen.Container, str], ...], tuple[seen.Container, ...], tuple[seen.Container, ...]
    ]:
        """The containers of ours that fill no place: those to be removed with the reason, orphans, and those not meant."""
        surplus, orphans, unselected = [], [], []
        for container in self.mine:
            if self.in_place(container):
                continue
            if container.kind == "run":
                if self.options.remove_orphans and not container.running:
                    surplus.append((container, "a one-off that ended"))
            elif container.service in self.services:
                surplus.append((container, "one more than asked for"))
            elif container.service in self.desired.known:
                unselected.append(container)
            elif self.options.remove_orphans:
                surplus.append((container, "not in the spec"))
            else:
                orphans.append(container)
        return tuple(surplus), tuple(orphans), tuple(unselected)

    def others_in_changed_networks(self, going: set[str]) -> dict[str, tuple[str, ...]]:
        """The networks of ours whose definition changed, with the containers in them that this plan must not move."""
        movable = {c.id for c in self.mine if self.in_place(c)} | going
        found = {}
        for network in self.desired.networks:
            have = self.networks.meant.get(network.name)
            if have is None or network.external or not is_ours(have, self.desired):
                continue
            if have.digest != network.digest:
                inside = self.networks.members.get(have.id, ())
                found[network.name] = tuple(c.name for c in inside if c.id not in movable)
        return found

    def slot(self, want: Container, placed: Mapping[Replica, Slot]) -> Slot:
        found = self.found.get(want.replica, [])
        gone = [c for c in found if c.state in ("dead", "removing")]
        reasons = {c.id: self.reasons(want, c, placed) for c in found if c not in gone}

        def rank(c: seen.Container) -> tuple[bool, bool, bool, bool, float]:
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
        self, want: Container, have: seen.Container, placed: Mapping[Replica, Slot]
    ) -> tuple[str, ...]:
        """Why a container found does not stay."""
        if have.name == want.name + OLD:
            return ("it was being replaced",)
        shared = self.ties.holder.get(want.replica)
        holder = placed.get(shared) if shared else None
        if holder and not joined_to(have, holder):
            verb = "was" if holder.current else "is"
            return (f"{holder.want.replica}, whose network it shares, {verb} replaced",)
        if self.options.recreate == "never":
            return ()
        if want.service in self.recreate:
            return ("asked to recreate",)
        if self.options.adopt and have.source and have.source != self.desired.source:
            return (f"adopted from {have.source}",)
        return differences(want, have, self.observed, self.networks) or self.reasons_to_run_again(want, have)

    def reasons_to_run_again(self, want: Container, have: seen.Container) -> tuple[str, ...]:
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

        One that is not there yet is newer than anything.
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


def joined_to(have: seen.Container, holder: Slot) -> bool:
    """Whether a container shares the network of the one that stays. Docker notes the id of the one it was made with."""
    kind, _, other = have.network_mode.partition(":")
    return kind != "container" or (holder.current is not None and other == holder.current.id)


def _connect(slot: Slot, rebuilt: Collection[str]) -> Iterator[str]:
    joined = {j.network for j in slot.current.networks} if slot.current else set()
    for attachment in slot.want.networks if slot.current else ():
        if attachment.network not in joined or attachment.network in rebuilt:
            yield attachment.network


def _restart(slot: Slot, placed: Mapping[Replica, Slot], ties: Ties, rebuilt: Collection[str]) -> str:
    """Why the current container is restarted: its network is built anew, or what it lives off is replaced or starts."""
    if slot.current is None or not slot.current.running:
        return ""
    for joined in slot.current.networks:
        if joined.network in rebuilt:
            return f"network {joined.network} is rebuilt"
    replica = slot.want.replica
    for lead in ties.leads.get(replica, ()):
        if not placed[lead].starts:
            continue
        if ties.holder.get(replica) == lead:
            return f"{lead}, whose network it shares, is started"
        if placed[lead].old:
            return f"{lead} is replaced"
    return ""

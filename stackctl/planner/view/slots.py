"""The slot of every container: the container that should be there, the containers that are there, and what becomes of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from stackctl.planner.view.ties import Ties
from stackctl.planner.world.desired import DesiredContainer
from stackctl.planner.world.matching import NetworksInUse
from stackctl.planner.world.observed import ObservedContainer
from stackctl.planner.world.replica import Replica

if TYPE_CHECKING:
    from stackctl.planner.data.filling import Fill

OLD = ".old"
"""The end of the name of a container that is being replaced."""
NEW = ".new"
"""The end of the name of a new container, until the container that it replaces has been renamed."""

EVERY_TIME = "it reads a directory of the host, and no inputs say which files count"
"""Why a job that completed runs on every `up`."""


class UpOptions(Struct, frozen=True):
    """How to bring a stack up. Times are in seconds.

    `recreate`: containers that differ, all, or none. If services were named, "always" means only these; "changed" holds for
    what they depend on (Compose's rule), unless `recreate_dependencies` is true. `renew`: new containers get new anonymous volumes;
    the old volumes stay. This means "always". `start`: if false, containers are only made, as they should be. `rerun`: jobs that have completed run again: the jobs that were named, or all if no
    job was named.
    """

    recreate: Literal["changed", "always", "never"] = "changed"
    recreate_dependencies: bool = False
    renew: bool = False
    start: bool = True
    remove_orphans: bool = False
    tell_orphans: bool = True
    """Whether orphans that stay are named."""
    rerun: bool = False
    adopt: bool = False
    strict: bool = False
    """Warnings stop, too."""
    wait_timeout: float = 120.0
    grace: int | None = None
    restart: Collection[str] = ()
    """Services that are restarted if they run and are not recreated."""
    fill: Fill | None = None
    """Data for the volumes that have none yet."""
    life: int | None = None
    """For how many seconds from now the stack is wanted; 0: without an end; None: as it was said before."""
    rollback: bool = False
    """After a failure, what this run has made goes, and what it has replaced comes back. So nothing is removed that is needed to go
    back until all is ready.
    """
    signs: bool = True
    """Whether a start whose hooks have not all succeeded leaves a sign. A plan that is only read needs none."""


class Slot(Struct, frozen=True):
    """One replica: the container it should be, and those found in its place."""

    want: DesiredContainer
    current: ObservedContainer | None = None
    """The container that fits and stays."""
    old: ObservedContainer | None = None
    """The container that is replaced."""
    leftovers: tuple[ObservedContainer, ...] = ()
    why: str = ""
    """Why there has to be a new container."""
    connect: tuple[str, ...] = ()
    """Networks that the current container has to join (again)."""
    restart: str = ""
    """Why the current container, which runs, is stopped and started again."""
    held: bool = False
    """Whether no container is started (`up --no-start`)."""

    @property
    def starts(self) -> bool:
        """Whether this plan starts the container."""
        if self.held:
            return False
        if self.current is None or self.restart:
            return True
        done = self.want.kind == "job" and self.current.completed
        return not self.current.running and not done

    @property
    def paused(self) -> bool:
        """Whether the container that stays is paused: it cannot get ready until somebody unpauses it."""
        return self.current is not None and self.current.state == "paused" and not self.starts


class Slots(Struct, frozen=True):
    """Every container of the stack in its slot, in dependency order, and the containers that have no slot."""

    by_replica: Mapping[Replica, Slot]
    by_service: Mapping[str, tuple[Slot, ...]]
    ties: Ties
    surplus: Sequence[tuple[ObservedContainer, str]]
    """Containers of the project to be removed, with the reason."""
    orphans: Sequence[ObservedContainer]
    """Containers of the project that are not in the spec and are left alone."""
    unselected: Sequence[ObservedContainer]
    """Containers of services that are in the file but not selected now: no profile enables them, or others were named."""
    going: frozenset[str]
    """Ids of the containers that hold no port any more when a new container starts: removed, replaced or restarted ones."""
    networks: NetworksInUse
    rebuilt: frozenset[str]
    """Networks that are made again, by name: stackctl has made them, their definition has changed, and no other container is in
    them."""
    kept: Mapping[str, tuple[str, ...]]
    """Networks that stay although their definition changed, with the names of the other containers that are in them."""

    def __iter__(self) -> Iterator[Slot]:
        return iter(self.by_replica.values())

    def holders(self, slot: Slot) -> tuple[Slot, ...]:
        """The slots whose network, memory, processes or volumes this one shares (`network_mode = "service:NAME"`)."""
        return tuple(self.by_replica[replica] for replica in self.ties.holders.get(slot.want.replica, ()))

    def sharers(self, slot: Slot) -> Iterator[Slot]:
        """The slots whose containers share something of this one. They are created with this container's name."""
        return (self.by_replica[replica] for replica in self.ties.sharers.get(slot.want.replica, ()))

    def followers(self, slot: Slot) -> Iterator[Slot]:
        """The slots whose containers must not run while this one is replaced: those that share something of it, and dependents with
        `restart = true`.
        """
        for replica in self.ties.followers.get(slot.want.replica, ()):
            other = self.by_replica[replica]
            if other.restart or slot.want.replica in self.ties.holders.get(replica, ()):
                yield other


def joined_to(want: DesiredContainer, have: ObservedContainer, holder: Slot) -> bool:
    """Whether a container shares what the current container of `holder` has.

    Docker stores the id of the container whose network is shared. For anything else the engine's lists do not tell whose it is:
    there the container must not be older than the other one.
    """
    kind, _, other = have.network_mode.partition(":")
    if holder.current is None:
        return False
    if want.network_mode == f"container:{holder.want.name}":
        return kind != "container" or other == holder.current.id
    return have.created >= holder.current.created

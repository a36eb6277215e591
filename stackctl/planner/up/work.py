"""A plan of `up` while it is written: its steps, and which of them makes, frees, stops or starts what later ones wait for."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct, field

from stackctl.planner.steps.actions import RemoveContainer, RenameContainer, SetRestart, StopContainer
from stackctl.planner.steps.plan import Draft
from stackctl.planner.up.slots import Slot, Slots, UpOptions
from stackctl.planner.world import observed as seen
from stackctl.planner.world.desired import Container, Desired, Need
from stackctl.planner.world.replica import Replica

HostPort = tuple[int, str]
"""A port of the host, and its protocol."""


class Handle(Struct, frozen=True):
    """How to address the container that will be in a slot: by id if it is there already, else by name."""

    address: str
    name: str
    """What it is called now."""
    ready: int | None
    """The step after which it can be addressed."""


class Renamed(Struct, frozen=True):
    to: str
    step: int


class Work(Struct):
    """Ids of steps by what they do."""

    draft: Draft
    desired: Desired
    observed: seen.Observed
    options: UpOptions
    slots: Slots
    images: dict[str, int] = field(default_factory=dict)
    networks: dict[str, int] = field(default_factory=dict)
    volumes: dict[str, int] = field(default_factory=dict)
    data: dict[str, frozenset[int]] = field(default_factory=dict)
    """The steps that make the volumes of a service or job, and of all that it depends on."""
    handles: dict[Replica, Handle] = field(default_factory=dict)
    started: dict[Replica, int] = field(default_factory=dict)
    unmet: dict[Replica, list[Need]] = field(default_factory=dict)
    """What has to happen before it is started, or, where it is not started, before those that need it."""
    waits: dict[tuple[object, ...], int] = field(default_factory=dict)
    stopped: dict[str, int] = field(default_factory=dict)
    """By container id."""
    retired: dict[str, int] = field(default_factory=dict)
    """By container id: stopped, and without its restart policy."""
    removed: dict[str, int] = field(default_factory=dict)
    """By container id."""
    renamed: dict[str, Renamed] = field(default_factory=dict)
    """By container id."""
    freed: dict[str, int] = field(default_factory=dict)
    """The step that takes a name off the container that had it."""
    passed_on: set[str] = field(default_factory=set)
    """Ids of containers whose name or port goes to another service."""
    ports: dict[HostPort, list[int]] = field(default_factory=dict)
    """The steps that give a port of the host free."""
    taken: set[str] = field(default_factory=set)
    """The names of all containers that are there."""
    order: dict[Replica, int] = field(default_factory=dict)
    """The place of each replica in dependency order."""

    def __post_init__(self) -> None:
        self.taken = {container.name for container in self.observed.containers}
        self.order = {replica: place for place, replica in enumerate(self.slots.by_replica)}

    def grace(self, want: Container | None) -> int:
        return self.options.grace if self.options.grace is not None else (want.grace if want else 10)

    def stop(self, container: seen.Container, want: Container | None, why: str, *after: int | None) -> int:
        """Stop a container, once in a plan."""
        if container.id not in self.stopped:
            action = StopContainer(container.id, container.name, self.grace(want))
            step = self.draft.add(action, why, *after, of=container.replica)
            self.stopped[container.id] = step
            for port in container.ports:
                self.ports.setdefault((port.published, port.protocol), []).append(step)
        return self.stopped[container.id]

    def retire(self, slot: Slot, *after: int | None) -> int | None:
        """Stop the container that is replaced, so that no engine that restarts in between starts it again.

        `after` is to hold the making of its successor: that tells a later run that the restart policy was taken away.
        """
        old, why = slot.old, f"replaced: {slot.why}"
        if old is None or not old.running:
            return None
        if old.id not in self.retired:
            stopped = self.stopped.get(old.id)
            action = SetRestart(old.id, self.name_of(old), "no")
            keep = self.draft.add(action, why, *after, stopped, of=slot.want.replica)
            self.retired[old.id] = keep if stopped else self.stop(old, slot.want, why, keep)
        return self.retired[old.id]

    def remove(self, container: seen.Container, want: Container | None, why: str, *after: int | None) -> int:
        """Remove a container, having stopped it. Its volumes stay."""
        stop = self.stop(container, want, why, *after) if container.running else None
        action = RemoveContainer(container.id, container.name)
        step = self.draft.add(action, why, stop, *after, of=container.replica)
        self.removed[container.id] = step
        self.freed.setdefault(container.name, step)
        return step

    def rename(self, slot: Slot, container: str, name: str, to: str, why: str, *after: int | None) -> int:
        """Rename a container, once the new name is free."""
        action = RenameContainer(container, name, to)
        step = self.draft.add(action, why, *after, self.freed.get(to), of=slot.want.replica)
        self.freed[name] = step
        self.renamed[container] = Renamed(to, step)
        return step

    def name_of(self, container: seen.Container) -> str:
        """What a container is called after the steps so far."""
        renamed = self.renamed.get(container.id)
        return renamed.to if renamed else container.name

    def is_free(self, name: str) -> bool:
        """Whether nobody has a name, or a step takes it off who has it."""
        return name in self.freed or name not in self.taken

    def frees_ports_of(self, want: Container) -> Iterator[int]:
        """The steps that give free the ports a container is to have."""
        return (step for port in host_ports(want) for step in self.ports.get(port, ()))


def host_ports(want: Container) -> Iterator[HostPort]:
    """The ports of the host that a container is to have, as far as they are known before its start."""
    return ((port.host_port, port.protocol) for port in want.ports if port.host_port is not None)

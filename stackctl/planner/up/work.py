"""A plan of `up` while it is made: what is there, what should be, the steps so far, and the names that they give."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct, field

from stackctl.planner.steps.actions import RemoveContainer, RenameContainer, SetRestart, StopContainer
from stackctl.planner.steps.facts import (
    Fact,
    NameFree,
    PortFree,
    Removed,
    Renamed,
    Retired,
    Stopped,
    Unpaused,
)
from stackctl.planner.steps.plan import Draft
from stackctl.planner.up.needs import Unmet, unmet_needs
from stackctl.planner.view.slots import OLD, Slot, Slots
from stackctl.planner.view.ties import volumes_behind
from stackctl.planner.view.view import View
from stackctl.planner.world.desired import Desired, grace, stop_hooks
from stackctl.planner.world.observed import Observed, ObservedContainer
from stackctl.planner.world.replica import Replica


class Work(Struct):
    """The plan so far, and steps that several parts of the planner add. Facts say what a step needs and makes."""

    draft: Draft
    view: View
    taken: frozenset[str]
    """The names of all containers that are there."""
    data: Mapping[str, frozenset[str]]
    """The volumes of what each service or job depends on, directly or not."""
    unmet: Mapping[Replica, Sequence[Unmet]]
    """What has to happen before each container can be started."""
    created: dict[Replica, str] = field(default_factory=dict)
    """The names that new containers are created with."""
    named: dict[str, str] = field(default_factory=dict)
    """The names that steps so far gave to containers, by id."""
    passed_on: set[str] = field(default_factory=set)
    """Ids of containers whose name or port goes to another service."""

    @classmethod
    def on(cls, view: View) -> Work:
        names = frozenset(container.name for container in view.observed.containers)
        data = volumes_behind(view.desired.containers)
        return cls(Draft(view.desired.project), view, names, data, unmet_needs(view))

    @property
    def desired(self) -> Desired:
        return self.view.desired

    @property
    def observed(self) -> Observed:
        return self.view.observed

    @property
    def slots(self) -> Slots:
        return self.view.slots

    def address(self, slot: Slot) -> str:
        """How to address the container that will be in a slot: by id if it is there already, else by its first name."""
        return slot.current.id if slot.current else self.created[slot.want.replica]

    def name_of(self, container: ObservedContainer) -> str:
        """What a container is called after the steps so far."""
        return self.named.get(container.id, container.name)

    def is_free(self, name: str) -> bool:
        """Whether no container has the name, or a step renames the container that has it."""
        return name not in self.taken or self.draft.makes(NameFree(name))

    def grace(self, service: str) -> int:
        """The seconds that a container of the service has to stop."""
        given, wanted = self.view.options.grace, self.desired.services.get(service)
        return grace(wanted) if given is None else given

    def stop(
        self,
        container: ObservedContainer,
        why: str,
        *needs: Fact | int | None,
        makes: Iterable[Fact] = (),
    ) -> Stopped:
        """Stop a container, once in a plan."""
        stopped = Stopped(container.id)
        if not self.draft.makes(stopped):
            action = StopContainer(
                container.id,
                container.name,
                self.grace(container.service),
                stop_hooks(self.desired.services.get(container.service)),
            )
            free = (PortFree(port.published, port.protocol) for port in container.ports)
            makes = [stopped, *free, *makes]
            self.draft.add(action, why, *needs, Unpaused(container.id), makes=makes, of=container.replica)
        return stopped

    def retire(self, slot: Slot, *needs: Fact | int | None) -> Retired | None:
        """Stop the container that is replaced, so that no engine that restarts in between starts it again.

        `needs` must hold the creation of the new container: a later run sees from it that the restart policy was removed.
        """
        old, why = slot.old, f"replaced: {slot.why}"
        if old is None or not old.running:
            return None
        retired, stopped = Retired(old.id), Stopped(old.id)
        action = SetRestart(old.id, self.name_of(old), "no")
        if self.draft.makes(retired):
            pass
        elif self.draft.makes(stopped):
            self.draft.add(action, why, *needs, stopped, makes=[retired], of=slot.want.replica)
        else:
            kept_down = self.draft.add(action, why, *needs, of=slot.want.replica)
            self.stop(old, why, kept_down, makes=[retired])
        return retired

    def remove(self, container: ObservedContainer, why: str, *needs: Fact | int | None) -> None:
        """Stop a container and remove it. Its volumes stay."""
        stopped = self.stop(container, why, *needs) if container.running else None
        action = RemoveContainer(container.id, container.name)
        makes: list[Fact] = [Removed(container.id), NameFree(container.name)]
        self.draft.add(action, why, stopped, *needs, makes=makes, of=container.replica)

    def remove_at_the_end(self, container: ObservedContainer, why: str, *needs: Fact | int | None) -> None:
        """Stop a container, so that what it holds is free, and free its name if it is wanted. `drop` removes it."""
        stopped = self.stop(container, why, *needs) if container.running else None
        name = container.name
        if any(name in (slot.want.name, slot.want.name + OLD) for slot in self.slots):
            action = RenameContainer(container.id, name, name + OLD)
            makes: list[Fact] = [Renamed(container.id), NameFree(name)]
            self.draft.add(action, "makes way", stopped, *needs, makes=makes, of=container.replica)
            self.named[container.id] = name + OLD

    def drop(self, container: ObservedContainer, why: str, *needs: Fact | int | None) -> None:
        """Remove a container that is stopped by then."""
        action = RemoveContainer(container.id, self.name_of(container))
        facts = (Stopped(container.id), Renamed(container.id))
        self.draft.add(action, why, *needs, *facts, makes=[Removed(container.id)], of=container.replica)

    def rename(
        self, slot: Slot, address: str, name: str, to: str, why: str, *needs: Fact | int | None
    ) -> Renamed:
        """Rename a container, once the new name is free."""
        renamed = Renamed(address)
        action = RenameContainer(address, name, to)
        makes: list[Fact] = [renamed, NameFree(name)]
        self.draft.add(action, why, *needs, NameFree(to), makes=makes, of=slot.want.replica)
        self.named[address] = to
        return renamed

"""Plan the way back after an `up` that failed: from what is there now to what was there before it.

What the run has made goes. What it has stopped, renamed or moved is again as it was. Data stay as they are: a volume is removed
only if the run has made it, and nothing takes back what a new program has written into a volume that was there before.

The order keeps every moment in between recognisable for a later `up`, which goes by the file:

    restart policies → stop and remove the new → networks → names → start the old, what others depend on first → wait for them
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from msgspec import Struct

from stackctl.planner.life.stops import Stops, dependents_first, plan_stops
from stackctl.planner.steps.actions import (
    ConnectNetwork,
    CreateNetwork,
    DisconnectNetwork,
    PauseContainer,
    RemoveContainer,
    RemoveNetwork,
    RemoveVolume,
    RenameContainer,
    RunHook,
    SetRestart,
    StartContainer,
    WaitFor,
)
from stackctl.planner.steps.facts import (
    Fact,
    Met,
    NameFree,
    NetworkThere,
    Removed,
    Renamed,
    Stopped,
)
from stackctl.planner.steps.plan import Draft, UndoPlan
from stackctl.planner.up.confirmation import SETTLING
from stackctl.planner.up.waits import wait_for
from stackctl.planner.view.slots import NEW
from stackctl.planner.view.view import View
from stackctl.planner.world import labels
from stackctl.planner.world.adopting import adopted
from stackctl.planner.world.arrangement import Arrangement, ContainerArrangement
from stackctl.planner.world.desired import Attachment, DesiredContainer
from stackctl.planner.world.matching import is_anonymous, is_ours, members, ours, users_of_volumes
from stackctl.planner.world.observed import Observed, ObservedContainer, ObservedVolume
from stackctl.spec.model import Condition

_MADE = "this run has made it"
_AS_BEFORE = "it was so before"
_OF_HOOK = ".pre-start-"


class Before(Struct, frozen=True):
    """What was there before a run. `view` is that of its first plan."""

    view: View
    arrangement: Arrangement


class _Kept(Struct, frozen=True):
    """A container that was there before the run and is there now."""

    was: ObservedContainer
    now: ObservedContainer


def plan_undo(
    before: Before,
    observed: Observed,
    arrangement: Arrangement,
    stops: Stops,
    stopped: Collection[str],
) -> UndoPlan:
    """Plan to go back from `observed` to what was there before. `arrangement` is that of the containers in `observed`; `stopped`
    are the ids of the containers that the run has stopped: one that has ended by itself is not started.
    """
    work = _Undoing(before, observed, arrangement, stops, stopped)
    work.policies()
    work.removals()
    work.networks()
    work.names()
    work.places()
    work.starts()
    work.volumes()
    plan = work.draft.plan()
    return UndoPlan(plan.project, plan.steps, plan.notes, whole=not plan.notes)


class _Undoing:
    """The plan so far, and what it is made from."""

    def __init__(
        self,
        before: Before,
        observed: Observed,
        arrangement: Arrangement,
        stops: Stops,
        stopped: Collection[str],
    ) -> None:
        view = before.view
        desired, self.options = view.desired, view.options
        if self.options.adopt:
            observed = adopted(desired, observed)
        self.view, self.observed, self.stops, self.stopped = view, observed, stops, stopped
        self.arranged, self.arranged_now = before.arrangement, arrangement
        self.draft = Draft(desired.project)
        was = {c.id: c for c in ours(view.observed, desired.project, desired.instance)}
        mine = ours(observed, desired.project, desired.instance)
        self.new = [c for c in mine if c.id not in was and _is_of_up(c)]
        self.kept = [_Kept(was[c.id], c) for c in mine if c.id in was and _is_of_up(c)]
        networks = {network.id for network in view.observed.networks}
        self.new_networks = [n for n in observed.networks if n.id not in networks and is_ours(n, desired)]
        self.members = members(observed)
        self.down = {each.now.id for each in self.kept if each.now.running and self._must_stop(each)}
        """The containers that stay and run now, but have to be stopped: those that ran before are then started again."""
        self._add_followers()
        self.policies_set: list[int] = []

    def _must_stop(self, each: _Kept) -> bool:
        """It did not run before, or one of its networks is removed and made again."""
        if not each.was.running:
            return True
        going = {network.id for network in self.new_networks}
        was = {joined.network for joined in each.was.networks}
        return any(joined.network_id in going and joined.network in was for joined in each.now.networks)

    def _add_followers(self) -> None:
        """Those that must not run while another container takes the place of one which they follow: see `Ties.followers`."""
        ties = self.view.slots.ties
        pending = [each.was.replica for each in self.kept if self._starts(each)]
        while pending:
            lead = pending.pop()
            for replica in ties.followers.get(lead, ()):
                for each in self.kept:
                    runs = each.was.replica == replica and each.was.running and each.now.running
                    if runs and each.now.id not in self.down:
                        self.down.add(each.now.id)
                        pending.append(replica)

    def _starts(self, each: _Kept) -> bool:
        if not each.was.running:
            return False
        return each.now.id in (self.down if each.now.running else self.stopped)

    def policies(self) -> None:
        """First: a container whose successor is gone, and which has lost its policy, would look as if all were well."""
        for each in self.kept:
            was, now = (self._arranged(arranged, each) for arranged in (self.arranged, self.arranged_now))
            if was and now and (was.restart, was.restart_times) != (now.restart, now.restart_times):
                action = SetRestart(each.now.id, each.now.name, was.restart, was.restart_times)
                self.policies_set.append(self.draft.add(action, _AS_BEFORE, of=each.was.replica))

    def removals(self) -> None:
        """Stop what must not run, those first that depend on others, and remove what the run has made."""
        stopping = [*self.new, *(each.now for each in self.kept if each.now.id in self.down)]
        ordered = dependents_first(stopping, self.stops)
        plan_stops(self.draft, ordered, self.stops, "the run goes back", grace=self.options.grace)
        volumes = {volume.name for volume in (*self.view.observed.volumes, *self._new_volumes())}
        for container in ordered:
            if container.id in self.down:
                continue
            unnamed = any(is_anonymous(m) and m.name not in volumes for m in container.mounts)
            sharers = [Removed(c.id) for c in ordered if c.network_mode == f"container:{container.id}"]
            self.draft.add(
                RemoveContainer(container.id, container.name, volumes=unnamed),
                _MADE,
                Stopped(container.id),
                *self.policies_set,
                *sharers,
                makes=[Removed(container.id), NameFree(container.name)],
                of=container.replica,
            )

    def networks(self) -> None:
        """Remove the networks that the run has made, and make those again that it has removed."""
        kept = {each.now.id for each in self.kept}
        here = {network.id for network in self.observed.networks}
        gone: dict[str, int] = {}
        for network in self.new_networks:
            needs: list[Fact | int] = []
            strangers = []
            for container in self.members.get(network.id, ()):
                if container.id in kept:
                    leave = DisconnectNetwork(container.id, network.id, network.name, container.name)
                    step = self.draft.add(leave, _MADE, Stopped(container.id), of=container.replica)
                    needs.append(step)
                elif self.draft.makes(Removed(container.id)):
                    needs.append(Removed(container.id))
                else:
                    strangers.append(container.name)
            if strangers:
                self.draft.notes.append(
                    f"network {network.name} is kept: {', '.join(strangers)} would lose it"
                )
                continue
            gone[network.name] = self.draft.add(RemoveNetwork(network.id, network.name), _MADE, *needs)
        for network in self.view.observed.networks:
            definition = self.arranged.networks.get(network.id)
            if definition and network.id not in here:
                self.draft.add(
                    CreateNetwork(definition),
                    _AS_BEFORE,
                    gone.get(network.name),
                    makes=[NetworkThere(network.name)],
                )

    def names(self) -> None:
        """Give each container the name that it had. Two that have exchanged their names need a third one for a moment."""
        pending = {each.now.id: each for each in self.kept if each.now.name != each.was.name}
        called = {id_: each.now.name for id_, each in pending.items()}
        while pending:
            held = {called[id_] for id_ in pending}
            free = [each for each in pending.values() if each.was.name not in held - {called[each.now.id]}]
            for each in free:
                self._rename(each, called[each.now.id], each.was.name)
                del pending[each.now.id]
            if not free:
                each = next(iter(pending.values()))
                aside = each.was.name + NEW
                self._rename(each, called[each.now.id], aside)
                called[each.now.id] = aside

    def _rename(self, each: _Kept, name: str, to: str) -> None:
        makes: list[Fact] = [Renamed(each.now.id), NameFree(name)]
        needs: list[Fact | int] = [*self.policies_set, NameFree(to), Renamed(each.now.id)]
        action = RenameContainer(each.now.id, name, to)
        self.draft.add(action, _AS_BEFORE, *needs, makes=makes, of=each.was.replica)

    def places(self) -> None:
        """Put each container into the networks in which it was, with its names there."""
        going = {network.id for network in self.new_networks}
        here = {network.id for network in self.observed.networks}
        for each in self.kept:
            was = {joined.network: joined for joined in each.was.networks}
            now = {joined.network: joined for joined in each.now.networks if joined.network_id not in going}
            for joined in now.values():
                if joined.network not in was and joined.network_id in here:
                    leave = DisconnectNetwork(each.now.id, joined.network_id, joined.network, each.was.name)
                    self.draft.add(leave, "it was not in it before", of=each.was.replica)
            for name in was.keys() - now.keys():
                self._join(each, name)

    def _join(self, each: _Kept, network: str) -> None:
        arranged = self._arranged(self.arranged, each)
        place = arranged.networks.get(network) if arranged else None
        place = place or Attachment(network, (each.was.service, each.was.name))
        needs = (NetworkThere(network), Stopped(each.now.id), Renamed(each.now.id))
        connect = ConnectNetwork(each.now.id, place, each.was.name)
        step = self.draft.add(connect, _AS_BEFORE, *needs, of=each.was.replica)
        self.draft.make(Renamed(each.now.id), step)

    def starts(self) -> None:
        """Start what ran before, each once what it depends on is ready again, and wait for it."""
        starting = {each.now.id: each for each in self.kept if self._starts(each)}
        by_service: dict[str, list[Fact]] = {}
        for was in self._holders_first(
            reversed(dependents_first((e.was for e in starting.values()), self.stops))
        ):
            self._start(was, starting, by_service)

    def _holders_first(self, containers: Iterable[ObservedContainer]) -> Iterator[ObservedContainer]:
        """The containers, each after those whose network, memory, processes or volumes it shares."""
        pending = {container.id: container for container in containers}

        def visit(id_: str) -> Iterator[ObservedContainer]:
            if container := pending.pop(id_, None):
                for holder in self._holders(container):
                    yield from visit(holder)
                yield container

        for id_ in [*pending]:
            yield from visit(id_)

    def _holders(self, container: ObservedContainer) -> tuple[str, ...]:
        arranged = self.arranged.containers.get(container.id)
        return arranged.holders if arranged else ()

    def _start(
        self, was: ObservedContainer, starting: Mapping[str, _Kept], by_service: dict[str, list[Fact]]
    ) -> None:
        add, of, want = self.draft.add, was.replica, self._want(was)
        needs = [Renamed(was.id), Stopped(was.id), *self._freed(was), *self._needs(was.service, by_service)]
        needs += [
            Met(starting[id_].was.replica, Condition.started) for id_ in self._holders(was) if id_ in starting
        ]
        step = add(StartContainer(was.id, was.name), "it ran before", *needs, of=of)
        self.draft.make(Met(of, Condition.started), step)
        for number, hook in enumerate(want.settings.post_start if want else (), 1):
            step = add(
                RunHook(was.id, was.name, hook, number, self.options.wait_timeout),
                "it was started",
                step,
                of=of,
            )
        ready = Met(of, Condition.ready)
        add(self._wait(was, want), "it ran before", step, makes=[ready], of=of)
        by_service.setdefault(was.service, []).append(ready)
        if was.state == "paused":
            add(PauseContainer(was.id, was.name), _AS_BEFORE, ready, of=of)

    def _freed(self, was: ObservedContainer) -> Iterator[Fact]:
        """The facts that no container of the run is in its place, holds one of its ports, or uses one of its volumes."""
        ports = {(port.published, port.protocol) for port in was.ports}
        volumes = {mount.name for mount in was.mounts if mount.type == "volume"}
        for other in self.new:
            if other.replica == was.replica or not volumes.isdisjoint(mount.name for mount in other.mounts):
                yield Removed(other.id)
        for other in (*self.new, *(each.now for each in self.kept)):
            if not ports.isdisjoint((port.published, port.protocol) for port in other.ports):
                yield Stopped(other.id)

    def _needs(self, service: str, by_service: Mapping[str, Iterable[Fact]]) -> Iterator[Fact]:
        """The facts that what a service depends on is ready again, directly or through others that never stopped."""
        seen, pending = {service}, [*self.stops.dependencies.get(service, ())]
        while pending:
            other = pending.pop()
            if other in seen:
                continue
            seen.add(other)
            if facts := by_service.get(other):
                yield from facts
            else:
                pending += self.stops.dependencies.get(other, ())

    def _want(self, was: ObservedContainer) -> DesiredContainer | None:
        """What the file says of a container, if it is still as the file says."""
        slot = self.view.slots.by_replica.get(was.replica)
        return slot.want if slot and (slot.want.digest, slot.want.kind) == (was.digest, was.kind) else None

    def _wait(self, was: ObservedContainer, want: DesiredContainer | None) -> WaitFor:
        """If the file no longer tells when the container is ready, only the engine can tell."""
        timeout = self.options.wait_timeout
        if want and want.kind == "service":
            return wait_for(want, was.id, timeout=timeout)
        arranged = self.arranged.containers.get(was.id)
        return WaitFor(
            was.id,
            was.name,
            Condition.healthy if was.health == "healthy" else Condition.started,
            timeout=timeout,
            oneshot_ok=not arranged or arranged.restart in ("no", ""),
            settle=SETTLING,
        )

    def volumes(self) -> None:
        users = users_of_volumes(self.observed)
        for volume in self._new_volumes():
            removed = [Removed(container.id) for container in users.get(volume.name, ())]
            if all(map(self.draft.makes, removed)):
                self.draft.add(RemoveVolume(volume.name, data=False), _MADE, *removed)

    def _new_volumes(self) -> list[ObservedVolume]:
        there = {volume.name for volume in self.view.observed.volumes}
        return [v for v in self.observed.volumes if v.name not in there and is_ours(v, self.view.desired)]

    @staticmethod
    def _arranged(arrangement: Arrangement, each: _Kept) -> ContainerArrangement | None:
        return arrangement.containers.get(each.was.id)


def _is_of_up(container: ObservedContainer) -> bool:
    """Whether an `up` makes such containers. `debug` makes others meanwhile, for a person who looks around."""
    return container.kind != "run" or labels.COPY in container.labels or _OF_HOOK in container.name

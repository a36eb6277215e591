"""The steps for one container: create it, put it in the place of another one, start it, and put the old one back on failure."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from stackctl.planner.steps.actions import (
    Action,
    ConnectNetwork,
    CreateContainer,
    RemoveContainer,
    RenameContainer,
    SetRestart,
    StartContainer,
)
from stackctl.planner.steps.facts import (
    ContainerStarted,
    Created,
    Fact,
    ImageHere,
    NameFree,
    NetworkThere,
    PortFree,
    Removed,
    Renamed,
    Retired,
    VolumeThere,
)
from stackctl.planner.up.hooks import after_start, before_start, sign, without_sign
from stackctl.planner.up.storage import fill_anonymous, with_anonymous_volumes
from stackctl.planner.up.waits import gates
from stackctl.planner.up.work import Work
from stackctl.planner.view.slots import NEW, OLD, Slot, joined_to
from stackctl.planner.world.desired import Attachment, DesiredContainer, DesiredMount
from stackctl.planner.world.labels import FIELDS, pack_fields
from stackctl.planner.world.observed import ObservedContainer
from stackctl.planner.world.replica import Replica


def create(work: Work, slot: Slot) -> None:
    """Create the container of a slot that has none, beside the container that it replaces, and connect it to its networks."""
    if slot.current:
        return
    want, holders = slot.want, work.slots.holders(slot)
    name = next(filter(work.is_free, _names(work, want)))
    spec = replace(
        want.sharing_with({holder.want.name: work.address(holder) for holder in holders}),
        labels={**want.labels, FIELDS: pack_fields(want.fields)},
        mounts=with_anonymous_volumes(
            slot, work.observed.configs.get(want.image), renew=work.view.options.renew
        ),
    )
    needs: list[Fact] = [ImageHere(want.image), NameFree(name)]
    needs += [NetworkThere(attachment.network) for attachment in want.networks]
    needs += [_source(mount) for mount in want.mounts]
    needs += [Created(holder.want.replica) for holder in holders]
    needs += _rebuilt(work, slot)
    if want.kind == "job":  # the job must be newer than its data, else it would run again
        needs += [VolumeThere(volume) for volume in sorted(work.data[want.service])]
    created = Created(want.replica)
    action = CreateContainer(spec, name, slot.old.id if slot.old else None)
    rescue = tuple(_back_in_networks(work, slot))
    work.draft.add(action, slot.why, *needs, makes=[created], of=want.replica, rescue=rescue)
    for attachment in want.networks[1:]:
        connect = ConnectNetwork(name, attachment, name)
        why = f"{want.replica} joins it"
        work.draft.add(connect, why, created, makes=[created], of=want.replica, rescue=rescue)
    fill_anonymous(work, want, name, spec.mounts)
    work.created[want.replica] = name


def _back_in_networks(work: Work, slot: Slot) -> Iterator[Action]:
    """The actions if the new container is refused: a network is made again before that, for which the old one was stopped. It joins
    the network and is started.
    """
    old = slot.old
    if old is None or not old.running or not _rebuilt(work, slot):
        return
    yield from _join_rebuilt(work, slot.want, old)
    yield StartContainer(old.id, old.name)


def _join_rebuilt(work: Work, want: DesiredContainer, old: ObservedContainer) -> Iterator[ConnectNetwork]:
    for joined in old.networks:
        if joined.network in work.slots.rebuilt:
            yield ConnectNetwork(old.id, _place(want, joined.network), old.name)


def _source(mount: DesiredMount) -> Fact:
    """What has to be there before a container can have the mount."""
    return ImageHere(mount.source) if mount.type == "image" else VolumeThere(mount.source)


def _names(work: Work, want: DesiredContainer) -> Iterator[str]:
    """The names that a new container may have until it gets its own. After an interrupted run another service may hold the
    second one.
    """
    yield want.name
    yield want.name + NEW
    yield f"{work.desired.project}-{want.service}-{want.number}{NEW}"
    yield f"{work.desired.project}-{want.service}-{want.number}{NEW}{NEW}"


def hand_over(work: Work) -> None:
    """Free ports and names that pass from one service to another before either of the two starts.

    All containers are created before that: if the engine refuses one, no other service may have been stopped for it.
    """
    created = [Created(replica) for replica in work.slots.by_replica]
    heirs = _heirs_of_ports(work)
    for slot in reversed([*work.slots]):
        freed = [PortFree(port.published, port.protocol) for port in slot.old.ports] if slot.old else []
        if slot.old and any(heirs.get(port, set()) - {slot.want.replica} for port in freed):
            _stop_old(work, slot, *created)
            work.passed_on.add(slot.old.id)
    wanted = {slot.want.name: slot.want.replica for slot in work.slots}
    for slot in work.slots:
        for container in filter(None, (slot.old, slot.current)):
            heir = wanted.get(container.name, slot.want.replica)
            if heir != slot.want.replica:
                to = slot.want.name + (OLD if container is slot.old else NEW)
                why = f"{heir} takes its name"
                work.rename(slot, container.id, container.name, to, why, *created)
                work.passed_on.add(container.id)


def _heirs_of_ports(work: Work) -> dict[PortFree, set[Replica]]:
    """For each host port: the replicas that are started and will have it."""
    found: dict[PortFree, set[Replica]] = {}
    for slot in work.slots:
        for port in _free_ports(slot.want) if slot.starts else ():
            found.setdefault(port, set()).add(slot.want.replica)
    return found


def _free_ports(want: DesiredContainer) -> Iterator[PortFree]:
    """The host ports that a container will have, if they are known before its start."""
    return (PortFree(port.host_port, port.protocol) for port in want.ports if port.host_port is not None)


def start(work: Work, slot: Slot) -> None:
    """Start the container of a slot once everything that it needs is there. The containers found in the slot decide the steps:

    =============================  =========  ==================  ======  ===========
    found                          stop       names               start   remove
    =============================  =========  ==================  ======  ===========
    nothing                                                       new
    it fits, and runs                         new → NAME
    it fits, and does not run                 new → NAME          it
    it fits, and is restarted      it         new → NAME          it
    another one                    the other  old → NAME.old,     new     the other
                                              new → NAME
    both, of an interrupted run    the other  what is left of it  new     the other
    =============================  =========  ==================  ======  ===========

    A name is changed only if it is wrong. A container is stopped only if it runs. A job that has ended with 0 is not started.
    """
    needs: list[Fact | int | None] = [_there(slot), *gates(work, slot), *_rebuilt(work, slot)]
    needs += [*_ready_current(work, slot, *needs)]
    needs += [_there(sharer) for sharer in work.slots.sharers(slot)]
    needs.append(_stop_old(work, slot, *needs))
    needs.append(_make_way(work, slot, *needs))
    needs.append(_take_name(work, slot, *needs))
    needs.append(_start(work, slot, *needs))
    if slot.old and not work.view.options.rollback:
        gone = RemoveContainer(slot.old.id, work.name_of(slot.old))
        makes = [Removed(slot.old.id)]
        work.draft.add(gone, "it was replaced", *needs, makes=makes, of=slot.want.replica)


def _there(slot: Slot) -> Fact:
    """The fact that the container which will be in a slot can be addressed: it is created, or has another name now."""
    return Renamed(slot.current.id) if slot.current else Created(slot.want.replica)


def _rebuilt(work: Work, slot: Slot) -> list[NetworkThere]:
    """The networks that are made again, and that the containers of a slot had to leave."""
    left = [joined.network for found in (slot.current, slot.old) if found for joined in found.networks]
    return [NetworkThere(name) for name in left if name in work.slots.rebuilt]


def _ready_current(work: Work, slot: Slot, *needs: Fact | int | None) -> Iterator[Fact | int]:
    """Stop the current container if it is restarted, and connect it to networks that it is not in."""
    if slot.current is None:
        return
    stopped = work.stop(slot.current, slot.restart, *needs) if slot.restart else None
    if stopped:
        yield stopped
    for attachment in slot.want.networks:
        if attachment.network in slot.connect:
            connect = ConnectNetwork(slot.current.id, attachment, slot.want.name)
            made, why = NetworkThere(attachment.network), f"{slot.want.replica} joins it"
            yield work.draft.add(connect, why, made, stopped, of=slot.want.replica)


def _stop_old(work: Work, slot: Slot, *needs: Fact | int | None) -> Retired | None:
    """Stop the container that is replaced, once the new one exists and can start. Stop its followers before it."""
    if slot.old is None or not slot.old.running or work.draft.makes(Retired(slot.old.id)):
        return Retired(slot.old.id) if slot.old else None
    ready = (_there(slot), *needs)
    first = [_stop_follower(work, follower, *ready) for follower in work.slots.followers(slot)]
    return work.retire(slot, *ready, *first)


def _stop_follower(work: Work, slot: Slot, *needs: Fact | int | None) -> Fact | None:
    if slot.current and slot.restart:
        return work.stop(slot.current, slot.restart, *needs)
    return _stop_old(work, slot, *needs)


def _make_way(work: Work, slot: Slot, *needs: Fact | int | None) -> Renamed | None:
    """Rename the container that is replaced, unless it has another name, or has given its name away already."""
    old, name = slot.old, slot.want.name
    if old is None:
        return None
    if old.id not in work.named and old.name == name:
        return work.rename(slot, old.id, name, name + OLD, "makes way for its successor", *needs)
    return Renamed(old.id)


def _take_name(work: Work, slot: Slot, *needs: Fact | int | None) -> Renamed | None:
    """Give the container that will be in a slot its name."""
    address, name = work.address(slot), slot.want.name
    called = work.name_of(slot.current) if slot.current else address
    if called == name:
        return None
    why = "takes its place" if slot.old else "its name should be this"
    return work.rename(slot, address, called, name, why, *needs)


def _start(work: Work, slot: Slot, *needs: Fact | int | None) -> ContainerStarted | None:
    """Start the container under its name. If that fails, the old one is put back."""
    if not slot.starts:
        return None
    want, started = slot.want, ContainerStarted(slot.want.replica)
    address = slot.current.id if slot.current else want.name
    action, rescue = StartContainer(address, want.name, want.files), tuple(_put_back(work, slot, address))
    if rescue:
        rescue = (*rescue, *without_sign(work, slot))
    hooks = before_start(work, slot, address, *needs, rescue=rescue)
    why, needs = _why_start(slot), (*needs, hooks, sign(work, slot, *needs), *_free_ports(want))
    work.draft.add(action, why, *needs, makes=[started], of=want.replica, rescue=rescue)
    after_start(work, slot, address, want.name, rescue)
    return started


def _why_start(slot: Slot) -> str:
    if slot.restart:
        return slot.restart
    if slot.current is None or slot.current.state == "created":
        return "new"
    if slot.want.kind == "job" and slot.current.exit_code:
        return f"it failed the last time (exit {slot.current.exit_code})"
    return "not running"


def _put_back(work: Work, slot: Slot, address: str) -> Iterator[Action]:
    """The actions if the new container cannot be started: the old container is put back and started, and so are those that were
    stopped because of it.

    None for a container whose port or name has gone to another service, which would lose it again; and none at all if a
    container whose network, memory, processes or volumes the old one shares is gone.
    """
    old, want = slot.old, slot.want
    if old is None or not old.running or old.id in work.passed_on:
        return
    if not all(joined_to(want, old, holder) for holder in work.slots.holders(slot)):
        return
    yield RemoveContainer(address, want.name)
    if old.name == want.name:
        yield RenameContainer(old.id, want.name + OLD, want.name)
    yield from _join_rebuilt(work, want, old)
    yield from _revive_old(work, slot)
    for follower in work.slots.followers(slot):
        if follower.current and follower.restart:
            yield StartContainer(follower.current.id, follower.current.name)
        else:
            yield from _revive_old(work, follower)


def _place(want: DesiredContainer, network: str) -> Attachment:
    own = Attachment(network, (want.service, want.name))
    return next((place for place in want.networks if place.network == network), own)


def _revive_old(work: Work, slot: Slot) -> Iterator[Action]:
    if slot.old and slot.old.running and slot.old.id not in work.passed_on:
        yield SetRestart(slot.old.id, slot.old.name, slot.want.restart, slot.want.restart_times)
        yield StartContainer(slot.old.id, slot.old.name)

"""The life of one container in a plan: created, put in the place of another one, started, and put back if that fails."""

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
from stackctl.planner.up.slots import NEW, OLD, Slot, joined_to
from stackctl.planner.up.storage import with_anonymous_volumes
from stackctl.planner.up.waits import gates
from stackctl.planner.up.work import Handle, HostPort, Work, host_ports
from stackctl.planner.world.desired import Attachment, Container
from stackctl.planner.world.labels import FIELDS, pack_fields
from stackctl.planner.world.replica import Replica


def create(work: Work, slot: Slot) -> None:
    """Create the container of a slot that has none, beside the one it replaces, and have it join its networks."""
    want = slot.want
    data = _data(work, want)
    if slot.current:
        work.handles[want.replica] = Handle(slot.current.id, slot.current.name, None)
        return
    name = next(filter(work.is_free, _names(work, want)))
    shared = work.slots.holder(slot)
    holder = work.handles[shared.want.replica] if shared else None
    spec = replace(
        want,
        labels={**want.labels, FIELDS: pack_fields(want.fields)},
        mounts=with_anonymous_volumes(slot, work.observed.configs.get(want.image)),
        network_mode=f"container:{holder.address}" if holder else want.network_mode,
    )
    before = [work.networks.get(attachment.network) for attachment in want.networks]
    before += [work.volumes.get(mount.source) for mount in want.mounts]
    before += [work.images.get(want.image), work.freed.get(name), holder.ready if holder else None]
    if want.kind == "job":
        before += data  # its age tells whether data came after its last success
    action = CreateContainer(spec, name, slot.old.id if slot.old else None)
    ready = work.draft.add(action, slot.why, *before, of=want.replica)
    for attachment in want.networks[1:]:
        connect = ConnectNetwork(name, attachment, name)
        ready = work.draft.add(connect, f"{want.replica} joins it", ready, of=want.replica)
    work.handles[want.replica] = Handle(name, name, ready)


def _data(work: Work, want: Container) -> frozenset[int]:
    """The steps that make the volumes of what a container depends on, directly or not. Called in dependency order."""
    upstream = frozenset[int]().union(*(work.data.get(need.service, ()) for need in want.needs))
    own = {work.volumes[mount.source] for mount in want.mounts if mount.source in work.volumes}
    work.data[want.service] = upstream | own
    return upstream


def _names(work: Work, want: Container) -> Iterator[str]:
    """What a new container may be called until it has its name; of an interrupted run, another service may hold the second."""
    yield want.name
    yield want.name + NEW
    yield f"{work.desired.project}-{want.service}-{want.number}{NEW}"
    yield f"{work.desired.project}-{want.service}-{want.number}{NEW}{NEW}"


def hand_over(work: Work) -> None:
    """Have ports and names that pass from one service to another given free before either of the two starts.

    Everything is created by then: a definition that the engine refuses must not cost another service its life.
    """
    created = [handle.ready for handle in work.handles.values()]
    heirs = _heirs_of_ports(work)
    for slot in reversed([*work.slots]):
        freed = {(port.published, port.protocol) for port in slot.old.ports} if slot.old else set()
        if slot.old and any(heirs.get(port, set()) - {slot.want.replica} for port in freed):
            _stop_old(work, slot, *created)
            work.passed_on.add(slot.old.id)
    wanted = {slot.want.name: slot.want.replica for slot in work.slots}
    for slot in work.slots:
        replica = slot.want.replica
        for container in (slot.old, slot.current):
            heir = wanted.get(container.name, replica) if container else replica
            if container and heir != replica:
                to = slot.want.name + (OLD if container is slot.old else NEW)
                step = work.rename(slot, container.id, container.name, to, f"{heir} takes its name", *created)
                work.passed_on.add(container.id)
                if container is slot.current:
                    work.handles[replica] = Handle(container.id, to, step)


def _heirs_of_ports(work: Work) -> dict[HostPort, set[Replica]]:
    """What is started and is to have a port of the host."""
    found: dict[HostPort, set[Replica]] = {}
    for slot in work.slots:
        for port in host_ports(slot.want) if slot.starts else ():
            found.setdefault(port, set()).add(slot.want.replica)
    return found


def start(work: Work, slot: Slot) -> None:
    """Once all it needs is there: stop the old container, swap the names, start the new one, remove the old one."""
    want, old = slot.want, slot.old
    handle = work.handles[want.replica]
    after = [handle.ready, *gates(work, slot), *_rebuilt(work, slot)]
    after += [*_ready_to_start(work, slot, *after)]
    after += [work.handles[sharer.want.replica].ready for sharer in work.slots.sharers(slot)]
    after.append(_stop_old(work, slot, *after))
    if old and old.id in work.renamed:
        after.append(work.renamed[old.id].step)
    elif old and old.name == want.name:
        why = "makes way for its successor"
        after.append(work.rename(slot, old.id, old.name, want.name + OLD, why, *after))
    address = handle.address
    if handle.name != want.name:
        why = "takes its place" if old else "its name should be this"
        after.append(work.rename(slot, address, handle.name, want.name, why, *after))
        address = slot.current.id if slot.current else want.name
    if slot.starts:
        action = StartContainer(address, want.name)
        after += work.frees_ports_of(want)
        rescue = tuple(_put_back(work, slot, address))
        started = work.draft.add(action, _why_start(slot), *after, of=want.replica, rescue=rescue)
        work.started[want.replica] = started
        after.append(started)
    if old:
        gone = RemoveContainer(old.id, work.name_of(old))
        work.removed[old.id] = work.draft.add(gone, "it was replaced", *after, of=want.replica)


def _rebuilt(work: Work, slot: Slot) -> list[int]:
    """The steps that build anew the networks its containers had to leave."""
    left = [joined.network for found in (slot.current, slot.old) if found for joined in found.networks]
    return [work.networks[name] for name in left if name in work.slots.rebuilt]


def _ready_to_start(work: Work, slot: Slot, *after: int | None) -> Iterator[int]:
    """Stop the current container if it is restarted, and have it join the networks it lacks."""
    if slot.current is None:
        return
    stop = work.stop(slot.current, slot.want, slot.restart, *after) if slot.restart else None
    if stop:
        yield stop
    for attachment in slot.want.networks:
        if attachment.network in slot.connect:
            connect = ConnectNetwork(slot.current.id, attachment, slot.want.name)
            made = work.networks.get(attachment.network)
            yield work.draft.add(connect, f"{slot.want.replica} joins it", made, stop, of=slot.want.replica)


def _stop_old(work: Work, slot: Slot, *gates: int | None) -> int | None:
    """Stop the container that is replaced, once its successor exists and can start, and before it those that live off it."""
    if slot.old is None or not slot.old.running or slot.old.id in work.retired:
        return work.retired.get(slot.old.id) if slot.old else None
    ready = (work.handles[slot.want.replica].ready, *gates)
    first = [_stop_follower(work, follower, *ready) for follower in work.slots.followers(slot)]
    return work.retire(slot, *ready, *first)


def _stop_follower(work: Work, slot: Slot, *gates: int | None) -> int | None:
    if slot.current and slot.restart:
        return work.stop(slot.current, slot.want, slot.restart, *gates)
    return _stop_old(work, slot, *gates)


def _why_start(slot: Slot) -> str:
    if slot.restart:
        return slot.restart
    if slot.current is None or slot.current.state == "created":
        return "new"
    if slot.want.kind == "job" and slot.current.exit_code:
        return f"it failed the last time (exit {slot.current.exit_code})"
    return "not running"


def _put_back(work: Work, slot: Slot, address: str) -> Iterator[Action]:
    """When the successor cannot be started: the old container, and those stopped for its sake, get their life back.

    Not where its port or name has gone to another service, which would lose it again, nor where the container whose
    network it shares is gone.
    """
    old, want, holder = slot.old, slot.want, work.slots.holder(slot)
    if old is None or not old.running or old.id in work.passed_on or (holder and not joined_to(old, holder)):
        return
    yield RemoveContainer(address, want.name)
    if old.name == want.name:
        yield RenameContainer(old.id, want.name + OLD, want.name)
    for joined in old.networks:
        if joined.network in work.slots.rebuilt:
            yield ConnectNetwork(old.id, _place(want, joined.network), old.name)
    yield from _revive_old(slot)
    for follower in work.slots.followers(slot):
        if follower.current and follower.restart:
            yield StartContainer(follower.current.id, follower.current.name)
        else:
            yield from _revive_old(follower)


def _place(want: Container, network: str) -> Attachment:
    own = Attachment(network, (want.service, want.name))
    return next((place for place in want.networks if place.network == network), own)


def _revive_old(slot: Slot) -> Iterator[Action]:
    if slot.old and slot.old.running:
        yield SetRestart(slot.old.id, slot.old.name, slot.want.restart, slot.want.restart_times)
        yield StartContainer(slot.old.id, slot.old.name)

"""Plan to remove a project: containers, then networks, and volumes only if asked to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Literal

from msgspec import Struct

from stackctl.planner.life.stops import Stops, dependents_first, plan_stops
from stackctl.planner.steps.actions import RemoveContainer, RemoveImage, RemoveNetwork, RemoveVolume
from stackctl.planner.steps.facts import Removed, Stopped
from stackctl.planner.steps.plan import Draft, Plan, plan_companions
from stackctl.planner.world.matching import image_id, is_anonymous, members, ours, users_of_volumes
from stackctl.planner.world.naming import Naming
from stackctl.planner.world.observed import (
    Labelled,
    Observed,
    ObservedContainer,
    ObservedNetwork,
    ObservedVolume,
)
from stackctl.spec.model import Stack

Spared = Mapping[tuple[str, str], str]
"""Networks and volumes that the file wants to keep: kind and name, and why."""


class DownOptions(Struct, frozen=True):
    """How to take a project down.

    `services`: remove only these services, and no network or volume. `volumes`: remove the data, too. `grace`: seconds to stop,
    for all containers. `kill`: no time to stop for a container if all that it has written is removed with it. `adopt`: also
    remove a project that was started from another directory. `source`: the path of the file if it cannot be read.
    """

    services: Collection[str] = ()
    volumes: bool = False
    grace: int | None = None
    kill: bool = False
    adopt: bool = False
    source: str = ""
    rmi: Literal["local", "all"] | None = None
    """Remove images, too: those that are built and have no name of their own, or all of the stack."""


class LostVolume(Struct, frozen=True):
    """A volume that a plan removes, with what a person must know. `created` is in seconds since the epoch, 0 if unknown."""

    name: str
    service: str
    anonymous: bool
    created: float
    size: int | None
    """Bytes; None if the engine does not know."""


def lost_volumes(plan: Plan, observed: Observed, sizes: Mapping[str, int]) -> tuple[LostVolume, ...]:
    """The volumes about which `down --volumes` asks the user."""
    lost = frozenset(plan.loses_data)
    return tuple(
        LostVolume(v.name, v.key, v.anonymous, v.created, sizes.get(v.name))
        for v in observed.volumes
        if v.name in lost
    )


def plan_down(
    project: str,
    instance: str,
    observed: Observed,
    options: DownOptions | None = None,
    *,
    stops: Stops | None = None,
    spared: Spared | None = None,
    images: Collection[str] = (),
) -> Plan:
    """Plan to remove everything of a project: all profiles, orphans and one-offs.

    `stops` and `spared` come from the spec; without it all stop at once. An anonymous volume that carries our labels is removed by a step of its own, any
    other together with its container. What does not carry this project's labels and instance is left alone and named.
    """
    options, stops = options or DownOptions(), stops or Stops()
    draft = Draft(project)
    chosen = dependents_first(
        (
            c
            for c in ours(observed, project, instance)
            if not options.services or c.service in options.services
        ),
        stops,
    )
    volumes = sorted(
        (v for v in observed.volumes if (v.project, v.instance) == (project, instance)),
        key=lambda volume: (volume.anonymous, volume.name),
    )
    named = {volume.name for volume in volumes}
    users = users_of_volumes(observed)
    if options.kill and options.volumes:
        doomed = _doomed(volumes, users, {c.id for c in chosen}, spared or {})
        no_time = {c.id for c in chosen if _keeps_nothing(c, doomed)}
    else:
        no_time = set()
    plan_stops(draft, chosen, stops, "going down", grace=options.grace, no_time=no_time)
    for container in chosen:
        unnamed = any(is_anonymous(m) and m.name not in named for m in container.mounts)
        action = RemoveContainer(container.id, container.name, volumes=options.volumes and unnamed)
        stopped, removed = Stopped(container.id), Removed(container.id)
        draft.add(action, "going down", stopped, makes=[removed], of=container.replica)
    for ref in images:
        _plan_image(draft, ref, observed)
    if options.services:
        plan_companions(draft, observed, project, [instance])
        return draft.plan()
    inside = members(observed)
    for network in observed.networks:
        if (network.project, network.instance) == (project, instance):
            _plan_network(draft, network, inside.get(network.id, ()), spared or {})
    with_data = [volume for volume in volumes if volume.holds_data]
    for volume in with_data if options.volumes else ():
        _plan_volume(draft, volume, users.get(volume.name, ()), spared or {})
    plan_companions(draft, observed, project, [instance])
    everything = [step.id for step in draft.steps]
    for volume in volumes:
        if volume.lease:  # it says that nobody needs what is still there
            draft.add(RemoveVolume(volume.name, data=False), "going down", *everything)
    if with_data and not options.volumes:
        draft.notes.append(f"data kept: {', '.join(_kept(with_data))} (--volumes removes it)")
    _note_others(draft, project, instance, observed)
    return draft.plan()


def spared(stack: Stack) -> Spared:
    """The networks and volumes that `down` never removes: the file protects them, or calls them external."""
    naming = Naming(stack, "")
    found: dict[tuple[str, str], str] = {}
    for key, network in stack.networks.items():
        if network.external:
            found["network", naming.network(key)] = "it is external"
    for key, volume in stack.volumes.items():
        if volume.external or volume.protect:
            found["volume", naming.volume(key)] = "it is external" if volume.external else "it is protected"
    return found


def images_of(stack: Stack, options: DownOptions) -> tuple[str, ...]:
    """The images that `down --rmi` removes, by reference. `local`: those that are built and have no name of their own."""
    naming = Naming(stack, "")
    return tuple(
        dict.fromkeys(
            naming.image(name)
            for name, service in stack.everything.items()
            if options.rmi == "all" or (options.rmi == "local" and service.image is None)
            if not options.services or name in options.services
        )
    )


def _plan_image(draft: Draft, ref: str, observed: Observed) -> None:
    """Remove a name of an image, and the image with its last name. A container that stays keeps its image."""
    id_ = image_id(observed, ref)
    if id_ is None:
        return
    users = [c for c in observed.containers if c.image_id == id_]
    strangers = [c.name for c in users if not draft.makes(Removed(c.id))]
    if strangers:
        draft.notes.append(f"image {ref} is kept: {_are(strangers)} using it")
    else:
        draft.add(RemoveImage(ref, ref), "asked to remove images", *(Removed(c.id) for c in users))


def _plan_network(
    draft: Draft,
    network: ObservedNetwork,
    users: Sequence[ObservedContainer],
    spared: Spared,
) -> None:
    strangers = [c.name for c in users if not draft.makes(Removed(c.id))]
    if why := spared.get(("network", network.name)):
        draft.notes.append(f"network {network.name} is kept: {why}")
    elif strangers:
        draft.notes.append(f"network {network.name} is kept: {_are(strangers)} still in it")
    else:
        draft.add(RemoveNetwork(network.id, network.name), "going down", *(Removed(c.id) for c in users))


def _plan_volume(
    draft: Draft,
    volume: ObservedVolume,
    users: Sequence[ObservedContainer],
    spared: Spared,
) -> None:
    strangers = [c.name for c in users if not draft.makes(Removed(c.id))]
    if why := _why_kept(volume, spared):
        draft.notes.append(f"volume {volume.name} is kept: {why}")
    elif strangers:
        draft.notes.append(f"volume {volume.name} is kept: {_are(strangers)} using it")
    else:
        draft.add(RemoveVolume(volume.name), "asked to remove volumes", *(Removed(c.id) for c in users))


def _why_kept(volume: ObservedVolume, spared: Spared) -> str:
    """Why a volume is never removed; "" if it may be."""
    return spared.get(("volume", volume.name), "it is protected" if volume.protected else "")


def _doomed(
    volumes: Iterable[ObservedVolume],
    users: Mapping[str, Sequence[ObservedContainer]],
    removed: Collection[str],
    spared: Spared,
) -> Collection[str]:
    """The names of the volumes that are removed with the containers `removed` (ids)."""
    return {
        volume.name
        for volume in volumes
        if not _why_kept(volume, spared) and all(user.id in removed for user in users.get(volume.name, ()))
    }


def _keeps_nothing(container: ObservedContainer, doomed: Collection[str]) -> bool:
    """Whether all that the container has written is removed with it. `doomed` are the volumes that are removed."""
    return all(m.type == "tmpfs" or m.name in doomed or is_anonymous(m) for m in container.mounts)


def _are(names: list[str]) -> str:
    return f"{', '.join(names)} {'is' if len(names) == 1 else 'are'}"


def _kept(volumes: Iterable[ObservedVolume]) -> Iterator[str]:
    """Volumes by name. Anonymous volumes are counted: their names tell a person nothing."""
    anonymous = Counter(volume.key for volume in volumes if volume.anonymous)
    yield from (volume.name for volume in volumes if not volume.anonymous)
    for service, number in anonymous.items():
        yield f"{number} anonymous volume{'s' if number > 1 else ''} of {service}"


def _note_others(draft: Draft, project: str, instance: str, observed: Observed) -> None:
    things: tuple[Labelled, ...] = (*observed.containers, *observed.networks, *observed.volumes)
    others = [thing.name for thing in things if thing.project == project and thing.instance != instance]
    if others:
        draft.notes.append(f"left alone, made by another stack of the same name: {', '.join(sorted(others))}")

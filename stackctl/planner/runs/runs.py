"""Test runs: who owns them, and how to remove everything that a run has left.

What a run makes carries the run's id and its owner: the process whose end is the end of the run. So the engine's lists are enough
for any process to tell what a dead run has left from what a live run still needs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from stackctl.planner.runs.owner import Owner, unpack
from stackctl.planner.steps.actions import (
    RemoveContainer,
    RemoveImage,
    RemoveNetwork,
    RemoveVolume,
    UnpauseContainer,
)
from stackctl.planner.steps.facts import Removed
from stackctl.planner.steps.plan import Draft, Plan
from stackctl.planner.world import labels
from stackctl.planner.world.containers import paused_by
from stackctl.planner.world.matching import image_id, members, users_of_volumes
from stackctl.planner.world.naming import Naming
from stackctl.planner.world.observed import Observed, ObservedContainer, ObservedNetwork, ObservedVolume
from stackctl.planner.world.replica import Replica
from stackctl.spec.model import Stack


def owners(observed: Observed) -> dict[str, Owner | None]:
    """Every run that has left something on the engine, and its owner; None if its label cannot be read."""
    return {
        run: unpack(thing.labels.get(labels.OWNER))
        for thing in _everything(observed)
        if (run := thing.labels.get(labels.RUN))
    }


def projects_of(run: str, observed: Observed) -> frozenset[str]:
    """The projects of which something is there that was made for the run."""
    return frozenset(
        thing.project
        for thing in _everything(observed)
        if thing.project and thing.labels.get(labels.RUN) == run
    )


def strangers(observed: Observed, project: str, run: str) -> list[str]:
    """The names of what belongs to the project but was not made for that run. A test run must neither change nor remove it."""
    return sorted(
        thing.name
        for thing in _everything(observed)
        if thing.project == project and thing.labels.get(labels.RUN) != run
    )


def plan_reap(runs: Collection[str], observed: Observed, *, spared: Collection[str] = ()) -> Plan:
    """Plan to remove all that these runs have made: containers whatever their state, then networks and volumes. What copies data from
    or to such a volume goes, too: it holds the volume. What was paused for that goes on.

    `spared` are projects that stay.
    """

    def goes(thing: _Thing) -> bool:
        return thing.labels.get(labels.RUN) in runs and thing.project not in spared

    draft = Draft()
    inside, users = members(observed), users_of_volumes(observed)
    copiers = {
        user.id: user
        for volume in filter(goes, observed.volumes)
        for user in users.get(volume.name, ())
        if labels.COPY in user.labels
    }
    for container in observed.containers:
        if goes(container) or container.id in copiers:
            action = RemoveContainer(container.id, container.name, volumes=True)
            draft.add(action, _why(container), makes=[Removed(container.id)], of=Replica(container.key))
    for copier in copiers.values():
        for paused in paused_by(copier, observed):
            unpause = UnpauseContainer(paused.id, paused.name)
            draft.add(unpause, "its files were copied", Removed(copier.id), of=paused.replica)
    for network in observed.networks:
        if goes(network):
            gone = (Removed(container.id) for container in inside.get(network.id, ()))
            draft.add(RemoveNetwork(network.id, network.name), _why(network), *gone)
    for volume in observed.volumes:
        if goes(volume):
            gone = (Removed(container.id) for container in users.get(volume.name, ()))
            draft.add(RemoveVolume(volume.name), _why(volume), *gone)
    return draft.plan()


def replaced_images(stack: Stack, before: Observed, after: Observed) -> list[RemoveImage]:
    """Removals of the images that a build of the stack has replaced: they have no tag any more, and no container uses them."""
    naming = Naming(stack, instance="")
    refs = {naming.image(name) for name, service in stack.everything.items() if service.build}
    tagged = {id_ for ref, id_ in after.images.items() if ref != id_}
    used = {container.image_id for container in after.containers}
    old = {ref: image_id(before, ref) for ref in sorted(refs)}
    return [
        RemoveImage(id_, ref)
        for ref, id_ in old.items()
        if id_ and id_ in after.images and id_ not in tagged | used
    ]


_Thing = ObservedContainer | ObservedNetwork | ObservedVolume


def _everything(observed: Observed) -> Iterator[_Thing]:
    yield from observed.containers
    yield from observed.networks
    yield from observed.volumes


def _why(thing: _Thing) -> str:
    run = thing.labels.get(labels.RUN)
    return f"the run {run} has ended" if run else "it copies data for a run that has ended"

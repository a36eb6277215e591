"""Plan to put data into the volumes of a project: those of a snapshot."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from msgspec import Struct

from stackctl.planner.data.copying import REPLACE, Copier, labels_of_copier, plan_copy
from stackctl.planner.data.parts import Data, DataPart, key_without_name
from stackctl.planner.data.snapshots import Snapshot
from stackctl.planner.steps.actions import CreateVolume, RemoveVolume
from stackctl.planner.steps.facts import Created, VolumeThere
from stackctl.planner.steps.plan import Draft, Plan
from stackctl.planner.world import labels
from stackctl.planner.world.desired import Desired, DesiredContainer, DesiredMount
from stackctl.planner.world.matching import is_ours, users_of_volumes
from stackctl.planner.world.observed import Observed


class Fill(Struct, frozen=True):
    """Data for the empty volumes of a stack that is brought up."""

    source: str
    """Where they come from, in words."""
    volumes: Mapping[str, str]
    """The volumes that hold them, by the key of the volume that they are for."""
    image: str
    """The image whose programs copy."""
    id: str
    """Random: the names of the containers that copy end with it."""


def matching(data: Data, snapshot: Snapshot, services: Collection[str] = ()) -> list[tuple[str, DataPart]]:
    """The volumes of a snapshot with the volumes of the project that they are for."""
    copies = {each.key: each.volume for each in snapshot.saved}
    return [
        (copies[part.key], part)
        for part in data.parts
        if part.key in copies and (not services or set(services) & set(part.services))
    ]


def plan_restore(
    project: str,
    instance: str,
    pairs: Sequence[tuple[str, DataPart]],
    id_: str,
    *,
    image: str,
    source: str,
) -> Plan:
    """Plan to put copies into the volumes that they are for. A volume that is not there is made. Nothing that runs may use them."""
    draft = Draft(project)
    for _, part in pairs:
        if part.missing is not None:
            volume = part.missing
            draft.add(CreateVolume(volume), "not there", makes=[VolumeThere(volume.name)])
    volumes = [(copy, part.volume) for copy, part in pairs]
    fill(draft, instance, volumes, id_, image, only_empty=False, source=source)
    return draft.plan()


def plan_forget(project: str, snapshots: Collection[Snapshot]) -> Plan:
    """Plan to remove snapshots. The record goes first: what is left then is not complete."""
    draft = Draft(project)
    for snapshot in snapshots:
        first = None
        for volume in snapshot.volumes:
            step = draft.add(RemoveVolume(volume), f"asked to remove snapshot {snapshot.name}", first)
            first = first or step
    return draft.plan()


def fill_new(draft: Draft, desired: Desired, observed: Observed, fill_from: Fill) -> None:
    """Fill the volumes of a stack that have no data yet, before a container uses them. What has data is left alone and named."""
    here = {volume.name: volume for volume in observed.volumes}
    users = users_of_volumes(observed)
    pairs, left = [], []
    for volume in desired.volumes:
        source = fill_from.volumes.get(volume.key)
        if source is None or volume.external:
            continue
        used = any(labels.COPY not in user.labels for user in users.get(volume.name, ()))
        if volume.name in here and (used or not is_ours(here[volume.name], desired)):
            left.append(volume.name)
        else:
            pairs.append((source, volume.name))
    if left:
        draft.notes.append(f"not filled from {fill_from.source}, for they are in use: {', '.join(left)}")
    if pairs:
        done = fill(
            draft,
            desired.instance,
            pairs,
            fill_from.id,
            fill_from.image,
            only_empty=True,
            source=fill_from.source,
        )
        for _, volume_name in pairs:
            draft.make(VolumeThere(volume_name), done)


def fill_container(
    draft: Draft,
    want: DesiredContainer,
    name: str,
    mounts: Iterable[DesiredMount],
    fill_from: Fill,
    instance: str,
) -> int | None:
    """Fill the new volumes without a name of a container that is created under `name`, and not started. Returns the step after which
    the data are there; None if there are none.
    """
    fresh = [
        mount.target for mount in mounts if mount.type == "volume" and not (mount.source or mount.contents)
    ]
    pairs = [
        (fill_from.volumes[key], target)
        for target in fresh
        if (key := key_without_name(want.replica, target)) in fill_from.volumes
    ]
    if not pairs:
        return None
    copier = Copier(
        name=f"{draft.project}-copy-{fill_from.id}-{want.replica}",
        image=fill_from.image,
        pairs=pairs,
        script=REPLACE,
        own_labels=labels_of_copier(draft.project, instance, want.service),
        into=name,
    )
    paths = ", ".join(target for _, target in pairs)
    why = f"fills {paths} of {want.replica} from {fill_from.source}"
    return plan_copy(draft, copier, why, Created(want.replica))


def fill(
    draft: Draft,
    instance: str,
    pairs: Sequence[tuple[str, str]],
    id_: str,
    image: str,
    *,
    only_empty: bool,
    source: str,
) -> int:
    """Add the steps that fill volumes. Returns the step after which the data are there."""
    copier = Copier(
        name=f"{draft.project}-copy-{id_}",
        image=image,
        pairs=pairs,
        script=REPLACE,
        own_labels=labels_of_copier(draft.project, instance, ""),
        environment={"ONLY_EMPTY": "yes"} if only_empty else {},
    )
    there = [VolumeThere(target) for _, target in pairs]
    why = f"fills {', '.join(target for _, target in pairs)} from {source}"
    return plan_copy(draft, copier, why, *there)

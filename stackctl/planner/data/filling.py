"""Plan to put data into the volumes of a project: those of a snapshot."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from msgspec import Struct

from stackctl.planner.data.copying import REPLACE, Copier, labels_of_copier, plan_copy
from stackctl.planner.data.parts import Data, DataPart
from stackctl.planner.data.snapshots import Snapshot
from stackctl.planner.steps.actions import CreateVolume, RemoveVolume
from stackctl.planner.steps.facts import VolumeThere
from stackctl.planner.steps.plan import Draft, Plan


class Fill(Struct, frozen=True):
    """Data for the empty volumes of a stack that is brought up."""

    source: str
    """Where they come from, in words."""
    volumes: Mapping[str, str]
    """The volumes that hold them, by the key of the volume that they are for."""
    image: str
    """The image whose programs copy."""


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
    only_empty: bool = False,
) -> Plan:
    """Plan to put copies into the volumes that they are for. A volume that is not there is made. Nothing that runs may use them."""
    draft = Draft(project)
    for _, part in pairs:
        if part.missing is not None:
            volume = part.missing
            draft.add(CreateVolume(volume), "not there", makes=[VolumeThere(volume.name)])
    fill(draft, instance, [(copy, part.volume) for copy, part in pairs], id_, image, only_empty=only_empty)
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


def fill(
    draft: Draft, instance: str, pairs: Sequence[tuple[str, str]], id_: str, image: str, *, only_empty: bool
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
    return plan_copy(draft, copier, f"fills {', '.join(target for _, target in pairs)}", *there)

"""Plan a snapshot: the data of a project are copied into volumes, which get a name."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from stackctl.planner.data.copying import PLAIN, Copier, CopyingServer, labels_of_copier, plan_copy
from stackctl.planner.data.parts import Data, DataPart, groups
from stackctl.planner.data.snapshots import Saved, Snapshot, record_of, volume_of
from stackctl.planner.steps.actions import CreateVolume, RemoveVolume
from stackctl.planner.steps.facts import VolumeThere
from stackctl.planner.steps.plan import Draft, Plan
from stackctl.planner.world.observed import ObservedContainer


def plan_save(
    project: str,
    instance: str,
    data: Data,
    snapshot: tuple[str, str],
    *,
    servers: Mapping[str, CopyingServer],
    tools: Mapping[str, str],
    replaced: Collection[Snapshot] = (),
    marks: Mapping[str, str] | None = None,
) -> Plan:
    """Plan to copy data under a name.

    `snapshot`: its name and its id. `servers`: the databases that copy themselves while they run, by id of their container. `tools`:
    the image whose programs copy a volume, by its name. `replaced`: the snapshots that are removed at the end. `marks`: the snapshot is for
    one process alone; these labels tell which. It never counts as complete.
    """
    (name, id_), draft = snapshot, Draft(project)
    saved: list[Saved] = []
    copied: list[int] = []
    for number, together in enumerate(groups(data.parts)):
        pairs = []
        for part in together:
            volume = volume_of(project, name, id_, len(saved), part.key, marks or {})
            saved.append(Saved(part.key, volume.name, part.services))
            draft.add(CreateVolume(volume), f"the copy of {part.volume}", makes=[VolumeThere(volume.name)])
            pairs.append((part.volume, volume.name))
        copied.append(
            _plan_group(draft, f"{project}-copy-{id_}-{number}", instance, together, pairs, servers, tools)
        )
    if marks is None:
        record = record_of(project, name, id_, saved)
        whole = draft.add(CreateVolume(record), "everything is copied: the snapshot is complete", *copied)
        for old in replaced:
            for each in old.volumes:
                draft.add(RemoveVolume(each), "a newer snapshot has its name", whole)
    if data.skipped:
        draft.notes.append(f"not copied, for they are no volumes: {', '.join(data.skipped)}")
    paused = [c.service for c in _users(data.parts) if c.state == "paused"]
    if paused:
        names = " ".join(paused)
        draft.notes.append(f"paused, and stays so: {', '.join(paused)} (stackctl unpause {names})")
    return draft.plan()


def server_of(
    together: list[DataPart], servers: Mapping[str, CopyingServer]
) -> tuple[ObservedContainer, CopyingServer] | None:
    """The database that copies these volumes by itself; None if they have to be copied from outside."""
    running = [user for user in _users(together) if user.running]
    if len(together) != 1 or len(running) != 1 or running[0].state != "running":
        return None
    found = servers.get(running[0].id)
    return (running[0], found) if found else None


def _plan_group(
    draft: Draft,
    name: str,
    instance: str,
    together: list[DataPart],
    pairs: list[tuple[str, str]],
    servers: Mapping[str, CopyingServer],
    tools: Mapping[str, str],
) -> int:
    """Plan to copy volumes that are used together."""
    (source, _), service = pairs[0], (together[0].services or ("",))[0]
    own = labels_of_copier(draft.project, instance, service)
    there = [VolumeThere(target) for _, target in pairs]
    if found := server_of(together, servers):
        container, server = found
        copier = Copier(
            name=name,
            image=server.image,
            pairs=pairs,
            script=server.script,
            own_labels=own,
            environment={**server.environment, "TARGET": together[0].target(container)},
            network_mode=f"container:{container.id}",
        )
        return plan_copy(draft, copier, f"copies the data of {container.service} while it runs", *there)
    copier = Copier(name=name, image=tools[source], pairs=pairs, script=PLAIN, own_labels=own)
    pause = [user for user in _users(together) if user.state == "running"]
    return plan_copy(draft, copier, f"copies {', '.join(volume for volume, _ in pairs)}", *there, pause=pause)


def _users(parts: Collection[DataPart]) -> list[ObservedContainer]:
    """The containers that mount the volumes, each once."""
    return list({user.id: user for part in parts for user in part.users}.values())

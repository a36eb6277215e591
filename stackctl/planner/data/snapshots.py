"""Snapshots of data, as the engine has them: a volume for each volume that was copied, and one more, made last, that says that
the snapshot is whole.

Volumes cannot be renamed and their labels cannot change. So every snapshot that is made has an id of its own, and the last volume,
which is empty, carries in its labels what the snapshot holds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from stackctl.errors import UsageError
from stackctl.planner.world import labels
from stackctl.planner.world.desired import DesiredVolume
from stackctl.planner.world.observed import Observed, ObservedVolume
from stackctl.spelling import did_you_mean

_NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]*"
_LONGEST = 60


class Saved(Struct, frozen=True):
    """The data of one volume in a snapshot. `key`: which volume of the stack it was; `volume`: the volume that holds the copy."""

    key: str
    volume: str
    services: tuple[str, ...] = ()


class Snapshot(Struct, frozen=True, kw_only=True):
    """Data of a project that were copied under a name."""

    project: str
    name: str
    id: str
    created: float = 0.0
    """Seconds since the epoch; 0 if the engine does not know."""
    saved: tuple[Saved, ...] = ()
    complete: bool = True
    """Whether everything was copied. What a killed run has left is not complete, and is never restored."""
    record: str = ""
    """The volume that says that the snapshot is complete; "" if there is none."""

    @property
    def volumes(self) -> tuple[str, ...]:
        """All volumes of the snapshot, the record first: without it the rest is not complete."""
        return (*([self.record] if self.record else []), *(each.volume for each in self.saved))

    def name_for(self, project: str) -> str:
        """The name by which a project calls it."""
        return self.name if self.project == project else f"{self.project}/{self.name}"


def checked(name: str) -> str:
    """The name of a snapshot. Raises UsageError for a name that is empty, long, or has other characters than volumes have."""
    if not re.fullmatch(_NAME, name) or len(name) > _LONGEST:
        raise UsageError(
            f"a snapshot cannot be called {name!r}",
            f"use letters, digits, _ . and -, at most {_LONGEST}, and begin with a letter or a digit",
        )
    return name


def volume_of(
    project: str, name: str, id_: str, number: int, key: str, marks: Mapping[str, str] = {}
) -> DesiredVolume:
    """The volume for the copy of the `number`th volume of a project. `marks` are further labels."""
    own = {**_own(project, name, id_), labels.SNAPSHOT_PART: key, **marks}
    return DesiredVolume(key=key, name=f"{_stem(project, name, id_)}-{number}", labels=own)


def record_of(project: str, name: str, id_: str, saved: Iterable[Saved]) -> DesiredVolume:
    """The volume that is made last: it says what the snapshot holds."""
    parts = [{"key": each.key, "volume": each.volume, "services": each.services} for each in saved]
    own = {**_own(project, name, id_), labels.SNAPSHOT_PARTS: json.dumps(parts, separators=(",", ":"))}
    return DesiredVolume(key="", name=_stem(project, name, id_), labels=own)


def snapshots(observed: Observed) -> tuple[Snapshot, ...]:
    """All snapshots of the engine, by project and name; of one name the newest comes first."""
    found: dict[tuple[str, str, str], list[ObservedVolume]] = {}
    for volume in observed.volumes:
        if name := volume.labels.get(labels.SNAPSHOT):
            id_ = volume.labels.get(labels.SNAPSHOT_ID, "")
            found.setdefault((volume.labels.get(labels.SNAPSHOT_OF, ""), name, id_), []).append(volume)
    made = [_snapshot(*key, volumes) for key, volumes in found.items()]
    return tuple(sorted(made, key=lambda s: (s.project, s.name, -s.created, s.id)))


def complete_snapshot(every: Sequence[Snapshot], project: str, wanted: str) -> Snapshot:
    """The newest complete snapshot that a person means: NAME of the project, NAME of one other project, or PROJECT/NAME.

    Raises UsageError if there is none, if several projects have one of that name, or if it is not complete.
    """
    found = complete_snapshot_if_any(every, project, wanted)
    if found:
        return found
    names = names_of_snapshots(every, project)
    there = f"there are: {', '.join(names)}" if names else "stackctl snapshot create NAME makes one"
    raise UsageError(f"no such snapshot: {wanted}", did_you_mean(wanted, names, there))


def names_of_snapshots(every: Sequence[Snapshot], project: str) -> list[str]:
    """The names by which a project can call the complete snapshots."""
    return sorted({each.name_for(project) for each in every if each.complete})


def complete_snapshot_if_any(every: Sequence[Snapshot], project: str, wanted: str) -> Snapshot | None:
    """As `complete_snapshot`; None if no snapshot has the name."""
    of, _, name = wanted.rpartition("/")
    named = [each for each in every if each.name == name and (not of or each.project == of)]
    mine = [each for each in named if each.project == project]
    candidates = mine or named
    if len(owners := {each.project for each in candidates}) > 1:
        there = ", ".join(f"{owner}/{name}" for owner in sorted(owners))
        raise UsageError(f"several projects have a snapshot {name}", f"say which: {there}")
    for each in candidates:
        if each.complete:
            return each
    if candidates:
        raise UsageError(
            f"snapshot {name} is not complete: the run that made it did not end",
            f"make it again: stackctl snapshot create {name}",
        )
    return None


def _stem(project: str, name: str, id_: str) -> str:
    return f"{project}-snapshot-{name}-{id_}"


def _own(project: str, name: str, id_: str) -> dict[str, str]:
    return {labels.SNAPSHOT: name, labels.SNAPSHOT_OF: project, labels.SNAPSHOT_ID: id_}


def _snapshot(project: str, name: str, id_: str, volumes: Sequence[ObservedVolume]) -> Snapshot:
    record = next((volume for volume in volumes if labels.SNAPSHOT_PARTS in volume.labels), None)
    here = {volume.name for volume in volumes}
    copies = [volume for volume in volumes if volume is not record]
    found = tuple(
        Saved(volume.labels.get(labels.SNAPSHOT_PART, ""), volume.name)
        for volume in sorted(copies, key=lambda volume: volume.name)
    )
    told = _told(record) if record else None
    complete = told is not None and all(each.volume in here for each in told)
    return Snapshot(
        project=project,
        name=name,
        id=id_,
        created=max(volume.created for volume in volumes),
        saved=told if told is not None and complete else found,
        complete=complete,
        record=record.name if record else "",
    )


def _told(record: ObservedVolume) -> tuple[Saved, ...] | None:
    """What a record says; None if somebody broke it."""
    try:
        parts = json.loads(record.labels[labels.SNAPSHOT_PARTS])
        return tuple(Saved(str(p["key"]), str(p["volume"]), tuple(map(str, p["services"]))) for p in parts)
    except (ValueError, KeyError, TypeError):
        return None

"""Which projects are left over: nobody needs them any more, and that is certain.

A project is left over if its directory is gone, if its time is over (`up --for`), or if it was made for a test run that has ended.
If any part of it may belong to somebody who is alive, it is not left over.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from stackctl.planner.runs.owner import Owner, unpack
from stackctl.planner.world import labels
from stackctl.planner.world.observed import Observed
from stackctl.planner.world.projects import STACKCTL, ObservedProject, projects


class Known(Struct, frozen=True):
    """What only this machine can tell."""

    now: float
    """Seconds since the epoch."""
    is_gone: Callable[[str, str], bool]
    """Whether a directory is certainly gone, by its path and its place."""
    is_dead: Callable[[Owner], bool]
    """Whether the owner of a test run has certainly ended."""
    is_kept: Callable[[str, str, Owner], bool]
    """Whether a run keeps a project, by the project, the run and its owner."""


class LeftOver(Struct, frozen=True):
    """A project that nobody needs any more. `over`: its time is over; its directory and its file may be there."""

    project: ObservedProject
    why: str
    over: bool = False


def left_over(observed: Observed, known: Known) -> tuple[LeftOver, ...]:
    """The projects of stackctl that are left over, by name."""
    found = projects(observed.containers, observed.networks, observed.volumes)
    return tuple(
        left for project in found if project.tool == STACKCTL and (left := _left_over(project, known))
    )


def _left_over(project: ObservedProject, known: Known) -> LeftOver | None:
    runs = {(thing.labels.get(labels.RUN), thing.labels.get(labels.OWNER)) for thing in project.things}
    if project.until <= known.now:
        return LeftOver(project, "its time is over", over=True)
    if any(owner for _, owner in runs):
        ended = all(_has_ended(project.name, run or "", owner, known) for run, owner in runs)
        return LeftOver(project, "its test run has ended") if ended else None
    if project.directory and _all_gone(project, known):
        return LeftOver(project, f"{project.directory} is gone")
    return None


def _has_ended(project: str, run: str, packed: str | None, known: Known) -> bool:
    owner = unpack(packed)
    return owner is not None and known.is_dead(owner) and not known.is_kept(project, run, owner)


def _all_gone(project: ObservedProject, known: Known) -> bool:
    """Whether every directory from which a part of the project was made is gone. A part without a directory tells nothing: a volume has
    one only if it belongs to one checkout alone.
    """
    places = {
        (labels.directory_of(thing.source), thing.labels.get(labels.PLACE, ""))
        for thing in project.things
        if thing.source
    }
    return all(known.is_gone(directory, place) for directory, place in places)

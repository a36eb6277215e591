"""Stop, kill, pause, unpause and remove containers that are there, whatever the file says now."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Literal

from stackctl.planner.life.options import RemoveOptions
from stackctl.planner.life.stops import Stops, dependents_first, plan_stops
from stackctl.planner.steps.actions import (
    Action,
    KillContainer,
    PauseContainer,
    RemoveContainer,
    RemoveVolume,
    UnpauseContainer,
)
from stackctl.planner.steps.facts import Removed, Stopped
from stackctl.planner.steps.plan import Draft, Plan, plan_companions
from stackctl.planner.world.containers import containers_of
from stackctl.planner.world.matching import is_anonymous, users_of_volumes
from stackctl.planner.world.observed import Observed, ObservedContainer


def meant(
    mine: Iterable[ObservedContainer],
    project: str,
    names: Collection[str] = (),
    known: Collection[str] = (),
    *,
    one_offs: bool = False,
) -> tuple[ObservedContainer, ...]:
    """The containers that a person means by names of services or containers; all if there is no name.

    One-offs are left out, unless they are called by their own names, or `one_offs`. Raises UsageError for an unknown name.
    """
    found = containers_of(mine, project, names, known)
    return tuple(c for c in found if one_offs or c.kind != "run" or c.name in names)


def plan_stop(
    project: str, containers: Iterable[ObservedContainer], stops: Stops, grace: int | None = None
) -> Plan:
    """Stop containers, dependents first. They are kept."""
    draft, containers = Draft(project), tuple(containers)
    plan_stops(draft, dependents_first(containers, stops), stops, "asked to stop", grace=grace)
    return _told(draft, "stop", containers)


def plan_kill(project: str, containers: Iterable[ObservedContainer], signal: str) -> Plan:
    """Send a signal to all containers that run, at once."""
    draft, containers = Draft(project), tuple(containers)
    for container in containers:
        if container.running:
            action = KillContainer(container.id, container.name, signal)
            draft.add(action, "asked to kill", of=container.replica)
    return _told(draft, "kill", containers)


def plan_pause(
    project: str, containers: Iterable[ObservedContainer], verb: Literal["pause", "unpause"]
) -> Plan:
    """Pause containers that run, or let paused ones go on."""
    containers = tuple(containers)
    up = [c for c in containers if c.state in ("running", "paused")]
    draft = Draft(project)
    for container in (c for c in up if c.state == ("running" if verb == "pause" else "paused")):
        action: Action = (
            PauseContainer(container.id, container.name)
            if verb == "pause"
            else UnpauseContainer(container.id, container.name)
        )
        draft.add(action, f"asked to {verb}", of=container.replica)
    why = "none runs" if not up else "paused already" if verb == "pause" else "none is paused"
    return _told(draft, verb, containers, why)


def plan_remove(
    project: str,
    containers: Sequence[ObservedContainer],
    observed: Observed,
    options: RemoveOptions,
    stops: Stops,
) -> Plan:
    """Remove containers that do not run. Their networks and named volumes stay."""
    draft, why = Draft(project), "asked to remove"
    chosen = dependents_first((c for c in containers if options.stop or not c.running), stops)
    plan_stops(draft, chosen, stops, why, grace=options.grace)
    for container in chosen:
        action = RemoveContainer(container.id, container.name, volumes=options.volumes)
        removed = Removed(container.id)
        draft.add(action, why, Stopped(container.id), makes=[removed], of=container.replica)
    if options.volumes:
        _plan_volumes(draft, chosen, observed)
    plan_companions(draft, observed, project, {container.instance for container in chosen})
    return _told(draft, "remove", containers, "none has stopped (--stop stops them first)")


def _told(draft: Draft, verb: str, containers: Collection[ObservedContainer], why: str = "none runs") -> Plan:
    """The plan. If nothing is to be done, a note says why."""
    if not draft.steps:
        draft.notes.append(f"nothing to {verb}: {why if containers else 'there is no container'}")
    return draft.plan()


def _plan_volumes(draft: Draft, chosen: Iterable[ObservedContainer], observed: Observed) -> None:
    """Remove the anonymous volumes that the containers leave: one that came from an earlier container does not go with them."""
    users = users_of_volumes(observed)
    gone = {container.id for container in chosen}
    ours = {volume.name for volume in observed.volumes if volume.anonymous and volume.holds_data}
    left = {mount.name: c for c in chosen for mount in c.mounts if is_anonymous(mount) and mount.name in ours}
    for name, container in left.items():
        if all(user.id in gone for user in users.get(name, ())):
            needs = [Removed(user.id) for user in users.get(name, ())]
            draft.add(RemoveVolume(name), "asked to remove volumes", *needs, of=container.replica)

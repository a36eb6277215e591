"""Find the container that a person means by a name, and the file from which containers were made."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from stackctl.errors import UsageError
from stackctl.planner.world import labels
from stackctl.planner.world.observed import Observed, ObservedContainer, ObservedNetwork, ObservedVolume
from stackctl.spelling import did_you_mean


def instance_of(observed: Observed, project: str) -> str | None:
    """The instance of a project that is there: its containers tell it, else its networks, else its volumes. None if there is none.

    If there are several by accident, the one with the most containers wins; the others count as another stack's.
    """
    for objects in (observed.containers, observed.networks, observed.volumes):
        found = [o for o in objects if o.project == project and o.instance]
        if found:
            return _commonest(found)
    return None


def paused_by(copier: ObservedContainer, observed: Observed) -> list[ObservedContainer]:
    """The containers that are still paused for a container that copies, or has copied."""
    ids = copier.labels[labels.COPY].split(",")
    return [each for each in observed.containers if each.id in ids and each.state == "paused"]


def _commonest(objects: Iterable[ObservedContainer | ObservedNetwork | ObservedVolume]) -> str | None:
    found = [o.instance for o in objects if o.instance]
    return max(sorted(set(found)), key=found.count, default=None)


def of_project(containers: Iterable[ObservedContainer], project: str) -> list[ObservedContainer]:
    """The containers, networks or volumes that stackctl made for this project, in the instance that is there."""
    mine = [c for c in containers if c.project == project and c.instance]
    instance = _commonest(mine)
    return [c for c in mine if c.instance == instance]


def containers_of(
    mine: Iterable[ObservedContainer],
    project: str,
    names: Collection[str] = (),
    known: Collection[str] = (),
) -> tuple[ObservedContainer, ...]:
    """The containers of a project that have one of the names, or belong to a service of that name; all if no name is given. They
    are sorted by name.

    `known` are the services of the file: it is no mistake if such a service has no container.

    Raises UsageError for a name that is neither a service nor a container of the project.
    """
    mine = sorted(mine, key=lambda c: (c.service, c.kind == "run", c.number, c.name))
    found: list[ObservedContainer] = []
    for name in names:
        matching = [c for c in mine if name in (c.service, c.name)]
        if not matching and name not in known:
            raise _unknown(name, project, [*known, *(c.service for c in mine), *(c.name for c in mine)])
        found += [c for c in matching if c not in found]
    return tuple(found if names else mine)


def with_number(containers: Iterable[ObservedContainer], index: int | None) -> tuple[ObservedContainer, ...]:
    """The containers that are this replica of their service; all if `index` is None. Raises UsageError if there is none."""
    containers = tuple(containers)
    found = tuple(c for c in containers if index is None or (c.number == index and c.kind != "run"))
    if containers and not found:
        service = containers[0].service
        numbers = ", ".join(str(c.number) for c in containers if c.service == service and c.kind != "run")
        raise UsageError(
            f"{service} has no container number {index}", f"there are: {numbers}" if numbers else ""
        )
    return found


def running_container(
    mine: Iterable[ObservedContainer],
    project: str,
    name: str,
    known: Collection[str] = (),
    index: int | None = None,
) -> ObservedContainer:
    """The container to run a command in: the lowest replica, one-offs last; with `index` only that replica.

    Raises UsageError if no container has that name, or if it does not run.
    """
    found = with_number(containers_of(mine, project, [name], known), index)
    running = [c for c in found if c.state == "running"]
    if running:
        return running[0]
    if found:
        raise UsageError(
            f"{found[0].name} is not running ({found[0].status or found[0].state})", "stackctl up starts it"
        )
    raise UsageError(f"{name} has no container", f"stackctl up {name} makes one")


def other_source(sources: Iterable[str | None], source: str) -> str | None:
    """The first of these paths of files that is in another directory than `source`; None if there is none."""
    return next((s for s in sorted(filter(None, sources)) if _parent(s) != _parent(source)), None)


def _parent(path: str) -> str:
    return path.rpartition("/")[0]


def _unknown(name: str, project: str, candidates: Collection[str]) -> UsageError:
    names = ", ".join(sorted(set(candidates)))
    there = f"project {project} has: {names}" if names else f"project {project} has no containers"
    return UsageError(f"no such service: {name}", did_you_mean(name, candidates, there))

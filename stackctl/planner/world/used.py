"""The volumes of a project: those that stackctl made for it, and those that its containers use."""

from __future__ import annotations

from collections.abc import Collection

from msgspec import Struct

from stackctl.planner.world.containers import containers_of, instance_of, of_project
from stackctl.planner.world.observed import Observed, ObservedVolume


class UsedVolume(Struct, frozen=True):
    """A volume, and the services whose containers use it."""

    volume: ObservedVolume
    services: tuple[str, ...]
    mine: bool
    """Whether stackctl made it for this project. Otherwise `down --volumes` leaves it alone."""

    @property
    def note(self) -> str:
        """What makes it special; "" for a volume like any other."""
        if not self.mine:
            return "external"
        if self.volume.lease:
            return "lease"
        if self.volume.anonymous:
            return "anonymous"
        return "protected" if self.volume.protected else ""


def used_volumes(
    observed: Observed, project: str, names: Collection[str] = (), known: Collection[str] = ()
) -> tuple[UsedVolume, ...]:
    """The volumes of a project by name; with `names` only those that the containers of these services use.

    Raises UsageError for a name that is neither a service nor a container of the project.
    """
    containers = containers_of(of_project(observed.containers, project), project, names, known)
    users: dict[str, dict[str, None]] = {}
    for container in containers:
        for mount in container.mounts:
            if mount.type == "volume":
                users.setdefault(mount.name, {})[container.service] = None
    instance = instance_of(observed, project)
    found = []
    for volume in sorted(observed.volumes, key=lambda volume: volume.name):
        mine = volume.project == project and bool(volume.instance) and volume.instance == instance
        if volume.name in users or (mine and not names):
            found.append(UsedVolume(volume, tuple(users.get(volume.name, ())), mine))
    return tuple(found)

"""The data of a project: which volumes hold them, and who uses each."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from msgspec import Struct

from stackctl.planner.world.desired import Desired, DesiredVolume
from stackctl.planner.world.matching import users_of_volumes
from stackctl.planner.world.observed import Observed, ObservedContainer, ObservedVolume
from stackctl.planner.world.replica import Replica


class DataPart(Struct, frozen=True, kw_only=True):
    """A volume of a project, with the name by which a snapshot of any project of the same stack knows it."""

    key: str
    """The key of the file, `data`; of a volume without a name its replica and path, `db:/var/lib/data`."""
    volume: str
    services: tuple[str, ...] = ()
    users: tuple[ObservedContainer, ...] = ()
    """The containers of the engine that mount it, running or not."""
    missing: DesiredVolume | None = None
    """How to make it, if it is not there."""
    protected: bool = False
    external: bool = False

    def target(self, container: ObservedContainer) -> str:
        """Where the container has it."""
        return next(m.target for m in container.mounts if m.type == "volume" and m.name == self.volume)


class Data(Struct, frozen=True):
    """The data of a project, or of some of its services."""

    parts: tuple[DataPart, ...]
    skipped: tuple[str, ...] = ()
    """Directories of the host that containers use, in words: they are not copied."""


def data_of(
    desired: Desired, observed: Observed, containers: Sequence[ObservedContainer], names: Collection[str] = ()
) -> Data:
    """The data of these containers of a project; and, of the services that the file has, the volumes that no container uses.

    `names`: the services that were named; of all others no volume counts.
    """
    here = {volume.name: volume for volume in observed.volumes}
    declared = {volume.name: volume for volume in desired.volumes}
    users = users_of_volumes(observed)
    services: dict[str, dict[str, None]] = {}
    for want in desired.containers:
        if not names or want.service in names:
            for mount in want.mounts:
                if mount.type == "volume" and mount.source in declared:
                    services.setdefault(mount.source, {})[want.service] = None
    keys = {name: declared[name].key for name in services}
    for container in containers:
        for mounted in container.mounts:
            if mounted.type == "volume" and (found := here.get(mounted.name)) and found.holds_data:
                keys.setdefault(mounted.name, _key(found, container.replica, mounted.target, declared))
                services.setdefault(mounted.name, {})[container.service] = None
    for volume in () if names else here.values():
        if (
            volume.project == desired.project
            and volume.instance == desired.instance
            and volume.holds_data
            and not volume.anonymous
        ):
            keys.setdefault(volume.name, volume.key)
    parts = (
        _part(key, name, services.get(name, {}), users.get(name, ()), here.get(name), declared.get(name))
        for name, key in keys.items()
    )
    return Data(tuple(sorted(parts, key=lambda part: part.key)), tuple(_skipped(containers)))


def groups(parts: Iterable[DataPart]) -> list[list[DataPart]]:
    """The parts that a container uses together are one group: they are copied at the same moment."""
    found: list[tuple[set[str], list[DataPart]]] = []
    for part in parts:
        ids = {user.id for user in part.users}
        same = [group for group in found if group[0] & ids]
        for group in same:
            found.remove(group)
        found.append((ids.union(*(g[0] for g in same)), [*(p for g in same for p in g[1]), part]))
    return [group for _, group in found]


def key_without_name(replica: Replica, target: str) -> str:
    """The key of a volume that the file has no name for."""
    return f"{replica}:{target.rstrip('/')}"


def _key(volume: ObservedVolume, replica: Replica, target: str, declared: Mapping[str, DesiredVolume]) -> str:
    if volume.anonymous or not (volume.key or volume.name in declared):
        return key_without_name(replica, target)
    return declared[volume.name].key if volume.name in declared else volume.key


def _part(
    key: str,
    name: str,
    services: Iterable[str],
    users: Sequence[ObservedContainer],
    here: ObservedVolume | None,
    declared: DesiredVolume | None,
) -> DataPart:
    return DataPart(
        key=key,
        volume=name,
        services=tuple(sorted(services)),
        users=tuple(sorted(users, key=lambda user: user.name)),
        missing=declared if here is None else None,
        protected=bool((here and here.protected) or (declared and declared.protect)),
        external=bool(declared and declared.external),
    )


def _skipped(containers: Iterable[ObservedContainer]) -> Iterable[str]:
    for container in containers:
        for mount in container.mounts:
            if mount.type == "bind":
                yield f"{mount.name or 'a directory of the host'} of {container.service}"

"""Rules about where data lie: volumes at the wrong path, shared by two servers, or without a name."""

from collections.abc import Iterator

from stackctl.errors import Problem
from stackctl.spec.known import KnownImage
from stackctl.spec.lint.members import Member
from stackctl.spec.lint.subject import Subject
from stackctl.spec.model import Mount


def misplaced_volumes(subject: Subject) -> Iterator[Problem]:
    """A volume for a database is mounted beside the directory where the server keeps its data.

    The volume stays empty, and the data go with the container. Postgres up to version 17 keeps its data in
    `/var/lib/postgresql/data`. The image declares a volume of its own there, which hides a mount above it. From version 18
    on, the image wants a mount at `/var/lib/postgresql`, and refuses to start with one at `…/data`.

    The rule looks at mounts above the data, and at the paths of other versions. If the path depends on the version, and the
    tag does not tell it, the rule says nothing.

    Fix: mount the volume at the path that the message names.

    Evidence: docker-library/postgres#1259 and #1370, and "PGDATA" on the page of the image. Measured: a mount above the data
    gets an anonymous volume beside it.
    """
    for member, mount, path, index in misplaced(subject):
        known = member.server
        assert known is not None
        refuses = known.name == "postgres" and mount.target.rstrip("/").startswith(f"{path}/")
        what = "refuses to start with a mount at" if refuses else f"keeps its data in {path}, not in"
        version = f" {known.version_of(member.service.image or '') or ''}".rstrip()
        yield Problem(
            (*member.path, "volumes", index),
            f"{known.name}{version} {what} {mount.target}"
            + ("" if refuses else ": after down, the data are gone"),
            f"mount it at {path}",
        )


def misplaced(subject: Subject) -> Iterator[tuple[Member, Mount, str, int]]:
    """The mounts that are meant for data but do not hold them, with the right path and the number of the mount."""
    for member in subject.members:
        known = member.server
        paths = known.data_paths(member.service.resolved, member.command) if known else ()
        if not known or len(paths) != 1:
            continue
        path = paths[0]
        others = known.every_data_path(member.service.resolved, member.command)
        held = any(known.holds(mount.target, path) for mount in member.service.volumes)
        for index, mount in enumerate(member.service.volumes):
            target = mount.target.rstrip("/")
            if (
                mount.type != "tmpfs"
                and mount.source
                and _is_misplaced(known, target, path, others, held=held)
            ):
                yield member, mount, path, index


def _is_misplaced(known: KnownImage, target: str, path: str, others: tuple[str, ...], *, held: bool) -> bool:
    if target == path:
        return False
    if known.name == "postgres" and target in others and target.startswith(f"{path}/"):
        return True  # Postgres 18 and newer refuses the path of older versions
    above = path.startswith(f"{target}/") and path in known.data and target.count("/") > 1
    return not held and (above or target in others)


def shared_data(subject: Subject) -> Iterator[Problem]:
    """Two databases that may run at the same time keep their data in the same volume.

    Each server believes that it is alone, and the two destroy each other's files; or the second one refuses to start.

    Fix: give each a volume of its own.

    Evidence: the servers lock their directory, but a lock does not hold across containers (the lock of Postgres names a
    process number).
    """
    first: dict[tuple[str, str], Member] = {}
    for member in subject.members:
        known = member.server
        paths = known.data_paths(member.service.resolved, member.command) if known else ()
        for index, mount in enumerate(member.service.volumes):
            name = mount.source or ""
            if (
                not known
                or not name
                or mount.read_only
                or not any(known.holds(mount.target, p) for p in paths)
            ):
                continue
            others = (first.get((name, profile)) for profile in member.beside)
            if other := next(filter(None, others), None):
                yield Problem(
                    (*member.path, "volumes", index),
                    f'{other.name} and {member.name} both keep their data in "{name}": they would destroy it',
                    "give each its own volume",
                )
            for profile in member.profiles:
                first.setdefault((name, profile), member)


def lost_volumes(subject: Subject) -> Iterator[Problem]:
    """The data of a server are in a volume that the next container does not find.

    A volume without a name belongs to one container: `down` leaves it behind, and no other container knows its name.
    RabbitMQ names its directory after the container's host name; without `hostname`, a new container has another name and
    starts empty.

    Fix: give the volume a name, and RabbitMQ a `hostname`.

    Evidence: the page of the RabbitMQ image in docker-library/docs.
    """
    for member in subject.members:
        known = member.server
        paths = known.data_paths(member.service.resolved, member.command) if known else ()
        if not known or not paths:
            continue
        for index, mount in enumerate(member.service.volumes):
            if mount.type != "volume" or not any(known.holds(mount.target, path) for path in paths):
                continue
            if not mount.source:
                yield Problem(
                    (*member.path, "volumes", index),
                    f"the volume at {mount.target} has no name: after down, the next container does not find the data",
                    f'write "{member.name}-data:{mount.target}" and [volumes.{member.name}-data]',
                )
            elif known.name == "rabbitmq" and not _has_fixed_name(member):
                yield Problem(
                    member.path,
                    "rabbitmq names its data after the host name, and a new container has another one: it would start empty",
                    f'set hostname = "{member.name}"',
                )


def _has_fixed_name(member: Member) -> bool:
    return bool(member.service.hostname or member.service.resolved.get("RABBITMQ_NODENAME"))

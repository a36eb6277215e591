"""Rules about data."""

from collections.abc import Iterator

from stackctl.errors import Edit, Problem
from stackctl.spec.lint.members import Member
from stackctl.spec.lint.storage import misplaced
from stackctl.spec.lint.subject import Subject


def unkept_data(subject: Subject) -> Iterator[Problem]:
    """A database has nothing mounted where it keeps its data.

    The data would be in the container, or in a volume without a name, which the next container does not find. Any mount is
    enough. A tmpfs says that nobody needs to keep the data. Redis and Valkey count as caches unless their command turns on
    `--appendonly` or `--save`.

    Fix: `volumes = ["NAME:PATH"]` and a table `[volumes.NAME]`.

    Evidence: 23 services in 18 of 56 public compose files, and 19 of 49 public scripts of `docker run`.
    """
    told = {member.name for member, *_ in misplaced(subject)}
    for member in subject.members:
        known = member.server
        paths = known.data_paths(member.service.resolved, member.command) if known else ()
        if (
            not known
            or not paths
            or member.name in told
            or any(known.holds(mount, path) for mount in _mounts(member) for path in paths)
        ):
            continue
        volume = f"{member.name}-data"
        yield Problem(
            member.path,
            f"{known.name} writes to {paths[0]}, and nothing is mounted there: after down, the data are gone",
            f'add volumes = ["{volume}:{paths[0]}"] and [volumes.{volume}]',
            fix=(
                Edit((*member.path, "volumes"), (f"{volume}:{paths[0]}",)),
                Edit(("volumes", volume)),
            ),
        )


def _mounts(member: Member) -> list[str]:
    targets = [mount.target for mount in member.service.volumes]
    return [target.rstrip("/") for target in (*targets, *(tmpfs.path for tmpfs in member.service.tmpfs))]

"""Rules about what a new container cannot change about data that are already there."""

from __future__ import annotations

from collections.abc import Iterator

from stackctl.errors import Problem
from stackctl.planner.before.kept_data import environment_of, kept, major
from stackctl.planner.before.situation import Situation


def ignored_settings(situation: Situation) -> Iterator[Problem]:
    """You have changed a variable that the image reads only while the data directory is empty, such as `POSTGRES_PASSWORD`,
    `POSTGRES_USER` or `POSTGRES_DB`, and the volume with the data is kept.

    The new container becomes healthy, but nobody can log in with the new values. This is a warning, because you may have
    changed the server itself already. stackctl knows such variables of Postgres, MySQL, MariaDB, MongoDB and RabbitMQ. It
    compares with the container that is replaced: after `down` it does not know the old values.

    Fix: change the value in the server, too (`ALTER USER … PASSWORD …`), or begin with an empty volume: `stackctl down
    --volumes`, which deletes the data.

    Evidence: docker-library/postgres#283, #679. Measured: `FATAL: password authentication failed`, and the old password works.
    """
    for slot, old, known, storage in kept(situation.view):
        want, old_fields, new_fields = slot.want, old.fields, slot.want.fields
        for name in sorted(known.initial):
            before, after = (fields.get(f"environment.{name}") for fields in (old_fields, new_fields))
            if before != after:
                verb = "is new" if before is None else "is gone" if after is None else "changed"
                yield Problem(
                    ("services", want.service, "environment", name),
                    f"{name} {verb}, and {known.name} reads it only while its data directory is empty:"
                    f" {storage} is kept, with what was set up in it before",
                    "change it in the server, too; or begin with an empty volume (stackctl down --volumes: its data are lost)",
                    severity="warning",
                )


def other_versions(situation: Situation) -> Iterator[Problem]:
    """An image of another major version would run on data that a container of this stack has written, and its server refuses
    such data. Postgres opens only data of its own major version. MySQL opens no data of a newer version. MongoDB opens only
    data of its own version and of the version before.

    This is an error because it cannot work: the old server would be gone, and the new one would not start. If the server
    converts the data (MySQL and MongoDB to a newer version, MariaDB to any), this is a warning, because you cannot go back.
    The tag tells the version; if it does not (`latest`), the variables of the image do.

    Fix: dump the data with the old version, and load them into an empty volume. If the data are converted already, run
    `stackctl down` and then `up`: without the old container the rule has nothing to compare.

    Evidence: measured with postgres:15 on data that are marked as those of version 14: it exits with 1, `FATAL: database files are
    incompatible with server`. `docker run -d` has printed an id before.
    """
    view = situation.view
    configs = view.observed.configs
    for slot, old, known, storage in kept(view):
        before = major(old, known, configs.get(old.image_id))
        after = known.version_of(slot.want.image) or known.major(environment_of(configs.get(slot.want.image)))
        if not known.opens or before is None or after is None or before == after:
            continue
        server, other = f"{known.name} {after}", f"{known.name} {before}"
        opens = known.opens_data_of(before, after)
        if opens:
            message = f"{storage} holds data of {other}, and {server} converts them: there is no way back"
            hint = f"dump them first, with {other}"
        else:
            message = f"{storage} holds data of {other}, and {server} does not open them"
            hint = (
                f"dump them with {other}, and load them into an empty volume;"
                " if they are converted already: stackctl down, then up"
            )
        yield Problem(
            ("services", slot.want.service, "image"),
            message,
            hint,
            severity="warning" if opens else "error",
        )

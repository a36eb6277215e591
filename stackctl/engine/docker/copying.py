"""Copy secrets and configs into a container that does not run yet."""

from __future__ import annotations

from collections.abc import Iterable

from stackctl.engine.placed_files import archives
from stackctl.engine.transport.client import Client, RefusedError
from stackctl.planner.world.desired import DesiredFile


def copy_in(client: Client, container: str, name: str, files: Iterable[DesiredFile]) -> None:
    """Put the files into the container, where they replace what is there.

    Raises:
        RefusedError: the engine cannot put them there, for example because a target is a directory.
    """
    for directory, archive in archives(files):
        try:
            client.put(
                "containers", container, "archive", data=archive, path=directory, noOverwriteDirNonDir=True
            )
        except RefusedError as error:
            raise RefusedError(
                f"cannot copy the secrets and configs of {name} into it: {error.message}",
                error.hint or "check their targets",
                status=error.status,
            ) from error

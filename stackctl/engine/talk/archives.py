"""Files out of a container and into it, as tar archives. The engine mounts the volumes of one that does not run for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from stackctl.engine.talk.execs import no_container
from stackctl.engine.transport.client import RefusedError, WireClient
from stackctl.errors import EngineError

_SILENCE = 300.0
"""Seconds without a byte before it is given up: the engine packs or unpacks one archive of a container at a time."""


def pack(client: WireClient, container: str, path: str) -> Iterator[bytes]:
    """The archive of a file or directory, in chunks. Raises `EngineError` at once if it is not there."""
    _look(client, container, path, f"there is no {path} in {container}")
    return _chunks(client, container, path)


def unpack(client: WireClient, container: str, directory: str, archive: Iterable[bytes]) -> None:
    """Put an archive's contents into a directory, with the owners they have in it.

    With `copyUIDGID` the engine would give them to the container's user instead (moby, daemon/archive.go).
    """
    inside = f"{directory.rstrip('/')}/."  # follows a link, and is there only in a directory
    _look(client, container, inside, f"there is no directory {directory} in {container}")
    try:
        client.put("containers", container, "archive", data=_read(archive), path=directory)
    except RefusedError as error:
        raise RefusedError(
            f"cannot unpack into {directory} of {container}: {error.message}", status=error.status
        ) from error


def _look(client: WireClient, container: str, path: str, missing: str) -> None:
    """A question of its own, as an engine hangs up on an upload it refuses. Its answer has no body to say what is wrong."""
    try:
        client.head("containers", container, "archive", path=path)
    except RefusedError as error:
        try:
            client.get("containers", container, "json")
        except RefusedError as refusal:
            raise (no_container(container) if refusal.status == 404 else refusal) from error
        raise RefusedError(missing, status=error.status) from error


def _chunks(client: WireClient, container: str, path: str) -> Iterator[bytes]:
    plain = {"Accept-Encoding": "identity"}  # the engine would compress, which takes it several times as long
    with client.stream(
        "GET", "containers", container, "archive", headers=plain, timeout=_SILENCE, path=path
    ) as answer:
        yield from answer.chunks()


def _read(archive: Iterable[bytes]) -> Iterator[bytes]:
    """What fails here is not the engine's fault."""
    try:
        yield from archive
    except OSError as error:
        raise EngineError(f"cannot read the archive: {error}") from error

"""Copy files out of a container and into it, as tar archives. This includes volumes, even if the container does not run."""

from __future__ import annotations

import base64
import json
import stat
from collections.abc import Iterable, Iterator

from stackctl.engine.talk.execs import no_container
from stackctl.engine.transport.client import RefusedError, WireClient
from stackctl.errors import EngineError
from stackctl.planner.world.asked import Path

_SILENCE = 300.0
"""Seconds without a byte before the call is given up. It is long because an engine packs or unpacks only one archive of a
container at a time."""

_NOT_FOUND = 404
_TYPES = {31: stat.S_IFDIR, 27: stat.S_IFLNK, 26: stat.S_IFBLK, 25: stat.S_IFIFO, 24: stat.S_IFSOCK}
"""The bits of Go's os.FileMode that tell the type of a file."""


def pack(client: WireClient, container: str, path: str) -> Iterator[bytes]:
    """The archive of a file or directory, in chunks. Raises `EngineError` at once if the path is not there."""
    _require_path(client, container, path, f"there is no {path} in {container}")
    return _chunks(client, container, path)


def unpack(client: WireClient, container: str, directory: str, archive: Iterable[bytes]) -> None:
    """Put the files of an archive into a directory. They keep the owners that the archive names.

    `copyUIDGID` is left out: with it the engine gives the files to the container's user (moby, daemon/archive.go).
    """
    inside = f"{directory.rstrip('/')}/."  # follows a link; only a directory has such a path
    _require_path(client, container, inside, f"there is no directory {directory} in {container}")
    try:
        client.put("containers", container, "archive", data=read_once(archive), path=directory)
    except RefusedError as error:
        raise RefusedError(
            f"cannot unpack into {directory} of {container}: {error.message}", status=error.status
        ) from error


def _require_path(client: WireClient, container: str, path: str, missing: str) -> None:
    """Raise `RefusedError` with the message `missing` if the path is not in the container.

    The upload itself cannot tell: an engine that refuses it closes the connection. The answer to HEAD has no body, so it
    does not say whether the container or the path is missing: the container is asked for separately.
    """
    try:
        client.head("containers", container, "archive", path=path)
    except RefusedError as error:
        try:
            client.get("containers", container, "json")
        except RefusedError as refusal:
            raise (no_container(container) if refusal.status == 404 else refusal) from error
        raise RefusedError(missing, status=error.status) from error


def _chunks(client: WireClient, container: str, path: str) -> Iterator[bytes]:
    plain = {"Accept-Encoding": "identity"}  # a compressed archive takes several times as long
    with client.stream(
        "GET", "containers", container, "archive", headers=plain, timeout=_SILENCE, path=path
    ) as answer:
        yield from answer.chunks()


def read_once(archive: Iterable[bytes]) -> Iterator[bytes]:
    """The pieces of the archive. If the caller's archive fails, that is not the engine's fault."""
    try:
        yield from archive
    except OSError as error:
        raise EngineError(f"cannot read the archive: {error}") from error


def path(client: WireClient, container: str, path: str) -> Path | None:
    """What is at a path, from the header that comes with its archive; None if nothing is there."""
    try:
        headers = client.head("containers", container, "archive", path=path)
    except RefusedError:
        try:  # the answer to HEAD does not say what is wrong
            client.get("containers", container, "archive", path=path)
        except RefusedError as error:
            if error.status == _NOT_FOUND and "No such container" in error.message:
                raise no_container(container) from error
            if error.status == _NOT_FOUND or "not a directory" in error.message:
                return None
            raise
        raise
    told = json.loads(base64.b64decode(headers["x-docker-container-path-stat"]))
    return Path(told["name"], _mode(told["mode"]), told.get("linkTarget") or "")


def _mode(mode: int) -> int:
    """The type and the permissions of Go's os.FileMode as stat(2) has them."""
    kind = next((kind for bit, kind in _TYPES.items() if mode >> bit & 1), stat.S_IFREG)
    return kind | mode & 0o777

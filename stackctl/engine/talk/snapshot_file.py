"""A snapshot as a file: one tar archive, which `tar` can unpack.

Its first member, `stackctl-snapshot.json`, says what the archive holds, and the SHA-256 of everything after this member. Then come the
volumes, as the engine packs them: `data/0`, `data/1` …
"""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Iterable
from typing import IO, Any

from msgspec import Struct

from stackctl.engine.talk.tars import chunks
from stackctl.errors import UsageError
from stackctl.planner.data.snapshots import Saved

VERSION = 1
"""The version of the format. A file of a newer version is refused."""
ROOT = "data"
"""The directory of the archive that has a directory for each volume."""
_FIRST = "stackctl-snapshot.json"
_BLOCK = 512
_END = bytes(2 * _BLOCK)
"""What every tar archive ends with (POSIX, pax)."""
_MOST = 1 << 20
"""Bytes that the first member may have."""


class Contents(Struct, frozen=True, kw_only=True):
    """What a file says of itself. The `volume` of what was saved is its directory in the archive."""

    project: str
    name: str
    created: float
    """Seconds since the epoch."""
    saved: tuple[Saved, ...]


def write(file: IO[bytes], contents: Contents, archive: Iterable[bytes]) -> None:
    """Write a snapshot to a file in which one can go back. `archive`: `ROOT`, as an engine packs it.

    Raises ValueError if the archive ends too early; OSError.
    """
    digest, last = hashlib.sha256(), b""
    file.write(_first_member(contents, digest.hexdigest()))
    for piece in archive:
        file.write(piece)
        digest.update(piece)
        last = (last + piece)[-len(_END) :]
    if last != _END:
        raise ValueError("the engine sent only a part of the archive")
    file.seek(0)
    file.write(_first_member(contents, digest.hexdigest()))
    file.flush()


def read(file: IO[bytes], name: str) -> Contents:
    """What a file holds; all of it is read, and is what was written. Then the file stands at the archive.

    Raises UsageError, which calls the file `name`, if it is no snapshot, is of a newer version, or is damaged; OSError.
    """
    told, start = _told(file)
    if told is None:
        raise UsageError(f"{name} is no snapshot", "stackctl snapshot create NAME --to FILE writes one")
    if told.get("version") != VERSION:
        raise UsageError(f"{name} was written by a newer stackctl", "update stackctl")
    digest = hashlib.sha256()
    for piece in chunks(file):
        digest.update(piece)
    if digest.hexdigest() != told.get("sha256"):
        raise UsageError(f"{name} is damaged: it is not what was written", "copy it again, or make it again")
    file.seek(start)
    return Contents(
        project=told["project"],
        name=told["name"],
        created=told["created"],
        saved=tuple(
            Saved(each["key"], f"{ROOT}/{number}", tuple(each["services"]))
            for number, each in enumerate(told["data"])
        ),
    )


def _first_member(contents: Contents, digest: str) -> bytes:
    told = {
        "version": VERSION,
        "sha256": digest,
        "project": contents.project,
        "name": contents.name,
        "created": contents.created,
        "data": [{"key": each.key, "services": each.services} for each in contents.saved],
    }
    text = json.dumps(told).encode()
    member = tarfile.TarInfo(_FIRST)
    member.size, member.mtime = len(text), int(contents.created)
    return member.tobuf() + text + bytes(-len(text) % _BLOCK)


def _told(file: IO[bytes]) -> tuple[dict[str, Any] | None, int]:
    """What the first member says, and where it ends; None if there is no such member."""
    try:
        member = tarfile.TarInfo.frombuf(file.read(_BLOCK), "utf-8", "strict")
        if member.name != _FIRST or member.size > _MOST:
            return None, 0
        told = json.loads(file.read(member.size))
        file.seek(-member.size % _BLOCK, 1)
    except (tarfile.TarError, ValueError):
        return None, 0
    return (told, file.tell()) if isinstance(told, dict) else (None, 0)

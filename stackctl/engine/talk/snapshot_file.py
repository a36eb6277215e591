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

import msgspec
from msgspec import Struct

from stackctl.engine.talk.tars import chunks
from stackctl.errors import UsageError
from stackctl.planner.data.snapshots import Saved, checked
from stackctl.spec.source.discovery import normal

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
    told, start = _told(file, name)
    digest = hashlib.sha256()
    for piece in chunks(file):
        digest.update(piece)
    if digest.hexdigest() != told.sha256:
        raise UsageError(f"{name} is damaged: it is not what was written", "copy it again, or make it again")
    file.seek(start)
    _refuse_escapes(file, name, len(told.data))
    file.seek(start)
    return Contents(
        project=told.project,
        name=told.name,
        created=told.created,
        saved=tuple(
            Saved(each.key, f"{ROOT}/{number}", each.services) for number, each in enumerate(told.data)
        ),
    )


def _refuse_escapes(file: IO[bytes], name: str, volumes: int) -> None:
    """Raises UsageError unless every member of the archive stays in the directory of its volume.

    An engine packs what a volume holds, so its archive has no such member. Anybody can write another archive with its digest.
    A compressed archive is refused as well: engines unpack one with further programs (CVE-2026-41567).
    """
    places = {f"{ROOT}/{number}" for number in range(volumes)}
    links: set[str] = set()
    try:
        archive: Any = tarfile.TarFile(fileobj=file)
        while (member := archive.next()) is not None:
            archive.members.clear()  # an archive of a million files is not held in memory
            if reason := _escapes(member, places, links):
                raise UsageError(
                    f"{name} is not a snapshot to trust: {member.name!r} {reason}",
                    "nothing was changed: ask whoever made it",
                )
        file.seek(archive.offset)  # tarfile takes what it cannot read for the end
        if any(piece.strip(b"\0") for piece in chunks(file)):
            raise tarfile.ReadError(f"there is no header at byte {archive.offset:,}")
    except (tarfile.TarError, ValueError, OverflowError) as error:
        raise UsageError(f"{name} is damaged: {error}", "copy it again, or make it again") from error


def _escapes(member: tarfile.TarInfo, places: set[str], links: set[str]) -> str:
    """Why a member could be written elsewhere, "" if it cannot. `links`: the symbolic links before it."""
    for named in (member.name, *([member.linkname] if member.islnk() else [])):
        parts = named.rstrip("/").split("/")
        if parts == [ROOT] and member.isdir():
            continue
        if "/".join(parts[:2]) not in places or ".." in parts or "\0" in named:
            return "lies outside of its volume"
        if any("/".join(parts[:length]) in links for length in range(2, len(parts))):
            return "lies behind a symbolic link"
    if member.islnk() and member.linkname.split("/")[:2] != member.name.split("/")[:2]:
        return "is a link to a file outside of its volume"
    if member.sparse is not None or not (
        member.isreg() or member.isdir() or member.issym() or member.islnk() or member.isfifo()
    ):
        return "is neither a file nor a directory"
    path = member.name.rstrip("/")
    if member.issym() and (path in places or path == ROOT):
        return "is a link in place of a volume"
    links.discard(path)
    if member.issym():
        links.add(path)
    return ""


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


class _Volume(Struct, frozen=True):
    key: str
    services: tuple[str, ...]


class _Told(Struct, frozen=True):
    """What the first member says."""

    version: int
    sha256: str
    project: str
    name: str
    created: float
    data: tuple[_Volume, ...]


class _Version(Struct, frozen=True):
    version: int


def _told(file: IO[bytes], name: str) -> tuple[_Told, int]:
    """What the first member says, and where it ends. Raises UsageError if the file, called `name`, has no such member."""
    no_snapshot = UsageError(f"{name} is no snapshot", "stackctl snapshot create NAME --to FILE writes one")
    try:
        member = tarfile.TarInfo.frombuf(file.read(_BLOCK), "utf-8", "strict")
        if member.name != _FIRST or not 0 <= member.size <= _MOST:
            raise no_snapshot
        text = file.read(member.size)
        if msgspec.json.decode(text, type=_Version).version != VERSION:
            raise UsageError(f"{name} was written by a newer stackctl", "update stackctl")
        told = msgspec.json.decode(text, type=_Told)
        file.seek(-member.size % _BLOCK, 1)
    except (tarfile.TarError, ValueError, RecursionError) as error:
        raise no_snapshot from error
    if normal(told.project) != told.project or not told.project:
        raise no_snapshot
    checked(told.name)
    return told, file.tell()

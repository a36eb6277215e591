"""Files of this machine into a tar archive and out of one: engines take and give tar archives."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath
from tarfile import TarFile, TarInfo
from tempfile import TemporaryFile
from typing import IO

_CHUNK = 1 << 20

Filter = Callable[[TarInfo], TarInfo]


def chunks(file: IO[bytes]) -> Iterator[bytes]:
    """The rest of a file, in pieces that fit into memory."""
    while chunk := file.read(_CHUNK):
        yield chunk


def packed(write: Callable[[TarFile], None]) -> Iterator[bytes]:
    """The archive that `write` has filled, in pieces."""
    file = TemporaryFile()  # noqa: SIM115 - it is closed by whoever reads it, or by the error
    try:
        with tarfile.open(fileobj=file, mode="w") as archive:
            write(archive)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return _read_once(file)


def unpack(pieces: Iterable[bytes], place: Callable[[TarInfo], Path], *, keep_owner: bool = False) -> Path:
    """Unpack the archive of one file or directory. `place` gets its first member, and says where to put that; what is below the
    first member goes below that place. Nothing is put elsewhere. Returns the place.

    Without `keep_owner` the files belong to the user of this process.
    """
    with TemporaryFile() as file:
        file.writelines(pieces)
        file.seek(0)
        with tarfile.open(fileobj=file) as archive:
            archive.extraction_filter = getattr(tarfile, "tar_filter", None)  # Python 3.11.4: nothing outside
            first, *rest = archive.getmembers()
            target = place(first)
            owned = (lambda member: member) if keep_owner else owned_by_this_user
            if not first.isdir():
                first.name = target.name
                archive.extract(owned(first), target.parent, numeric_owner=True)
                return target
            target.mkdir(parents=True, exist_ok=True)
            for member in rest:
                member.name = _below(member.name, first.name)
                member.linkname = _below(member.linkname, first.name) if member.islnk() else member.linkname
                archive.extract(owned(member), target, numeric_owner=True)
            return target


def content(pieces: Iterable[bytes]) -> bytes:
    """What is in the first file of an archive; nothing if that is no file."""
    with tarfile.open(fileobj=io.BytesIO(b"".join(pieces))) as archive:
        first = archive.next()
        file = archive.extractfile(first) if first and first.isfile() else None
        return file.read() if file else b""


def owned_by_this_user(member: TarInfo) -> TarInfo:
    """The member, owned by the user of this process."""
    member.uid, member.gid = os.getuid(), os.getgid()
    member.uname = member.gname = ""
    return member


def _read_once(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        yield from chunks(file)


def _below(name: str, directory: str) -> str:
    return str(PurePosixPath(name).relative_to(directory))

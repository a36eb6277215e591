"""Copy files into a container and out of it. Engines take and give tar archives."""

from __future__ import annotations

import io
import os
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from stackctl.engine.protocol import Talk
from stackctl.errors import UsageError

_CHUNK = 1 << 20
_MODE = 0o644


def copy_in(engine: Talk, container: str, source: str | Path | bytes, target: str) -> None:
    """Put a file, the contents of a directory, or bytes at a path of the container. Missing directories are made."""
    path = PurePosixPath(target)
    if not path.is_absolute():
        raise UsageError(f"{target!r} is no absolute path of the container", f'write "/{target}"')
    name = str(path.relative_to("/"))
    with tempfile.TemporaryFile() as file:
        with tarfile.open(fileobj=file, mode="w") as archive:
            if isinstance(source, bytes):
                member = tarfile.TarInfo(name)
                member.size, member.mode = len(source), _MODE
                archive.addfile(member, io.BytesIO(source))
            else:
                _add(archive, Path(source), name)
        file.seek(0)
        engine.unpack(container, "/", chunks(file))


def copy_out(engine: Talk, container: str, source: str, target: Path) -> Path:
    """Put a file, or the contents of a directory of the container, at a path here."""
    with tempfile.TemporaryFile() as file:
        file.writelines(engine.pack(container, source.rstrip("/") or "/"))
        file.seek(0)
        with tarfile.open(fileobj=file) as archive:
            archive.extraction_filter = getattr(tarfile, "tar_filter", None)  # Python 3.11.4: nothing outside
            first, *rest = archive.getmembers()
            if first.isdir():
                target.mkdir(parents=True, exist_ok=True)
                for member in rest:
                    member.name = _below(member.name, first.name)
                    member.linkname = (
                        _below(member.linkname, first.name) if member.islnk() else member.linkname
                    )
                    archive.extract(_owned_by_this_user(member), target)
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                first.name = target.name
                archive.extract(_owned_by_this_user(first), target.parent)
    return target


def _below(name: str, directory: str) -> str:
    return str(PurePosixPath(name).relative_to(directory))


def _owned_by_this_user(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """The member, owned by the user of this process."""
    member.uid, member.gid = os.getuid(), os.getgid()
    member.uname = member.gname = ""
    return member


def _add(archive: tarfile.TarFile, source: Path, name: str) -> None:
    if not source.exists():
        raise UsageError(f"there is no {source}", "paths are relative to where pytest was started")
    if source.is_file():
        archive.add(source, name, filter=_of_root)
        return
    for path in sorted(source.iterdir()):
        archive.add(path, f"{name}/{path.name}", filter=_of_root)


def _of_root(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


def chunks(file: IO[bytes]) -> Iterator[bytes]:
    """The rest of a file, in pieces that fit into memory."""
    while chunk := file.read(_CHUNK):
        yield chunk

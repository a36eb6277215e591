"""Copy files into a container and out of it. Engines take and give tar archives."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path, PurePosixPath

from stackctl.engine.protocol import Talk
from stackctl.engine.talk.tars import packed, unpack
from stackctl.errors import UsageError

_MODE = 0o644


def copy_in(engine: Talk, container: str, source: str | Path | bytes, target: str) -> None:
    """Put a file, the contents of a directory, or bytes at a path of the container. Missing directories are made."""
    path = PurePosixPath(target)
    if not path.is_absolute():
        raise UsageError(f"{target!r} is no absolute path of the container", f'write "/{target}"')
    name = str(path.relative_to("/"))

    def write(archive: tarfile.TarFile) -> None:
        if isinstance(source, bytes):
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(source), _MODE
            archive.addfile(member, io.BytesIO(source))
        else:
            _add(archive, Path(source), name)

    engine.unpack(container, "/", packed(write))


def copy_out(engine: Talk, container: str, source: str, target: Path) -> Path:
    """Put a file, or the contents of a directory of the container, at a path here."""

    def place(_: tarfile.TarInfo) -> Path:
        target.parent.mkdir(parents=True, exist_ok=True)
        return target

    return unpack(engine.pack(container, source.rstrip("/") or "/"), place)


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

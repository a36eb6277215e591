"""Put changed files of this machine into a container, and see which are there already."""

from __future__ import annotations

import io
import os
import posixpath
import stat
import tarfile
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from tarfile import TarFile, TarInfo
from tempfile import TemporaryFile

from stackctl.engine.protocol import Talk
from stackctl.engine.talk.tars import packed
from stackctl.planner.watch import Item

_CHUNK = 1 << 20


def archive(items: Iterable[Item], directory: str, owner: tuple[int, int]) -> Iterator[bytes]:
    """A tar archive to unpack in a directory of a container: each item at its target, with its own mode and time. What is gone
    meanwhile is left out.
    """

    def write(file: TarFile) -> None:
        for item in items:
            info = TarInfo(posixpath.relpath(item.target, directory))
            info.uid, info.gid = owner
            try:
                _add(file, info, item.path)
            except OSError:  # it is gone meanwhile, which is a change of its own; or it cannot be read
                continue

    return packed(write)


def unreadable(items: Iterable[Item]) -> tuple[Path, ...]:
    """The files that are there and that this process may not read."""
    return tuple(
        i.path for i in items if i.kind == "file" and i.path.exists() and not os.access(i.path, os.R_OK)
    )


def _add(file: TarFile, info: TarInfo, path: Path) -> None:
    found = path.lstat()
    info.mode, info.mtime = stat.S_IMODE(found.st_mode), found.st_mtime
    if stat.S_ISLNK(found.st_mode):
        info.type, info.linkname = tarfile.SYMTYPE, str(path.readlink())
        file.addfile(info)
    elif stat.S_ISDIR(found.st_mode):
        info.type = tarfile.DIRTYPE
        file.addfile(info)
    else:
        content = path.read_bytes()  # a file that grows while it is read does not break the archive
        info.size = len(content)
        file.addfile(info, io.BytesIO(content))


def already_there(engine: Talk, container: str, items: Collection[Item]) -> frozenset[str]:
    """The targets at which the container has what this machine has: the same content, mode and kind; or nothing, if it is gone here."""
    found = {i.target for i in items if i.kind == "gone" and engine.path(container, i.target) is None}
    wanted = {i.target: i for i in items if i.kind != "gone"}
    for top in _tops(wanted.values()):
        if engine.path(container, top) is not None:
            found |= _same(engine.pack(container, top), posixpath.dirname(top), wanted)
    return frozenset(found)


def _tops(items: Iterable[Item]) -> Iterator[str]:
    """The paths whose archives hold all targets: few, and with little else in them."""
    groups: dict[str, list[str]] = defaultdict(list)
    for item in items:
        base = item.rule.target(item.rule.root)
        first = posixpath.relpath(item.target, base).partition("/")[0]
        groups[posixpath.normpath(posixpath.join(base, first))].append(item.target)
    for top, targets in groups.items():
        if top == "/":
            continue
        yield targets[0] if len(targets) == 1 else top


def _same(pieces: Iterable[bytes], directory: str, wanted: dict[str, Item]) -> set[str]:
    same: set[str] = set()
    with TemporaryFile() as file:
        file.writelines(pieces)
        file.seek(0)
        with tarfile.open(fileobj=file) as archive:
            for member in archive:
                target = posixpath.normpath(posixpath.join(directory, member.name))
                if target in wanted and _equal(archive, member, wanted[target].path):
                    same.add(target)
    return same


def _equal(archive: TarFile, member: TarInfo, path: Path) -> bool:
    try:
        here = path.lstat()
        if stat.S_ISLNK(here.st_mode):
            return member.issym() and member.linkname == str(path.readlink())
        if stat.S_ISDIR(here.st_mode):
            return member.isdir()
        if not member.isfile() or (member.size, member.mode & 0o777) != (here.st_size, here.st_mode & 0o777):
            return False
        there = archive.extractfile(member)
        with path.open("rb") as file:
            while there and (chunk := file.read(_CHUNK)):
                if chunk != there.read(_CHUNK):
                    return False
    except OSError:
        return False
    return True

"""Copy between a container and this machine, as `docker cp` does: where a file goes depends on what is there.

https://docs.docker.com/reference/cli/docker/container/cp/
"""

from __future__ import annotations

import os
import sys
from pathlib import Path, PurePosixPath
from tarfile import TarFile, TarInfo

from stackctl.engine.protocol import Talk
from stackctl.engine.talk.tars import chunks, packed, unpack
from stackctl.errors import EngineError, UsageError

STREAM = "-"
"""Instead of a path here: a tar archive on stdin or stdout."""


def copy_out(
    engine: Talk, container: str, source: str, target: str, *, follow: bool = False, keep_owner: bool = False
) -> None:
    """Copy a file or directory of the container to a path here. `follow`: a link is what it leads to."""
    path = _absolute(source)
    found = engine.path(container, path)
    if found is None:
        raise EngineError(f"there is no {source} in {container}")
    if follow and found.is_link:
        path = found.link
        if engine.path(container, path) is None:
            raise EngineError(f"{source} in {container} leads to {path}, which is not there")
    pieces = engine.pack(container, path)
    if target == STREAM:
        for piece in pieces:
            sys.stdout.buffer.write(piece)
        return

    def place(first: TarInfo) -> Path:
        name = "" if path.endswith("/.") or path == "/" else PurePosixPath(source.rstrip("/")).name
        return _place_here(target, name, is_directory=first.isdir())

    unpack(pieces, place, keep_owner=keep_owner)


def copy_in(engine: Talk, container: str, source: str, target: str, *, follow: bool = False) -> None:
    """Copy a file or directory from here to a path of the container. It keeps its owner's number. `follow`: as `copy_out`."""
    path = _absolute(target)
    if source == STREAM:
        engine.unpack(container, path, chunks(sys.stdin.buffer))
        return
    origin = Path(source)
    if follow:
        origin = origin.resolve()
    if not os.path.lexists(origin):
        raise UsageError(f"there is no {source}")
    is_directory = origin.is_dir() and (source.endswith("/") or not origin.is_symlink())
    if source.endswith("/") and not is_directory:
        raise UsageError(f"{source} is no directory")
    contents = is_directory and (source.endswith("/.") or source == ".")
    directory, name = _place_there(
        engine, container, path, "" if contents else Path(source).absolute().name, is_directory=is_directory
    )

    def write(archive: TarFile) -> None:
        if name:
            archive.add(origin.resolve() if is_directory else origin, name)
            return
        for each in sorted(origin.iterdir()):
            archive.add(each, each.name)

    engine.unpack(container, directory, packed(write))


def _place_here(target: str, name: str, *, is_directory: bool) -> Path:
    """Where something called `name` goes. Without a name it is the contents of a directory."""
    path = Path(target)
    if path.is_dir():
        return path / name if name else path
    if path.is_symlink():
        path = path.resolve()
    if path.exists() and is_directory:
        raise UsageError(f"{target} is a file: a directory cannot be copied there")
    if target.endswith("/") and not is_directory:
        raise UsageError(f"the directory {target} does not exist", "make it first")
    if not path.parent.is_dir():
        raise UsageError(f"the directory {path.parent} does not exist", "make it first")
    return path


def _place_there(
    engine: Talk, container: str, path: str, name: str, *, is_directory: bool
) -> tuple[str, str]:
    """The directory of the container where something called `name` goes, and how it is called there; "" for the contents of a
    directory.
    """
    if engine.path(container, f"{path.rstrip('/')}/."):  # a directory, or a link to one
        return path, name
    found = engine.path(container, path)
    if found and is_directory:
        raise EngineError(f"{path} in {container} is a file: a directory cannot be copied there")
    if path.endswith("/") and not is_directory:
        raise EngineError(f"there is no directory {path} in {container}")
    place = PurePosixPath(found.link if found and found.is_link else path)
    if not engine.path(container, f"{str(place.parent).rstrip('/')}/."):
        raise EngineError(f"there is no directory {place.parent} in {container}")
    return str(place.parent), place.name


def _absolute(path: str) -> str:
    """A path of a container begins at its root."""
    return path if path.startswith("/") else f"/{path}"

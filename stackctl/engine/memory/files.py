"""The files in containers of the in-memory engine: one store for each container and for each volume."""

from __future__ import annotations

import io
import stat
import tarfile
from collections.abc import Iterable, Mapping
from copy import copy
from pathlib import PurePosixPath
from tarfile import TarInfo

from msgspec import Struct

from stackctl.errors import EngineError
from stackctl.planner.world.asked import Path

Store = dict[PurePosixPath, tuple[TarInfo, bytes]]
"""Files and directories of one container or volume, by their path from its root."""

_KINDS = {tarfile.DIRTYPE: stat.S_IFDIR, tarfile.SYMTYPE: stat.S_IFLNK}
_ROOT = PurePosixPath("/")
_STANDARD = tuple(PurePosixPath(f"/{name}") for name in "bin dev etc home lib root sbin tmp usr var".split())


class Files(Struct, frozen=True):
    """The files that a container sees. `stores` are by the directory where each is mounted; the container's own is at `/`."""

    container: str
    stores: Mapping[PurePosixPath, Store]

    def pack(self, path: str) -> bytes:
        """A tar archive, made as Docker makes it: names in it begin with the last part of the path."""
        top, found = _ROOT / path, self._all()
        if top not in found:
            raise EngineError(f"there is no {path} in {self.container}")
        first = "." if path.endswith("/.") else top.name
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            for place in sorted(found):
                if place.is_relative_to(top):
                    info, data = found[place]
                    rest = "" if place == top else f"/{place.relative_to(top)}"
                    archive.addfile(_renamed(info, first + rest), io.BytesIO(data))
        return packed.getvalue()

    def path(self, path: str) -> Path | None:
        """What is at a path; None if nothing is there."""
        place = _ROOT / path
        found = self._all().get(place)
        if found is None or (path.endswith("/.") and not found[0].isdir()):
            return None
        info = found[0]
        return Path(place.name, _KINDS.get(info.type, stat.S_IFREG) | info.mode, info.linkname)

    def unpack(self, directory: str, archive: Iterable[bytes], *, over_directories: bool = True) -> None:
        """Put the files of an archive into a directory. `over_directories`: a file may take the place of a directory."""
        top, found = _ROOT / directory, self._all()
        if top not in found or not found[top][0].isdir():
            raise EngineError(f"there is no directory {directory} in {self.container}")
        try:
            with tarfile.open(fileobj=io.BytesIO(b"".join(archive))) as unpacked:
                for member in unpacked:
                    path = top / member.name.lstrip("/")
                    if member.isfile() and not over_directories and path in found and found[path][0].isdir():
                        raise EngineError(
                            f"cannot overwrite the directory {path} of {self.container} with a file"
                        )
                    file = unpacked.extractfile(member) if member.isfile() else None
                    self._put(path, member, file.read() if file else b"")
        except tarfile.TarError as error:
            raise EngineError(f"cannot unpack into {directory} of {self.container}: {error}") from error
        except OSError as error:
            raise EngineError(f"cannot read the archive: {error}") from error

    def remove(self, path: str) -> None:
        """Remove what is at a path, and below it, if anything is there."""
        top = _ROOT / path
        for mount, store in self.stores.items():
            for place in [place for place in store if (mount / place).is_relative_to(top)]:
                del store[place]

    def _put(self, path: PurePosixPath, info: TarInfo, data: bytes) -> None:
        mount = max((one for one in self.stores if path.is_relative_to(one)), key=lambda one: len(one.parts))
        self.stores[mount][path.relative_to(mount)] = (info, data)

    def _all(self) -> Store:
        """All files by absolute path, with the directories in which they are."""
        held = {mount / path: file for mount, store in self.stores.items() for path, file in store.items()}
        needed = {*self.stores, *_STANDARD, *(parent for path in held for parent in path.parents)}
        needed |= {parent for mount in self.stores for parent in mount.parents}
        return {path: (_directory(), b"") for path in needed} | held


def _renamed(info: TarInfo, name: str) -> TarInfo:
    renamed = copy(info)
    renamed.name, renamed.pax_headers = name, {}  # the old headers may hold the old name
    return renamed


def _directory() -> TarInfo:
    info = TarInfo()
    info.type, info.mode = tarfile.DIRTYPE, 0o755
    return info

"""Secrets and configs as the tar archives that put them into a container."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator

from stackctl.planner.world.desired import DesiredFile
from stackctl.real import real_time


def archives(files: Iterable[DesiredFile]) -> Iterator[tuple[str, bytes]]:
    """For each directory of the container into which an archive is unpacked: the directory, and the archive.

    Files have their owners and modes. The archive names no directories, so directories that are there stay as they are.
    """
    by_base: dict[str, list[DesiredFile]] = {}
    for file in files:
        by_base.setdefault(file.base, []).append(file)
    for base, those in by_base.items():
        yield base, _archive(base, those)


def _archive(base: str, files: Iterable[DesiredFile]) -> bytes:
    import tarfile  # few stacks have secrets

    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for file in files:
            content = file.content.reveal().encode(errors="surrogateescape")
            info = tarfile.TarInfo(file.target.removeprefix(base).lstrip("/"))
            info.size, info.mtime, info.mode = len(content), int(real_time()), file.mode
            info.uid, info.gid = file.uid, file.gid
            archive.addfile(info, io.BytesIO(content))
    return packed.getvalue()

"""Files of this machine that an export reads, and those that it writes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from stackctl.engine.files import replace_file
from stackctl.errors import UsageError
from stackctl.spec.source.loading import read_file
from stackctl.teach.k8s.context import HostFile, HostPath

_MOST = 1_000_000
"""Bytes. A ConfigMap holds 1 MiB, with its names."""


def host_files(path: str) -> HostPath | None:
    """The file at a path, or the files directly in a directory; none if there is nothing. None: they are too large for a ConfigMap,
    cannot be read, or there is something else in the directory.
    """
    place = Path(path)
    if not place.exists():
        return HostPath({}, single=False)
    try:
        if place.is_file():
            return (
                HostPath({place.name: _read(place)}, single=True) if place.stat().st_size <= _MOST else None
            )
        found = sorted(place.iterdir())
        whole = sum(each.stat().st_size for each in found)
        if whole > _MOST or not all(each.is_file() for each in found):
            return None
        return HostPath({each.name: _read(each) for each in found}, single=False)
    except OSError:
        return None


def write_all(directory: Path, texts: Mapping[str, str]) -> None:
    """Write files into a directory, which is made if it is missing.

    Raises UsageError if one cannot be written.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            replace_file(directory / name, text)
    except OSError as error:
        raise UsageError(f"{error.filename} cannot be written: {error.strerror}") from error


def _read(path: Path) -> HostFile:
    return HostFile(read_file(path, _MOST), executable=os.access(path, os.X_OK))

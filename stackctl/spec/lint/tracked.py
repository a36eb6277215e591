"""Which files git tracks, read from git's index: no program is started, neither git nor one that the repository names."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from stackctl.spec.source.loading import read_file

_MOST = 64 * 1024 * 1024
"""Bytes of an index that are read at most: it has about 100 for each file."""
_HEAD = 12
_PREFIXED = 4
"""The version of the index in which each name leaves out what it has in common with the name before."""
_LONG = 0x4000
"""The flag of an entry that has two bytes of flags more."""


def tracked(paths: Collection[Path]) -> frozenset[Path]:
    """Those of these files that git has in its index. None if there is no repository, or if its index is of a kind that is not known."""
    return frozenset(path for path in paths if path.is_file() and _is_tracked(path))


def _is_tracked(path: Path) -> bool:
    top = next((folder for folder in path.parents if (folder / ".git").exists()), None)
    if top is None:
        return False
    try:
        index = read_file(_directory(top / ".git") / "index", _MOST)
        return str(path.relative_to(top)).encode(errors="surrogateescape") in _names(index)
    except (OSError, ValueError, IndexError):
        return False


def _directory(git: Path) -> Path:
    """The directory of the repository: `.git` itself, or that which the file `.git` of a worktree names (gitrepository-layout(5))."""
    if git.is_dir():
        return git
    return git.parent / read_file(git, 4096).decode().removeprefix("gitdir:").strip()


def _names(index: bytes) -> Iterator[bytes]:
    """The paths in an index (gitformat-index(5)) of a repository with SHA-1. Raises ValueError, IndexError if it is no such index."""
    version, count = int.from_bytes(index[4:8]), int.from_bytes(index[8:_HEAD])
    if index[:4] != b"DIRC" or not 2 <= version <= _PREFIXED:
        raise ValueError("no index of git")
    begin, name = _HEAD, b""
    for _ in range(count):
        at = begin + (64 if int.from_bytes(index[begin + 60 : begin + 62]) & _LONG else 62)
        if version == _PREFIXED:
            at, less = _number(index, at)
            name = name[: len(name) - less]
        else:
            name = b""
        end = index.index(b"\0", at)
        name += index[at:end]
        begin = end + 1 if version == _PREFIXED else end + 8 - (end - begin) % 8
        yield name


def _number(index: bytes, at: int) -> tuple[int, int]:
    """Where a number of variable length ends, and the number."""
    number = index[at] & 127
    while index[at] & 128:
        at += 1
        number = ((number + 1) << 7) | (index[at] & 127)
    return at + 1, number

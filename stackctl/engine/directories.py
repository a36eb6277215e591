"""Directories of this machine: whether one is certainly gone, and which branch is checked out in it."""

from __future__ import annotations

import functools
import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from stackctl.planner.world import labels as names

_MOUNTS = Path("/proc/self/mountinfo")
BRANCH = "refs/heads/"
"""How the full name of a branch begins."""
_IN_TABLE = "refs/heads/.invalid"
"""What HEAD says where git keeps its references in a table (reftable), which is not read here."""
_ESCAPED = re.compile(r"\\([0-7]{3})")


def place_of(directory: str) -> str:
    """Where a directory is, in a form by which `is_gone` can later tell whether it is gone: the machine, the filesystem, and the
    inode numbers of the directories above it in that filesystem, the nearest first. "" if it is not there.
    """
    try:
        filesystem = os.statvfs(directory).f_fsid
        inodes = [str(os.stat(parent).st_ino) for parent in _parents(Path(directory))]  # noqa: PTH116
    except OSError:
        return ""
    return f"{machine()}:{filesystem:x}:{'/'.join(inodes)}"


def placed(labels: Mapping[str, str]) -> dict[str, str]:
    """The labels of what is about to be made, with the place of the directory that they name."""
    place = place_of(names.directory_of(labels.get(names.SOURCE, "")))
    return {**labels, names.PLACE: place} if place else dict(labels)


def is_gone(directory: str, place: str) -> bool:
    """Whether a directory has certainly been removed. `place` is what `place_of` said of it.

    It is gone if it is not there, and the nearest directory above it that is there is the one that was there before. So a
    directory of another machine, of another container, or of a disk that is not mounted is not gone: nobody can tell.
    """
    told, _, rest = place.partition(":")
    filesystem, _, chain = rest.partition(":")
    if not (directory and chain) or told != machine():
        return False
    inodes = chain.split("/")
    try:
        if _is_there(directory):
            return False
        for parent, inode in zip(Path(directory).parents, inodes, strict=False):
            if _is_there(parent):
                same = str(os.stat(parent).st_ino) == inode  # noqa: PTH116
                return same and f"{os.statvfs(parent).f_fsid:x}" == filesystem
    except (OSError, ValueError):  # a label may hold what is no path
        return False
    return False


@functools.cache
def machine() -> str:
    """An id of this machine. A container is a machine of its own: it has its own files."""
    name = os.uname().nodename
    with suppress(OSError):
        name += " " + Path("/etc/machine-id").read_text().strip()
    return hashlib.sha256(name.encode()).hexdigest()[:12]


def is_of_this_machine(place: str) -> bool:
    return place.partition(":")[0] == machine()


def branch_of(directory: str) -> str:
    """The branch of git that is checked out in a directory, or the first digits of the commit if it is none; "" if it belongs to no
    checkout.
    """
    for parent in (Path(directory), *Path(directory).parents):
        if (git := parent / ".git").exists():
            head = head_of(git)
            return head.removeprefix(BRANCH) if head.startswith(BRANCH) else head[:12]
    return ""


def head_of(git: Path) -> str:
    """What is checked out where this `.git` is: the full name of a branch, or a commit; "" if nobody can tell. Source of the layout:
    gitrepository-layout(5).
    """
    try:
        if git.is_file():  # in a worktree or a submodule: it names the directory
            git = git.parent / git.read_text().removeprefix("gitdir:").strip()
        if not (git / "HEAD").is_file():  # to open a pipe would wait for who writes into it
            return ""
        head = (git / "HEAD").read_text().strip().removeprefix("ref: ")
    except (OSError, UnicodeDecodeError):
        return ""
    return "" if head == _IN_TABLE else head


def _parents(directory: Path) -> Iterator[Path]:
    """The directories above, up to the one at which the filesystem is mounted."""
    device, mounts, below = directory.stat().st_dev, _mounted(), directory
    for parent in directory.parents:
        if str(below) in mounts or parent.stat().st_dev != device:
            return
        yield parent
        below = parent


def _mounted() -> frozenset[str]:
    """The paths at which something is mounted; empty where the system has no such file (proc(5), /proc/pid/mountinfo)."""
    try:
        rows = _MOUNTS.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return frozenset()
    return frozenset(_ESCAPED.sub(lambda found: chr(int(found[1], 8)), row.split(" ")[4]) for row in rows)


def _is_there(path: str | Path) -> bool:
    """Raises OSError if nobody can tell."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True

"""Read files as text, with the names under which messages show them."""

import errno
import functools
import os
import re
import stat
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from stackctl.errors import Place, Problem
from stackctl.spec.source import toml
from stackctl.spec.source.locate import Source

STDIN = "-"
_recorders: list[dict[Path, bool]] = []
"""Whoever records now. A plain list: every command loads this module, and few record."""


@contextmanager
def recording() -> Iterator[Mapping[Path, bool]]:
    """The files that `load` reads in this block, each with whether it holds secrets."""
    found: dict[Path, bool] = {}
    _recorders.append(found)
    try:
        yield found
    finally:
        _recorders.pop()


def load(
    path: Path, directory: Path, *, largest: int = toml.LARGEST, secret: bool = False, given: bool = False
) -> tuple[Source | None, list[Problem]]:
    """The text of a file. None if there is no such file; None and a problem if the file cannot be read.

    `given`: the caller of the command names the file, and no other file does. Then `-` is what stands on the standard input, and
    the file may be a descriptor, as `open_file` says.
    """
    file = shown(path, directory)
    try:
        if given and path.name == STDIN:
            return toml.decode("<stdin>", _stdin(largest + 1), largest)
        with open_file(path, given=given) as stream:
            data = stream.read(largest + 1)
        for found in _recorders:
            found[path] = found.get(path, False) or secret
    except FileNotFoundError:
        return None, []
    except OSError as error:
        hint = f"did you mean {file}/{_NAME}?" if isinstance(error, IsADirectoryError) else ""
        return None, [Problem((), f"cannot be read: {error.strerror}", hint, place=Place(file))]
    return toml.decode(file, data, largest, secret=secret)


_NAME = "stack.toml"
_DESCRIPTOR = r"/dev/(fd/[0-9]+|stdin)|/proc/self/fd/[0-9]+"
_KINDS = (
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)


def open_file(path: Path, *, given: bool = False) -> BufferedReader:
    """A regular file, opened to be read. The null device is an empty file.

    Nothing else is opened: a pipe or a terminal may never end, and a device may act when it is opened. What was opened is examined
    again, because the path may lead to something else by then. A file that is `given` on the command line may also be a descriptor
    of this process, as a shell names it for `<(…)`.

    Raises OSError, also for a path that no file can have.
    """
    if given and re.fullmatch(_DESCRIPTOR, str(path)):
        return path.open("rb")
    try:
        _refuse(path, path.stat())
        file = open(path, "rb", opener=_without_waiting)  # noqa: SIM115 Path.open has no opener; it is returned
    except ValueError as error:
        raise OSError(errno.EINVAL, "no file can have this name") from error
    try:
        _refuse(path, os.fstat(file.fileno()))
    except OSError:
        file.close()
        raise
    return file


def is_missing(path: Path) -> bool:
    """Whether there is no such file. One that cannot be looked at is there: to read it tells why it cannot."""
    try:
        path.stat()
    except FileNotFoundError:
        return True
    except (OSError, ValueError):
        return False
    return False


def read_file(path: Path, largest: int, *, given: bool = False) -> bytes:
    """The content of a file that `open_file` opens. Raises OSError, also if it has more than `largest` bytes."""
    with open_file(path, given=given) as file:
        data = file.read(largest + 1)
    if len(data) > largest:
        raise OSError(errno.EFBIG, f"it is larger than {largest:,} bytes")
    return data


def _refuse(path: Path, found: os.stat_result) -> None:
    if stat.S_ISREG(found.st_mode):
        return
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if stat.S_ISCHR(found.st_mode) and found.st_rdev == os.stat(os.devnull).st_rdev:  # noqa: PTH116
        return
    kind = next((kind for is_one, kind in _KINDS if is_one(found.st_mode)), "something else")
    raise OSError(errno.EINVAL, f"it is {kind}, not a regular file", str(path))


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY)


@functools.cache
def _stdin(largest: int) -> bytes:
    """What stands on the standard input. It can be read only once, and a command may read its stack twice."""
    return sys.stdin.buffer.read(largest)


def join(directory: Path, path: Path) -> Path:
    """The absolute path, without `..`. Symbolic links are not followed."""
    return Path(os.path.normpath(directory / os.path.expanduser(path)))  # noqa: PTH111 Path's own raises on ~nobody


def shown(path: Path, directory: Path) -> str:
    """The name of a file for messages: relative if the file is below the user's directory."""
    return str(path.relative_to(directory) if path.is_relative_to(directory) else path)

"""Read files as text, with the names under which messages show them."""

import functools
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
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
    path: Path, directory: Path, *, largest: int = toml.LARGEST, secret: bool = False
) -> tuple[Source | None, list[Problem]]:
    """The text of a file. None if there is no such file; None and a problem if the file cannot be read. The file `-` is what stands on
    the standard input.
    """
    file = shown(path, directory)
    try:
        if path.name == STDIN:
            return toml.decode("<stdin>", _stdin(largest + 1), largest)
        with path.open("rb") as stream:
            data = stream.read(largest + 1)
        for found in _recorders:
            found[path] = found.get(path, False) or secret
    except FileNotFoundError:
        return None, []
    except OSError as error:
        hint = f"did you mean {file}/{_NAME}?" if path.is_dir() else ""
        return None, [Problem((), f"cannot be read: {error.strerror}", hint, place=Place(file))]
    return toml.decode(file, data, largest, secret=secret)


_NAME = "stack.toml"


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

"""Paths that lead to no regular file. Whoever opens one of them without a look waits, or reads without end."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path


def pipe(path: Path) -> None:
    os.mkfifo(path)


def socket_file(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # the path of a socket has at most 107 bytes
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


def leading_to(target: str) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        path.symlink_to(target)

    return make


MADE: dict[str, tuple[Callable[[Path], None], str]] = {
    "a named pipe": (pipe, "it is a named pipe, not a regular file"),
    "a socket": (socket_file, "it is a socket, not a regular file"),
    "an endless device": (leading_to("/dev/zero"), "it is a device, not a regular file"),
    "the memory of this process": (leading_to("/proc/self/mem"), "Input/output error"),
    "a directory": (Path.mkdir, "directory"),
    "a circle of links": (lambda path: path.symlink_to(path.name), "Too many levels of symbolic links"),
    "the terminal": (leading_to("/dev/tty"), "it is a device, not a regular file"),
}
"""How each is made, and what is said of it."""

"""stdout and stderr of the process. A reader who leaves ends no command; nor does a sign that the encoding lacks. Output for which a
disk has no room is told, once the command has done its work.
"""

from __future__ import annotations

import codecs
import os
import sys
from typing import Any, TextIO, cast

_PLAIN = {
    "✔": "+",
    "✘": "x",
    "○": "o",
    "◌": "~",
    "–": "-",
    "—": "-",
    "─": "-",
    "━": "=",
    "█": "#",
    "…": "~",
    "·": "-",
    "•": "*",
    "→": ">",
    "×": "x",
    "µ": "u",
} | dict(zip("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏", r"|/-\|/-\|/", strict=True))
"""An ASCII sign for each sign that stackctl prints, as wide as the sign, so that columns stay columns."""


class Lasting:
    """A text stream that outlives its reader: after the reader has left, writing does nothing and raises nothing."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except OSError as error:
            self._lose(error)
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError as error:
            self._lose(error)

    def _lose(self, error: OSError) -> None:
        if self._stream is sys.stdout and not isinstance(error, BrokenPipeError):
            _LOST.append(error)
        silence(self._stream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


_LOST: list[OSError] = []
"""Why stdout could not be written, though its reader has not left."""


def lasting(stream: TextIO) -> TextIO:
    """The stream, made to outlive its reader."""
    return cast("TextIO", Lasting(stream))


def prepare() -> None:
    """Make the process's streams ready: all three are there, what they cannot encode becomes ASCII, stderr is `lasting`, and terminals are `guarded`."""
    codecs.register_error("stackctl", plain)
    for name in ("stdin", "stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # the parent process has closed it
            setattr(sys, name, open(os.devnull, "r" if name == "stdin" else "w"))  # noqa: PTH123, SIM115
        elif name != "stdin":
            stream.reconfigure(errors="stackctl")
    sys.stderr = lasting(sys.stderr)
    if sys.stdout.isatty() or sys.stderr.isatty():  # --help into a pipe loads nothing of show
        from stackctl.show.text.safe import guarded

        sys.stdout, sys.stderr = guarded(sys.stdout), guarded(sys.stderr)


def finish() -> OSError | None:
    """Write what stdout still holds. Return why stdout could not be written, if its reader has not left."""
    lasting(sys.stdout).flush()
    return _LOST[0] if _LOST else None


def fails(stream: TextIO) -> bool:
    """Whether what the buffer of the stream still holds cannot be written."""
    try:
        stream.flush()
    except OSError:
        return True
    return False


def silence(stream: TextIO) -> None:
    """Lead the stream to /dev/null, with what its buffer still holds. Then the interpreter's last flush cannot fail."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def plain(error: UnicodeError) -> tuple[str | bytes, int]:
    """What to write for a character that the stream's encoding lacks. A byte that could not be decoded is written as that byte."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    char = error.object[error.start]
    if "\udc80" <= char <= "\udcff":  # PEP 383
        return bytes([ord(char) - 0xDC00]), error.start + 1
    return _PLAIN.get(char, "?"), error.start + 1

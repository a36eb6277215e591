"""stdout and stderr of the process: a reader who leaves, or a sign that a terminal does not have, ends no command."""

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
    "…": "~",
    "·": "-",
    "•": "*",
    "→": ">",
    "×": "x",
    "µ": "u",
} | dict(zip("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏", r"|/-\|/-\|/", strict=True))
"""An ASCII sign for each sign that stackctl prints, as wide as the sign, so that columns stay columns."""


class Lasting:
    """A text stream that outlives its reader: what can no longer be written there goes nowhere, without an error."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except OSError:
            silence(self._stream)
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError:
            silence(self._stream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def lasting(stream: TextIO) -> TextIO:
    """The stream, so that a reader who leaves ends nothing."""
    return cast("TextIO", Lasting(stream))


def prepare() -> None:
    """Make the process's streams ready: all three are there, what they cannot encode becomes ASCII, and stderr is `lasting`."""
    codecs.register_error("stackctl", plain)
    for name in ("stdin", "stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by whoever started the process
            setattr(sys, name, open(os.devnull, "r" if name == "stdin" else "w"))  # noqa: PTH123, SIM115
        elif name != "stdin":
            stream.reconfigure(errors="stackctl")
    sys.stderr = lasting(sys.stderr)


def finish() -> None:
    """Write what stdout still holds. Nobody is left to hear that it cannot be written."""
    lasting(sys.stdout).flush()


def silence(stream: TextIO) -> None:
    """Lead the stream, and what it has not written yet, nowhere: the interpreter's last flush cannot fail there either."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def plain(error: UnicodeError) -> tuple[str | bytes, int]:
    """What to write for a character that the stream's encoding lacks; a byte that was no text when it came stays that byte."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    char = error.object[error.start]
    if "\udc80" <= char <= "\udcff":  # PEP 383
        return bytes([ord(char) - 0xDC00]), error.start + 1
    return _PLAIN.get(char, "?"), error.start + 1

"""A terminal with a program at the other end, and what a person would then see on its screen."""

from __future__ import annotations

import errno
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from scenario import Project

# The terminal becomes the program's own, so that Ctrl-C and a new size reach it as signals.
_TAKE_TERMINAL = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
_PIECE = re.compile(r"\x1b\[([?0-9;]*)([A-Za-z])|([\r\n])|([^\x00-\x1f\x7f]+)")
SGR = re.compile(r"\x1b\[[0-9;]*m")


class Terminal:
    """Our end of a terminal of `columns` × `lines`. `said` is all that the program wrote so far."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        columns: int = 100,
        lines: int = 30,
    ) -> None:
        self._ours, self._theirs = pty.openpty()
        self.resize(columns, lines)
        self.before = self.settings()
        self.said = ""
        self._raw = b""
        self._seen = 0
        self.process = subprocess.Popen(
            [sys.executable, "-c", _TAKE_TERMINAL, *command],
            cwd=cwd,
            env=env,
            stdin=self._theirs,
            stdout=self._theirs,
            stderr=self._theirs,
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._theirs)
        if self._ours >= 0:
            os.close(self._ours)

    def settings(self) -> list[Any]:
        """What the terminal does with what is typed: echo, line by line, and so on."""
        return termios.tcgetattr(self._theirs)

    def resize(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def type(self, text: str) -> None:
        """Type it as a person does: once the program waits. A signal in the moment before a read does not end that read."""
        deadline = time.monotonic() + 5
        while _works(self.process.pid) and time.monotonic() < deadline:
            time.sleep(0.01)
        os.write(self._ours, text.encode())

    def hang_up(self) -> None:
        """The terminal goes away, as a window that is closed."""
        os.close(self._ours)
        self._ours = -1

    def expect(self, text: str, seconds: float = 30.0) -> None:
        """Read on until the text has come, after what was expected before."""
        deadline = time.monotonic() + seconds
        while text not in self.said[self._seen :]:
            assert time.monotonic() < deadline, self.said
            assert self.read(0.1) or self.process.poll() is None, self.said
        self._seen = self.said.index(text, self._seen) + len(text)

    def end(self, seconds: float = 60.0) -> int:
        """Read to the end and return the exit code."""
        deadline = time.monotonic() + seconds
        while self.process.poll() is None:
            assert time.monotonic() < deadline, self.said
            self.read(0.1)
        while self.read(0):
            pass
        return self.process.returncode

    def read(self, seconds: float) -> bool:
        if self._ours < 0:
            time.sleep(seconds)
            return False
        if not select.select([self._ours], [], [], seconds)[0]:
            return False
        try:
            self._raw += os.read(self._ours, 1 << 16)
        except OSError as error:
            if error.errno != errno.EIO:  # the other end is closed
                raise
            return False
        self.said = self._raw.decode(errors="replace")
        return True


def _works(pid: int) -> bool:
    """Whether the main thread of a process computes at this moment (proc(5))."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].startswith(("R", "D"))
    return False


def open_terminal(
    project: Project,
    *args: str,
    color: bool = False,
    term: str = "xterm-256color",
    columns: int = 100,
    lines: int = 30,
) -> Terminal:
    """`stackctl ARGS` in the project's directory; `color`: without NO_COLOR."""
    env = project.environment | project.env | {"TERM": term}
    other = {"COLUMNS", "LINES"} | (
        {"NO_COLOR"} if color else set()
    )  # variables that would speak of another terminal
    return Terminal(
        [sys.executable, "-m", "stackctl", *args],
        cwd=project.directory,
        env={name: value for name, value in env.items() if name not in other},
        columns=columns,
        lines=lines,
    )


def screen(said: str, columns: int = 100, lines: int = 30) -> list[str]:
    """The rows that stand on the terminal in the end, those that scrolled out of sight too, without blanks at their ends.

    Knows what a display redrawn in place needs (ECMA-48: CUU, EL, SGR; xterm: the cursor shown and hidden) and fails on
    anything else: nothing else has any business there.
    """
    rows: list[list[str]] = [[]]
    row, column = 0, 0

    def write(char: str) -> None:
        nonlocal row, column
        if column == columns:
            down()
            column = 0
        rows[row] += [" "] * (column + 1 - len(rows[row]))
        rows[row][column] = char
        column += 1

    def down() -> None:
        nonlocal row
        row += 1
        if row == len(rows):
            rows.append([])

    at = 0
    while at < len(said):
        piece = _PIECE.match(said, at)
        assert piece, f"not to be sent to a terminal: {said[at : at + 20]!r}"
        at = piece.end()
        match piece.groups():
            case (_, _, _, str(text)):
                for char in text:
                    write(char)
            case (_, _, "\r", _):
                column = 0
            case (_, _, "\n", _):
                down()
            case (number, "A", _, _):
                row -= int(number or 1)
                assert row >= max(len(rows) - lines, 0), "no cursor gets above the first line of the screen"
            case ("2", "K", _, _):
                rows[row].clear()
            case (_, "m", _, _) | ("?25", "l" | "h", _, _):
                """Colour and the cursor change no text."""
            case _:
                raise AssertionError(f"not to be sent to a terminal: {piece[0]!r}")
    return ["".join(text).rstrip() for text in rows]

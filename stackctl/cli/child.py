"""A command of this machine: found as a shell finds it, run on this terminal, and ended by the signals that this process gets."""

from __future__ import annotations

import errno
import os
import shlex
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import FrameType

from stackctl.cli.follow import SIGNALS, handled
from stackctl.errors import UsageError

_SHELL = "/bin/sh"


class NotFoundError(UsageError):
    """There is no such command. The exit code is that of a shell."""

    exit_code = 127


class NotExecutableError(UsageError):
    """The command is there and cannot be run. The exit code is that of a shell."""

    exit_code = 126


def find(name: str, path: str) -> str:
    """The file of a command. A name without a slash is looked for in the directories of `path`, which is `PATH`.

    Raises NotFoundError, NotExecutableError.
    """
    places = [name] if "/" in name else [os.path.join(each, name) for each in path.split(os.pathsep)]  # noqa: PTH118
    files = [each for each in places if name and os.path.isfile(each)]  # noqa: PTH113
    for file in files:
        if os.access(file, os.X_OK):
            return file
    if files:
        raise NotExecutableError(f"{files[0]} may not be executed", f"chmod +x {shlex.quote(files[0])}")
    if "/" in name and os.path.isdir(name):  # noqa: PTH112
        raise NotExecutableError(f"{name} is a directory, not a command")
    hint = "for words of a shell: -- sh -c '…'"
    if "/" not in name and len(words := name.split()) > 1:
        hint = f"without the quotes: -- {shlex.join(words)}"
    raise NotFoundError(f"there is no command {name!r}" + ("" if "/" in name else " in PATH"), hint)


def run(argv: Sequence[str], file: str, environment: Mapping[str, str]) -> int:
    """Run a command until it ends, and return its exit code, 128 + N if signal N has ended it. `file`: where the command is.

    It has stdin, stdout, stderr and the process group of this process: so it has the terminal, and what is typed there (Ctrl-C,
    Ctrl-Z) reaches it. A signal that only this process gets is passed on.

    Raises NotFoundError, NotExecutableError.
    """
    child = _Child()
    with handled(child.pass_on, (*SIGNALS, signal.SIGQUIT)):
        child.process = _started(argv, file, environment)
        child.pass_on_early()
        code = child.process.wait()
    return code if code >= 0 else 128 - code


def _started(argv: Sequence[str], file: str, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    try:
        try:
            # Files that this process has inherited are the command's too: `<(…)` of bash, the job server of make.
            return subprocess.Popen(argv, executable=file, env=environment, close_fds=False)
        except OSError as error:
            if error.errno != errno.ENOEXEC:
                raise
        script = [_SHELL, file, *argv[1:]]  # it has no `#!`: then POSIX says a shell
        return subprocess.Popen(script, env=environment, close_fds=False)
    except FileNotFoundError as error:  # it was there: what its first line names is not
        raise NotFoundError(f"{file}: its interpreter is not there") from error
    except OSError as error:
        raise NotExecutableError(f"cannot run {file}: {error.strerror}") from error


class _Child:
    """The command, and the signals that have come before it has begun."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []

    def pass_on(self, number: int, _: FrameType | None) -> None:
        """Give a signal to the command, unless the terminal has given it to both."""
        if self.process is None:
            self._early.append(number)
        elif number == signal.SIGTERM or not _in_foreground():
            self.process.send_signal(number)

    def pass_on_early(self) -> None:
        assert self.process
        for number in self._early:
            self.process.send_signal(number)


def _in_foreground() -> bool:
    """Whether what is typed on the terminal reaches the group of this process: SIGINT and SIGQUIT come from there."""
    with suppress(OSError):
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
        try:
            return os.tcgetpgrp(terminal) == os.getpgrp()
        finally:
            os.close(terminal)
    return False

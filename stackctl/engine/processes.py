"""Tell processes apart for ever. A process number alone is not enough: the system gives it to another process later."""

from __future__ import annotations

import os
import select
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from stackctl.planner.runs.owner import Owner

_PROC = Path("/proc")
_POLL = 0.5
"""Seconds between two looks at a process."""


def this_process() -> Owner:
    """The process that calls this function."""
    pid = os.getpid()
    return Owner(pid=pid, start=_start_of(pid) or "", boot=_boot(), space=_space(), uid=os.getuid())


def is_dead(owner: Owner, *, restarted: bool = False) -> bool:
    """Whether the process has certainly ended. A process counts as alive if nobody can tell: a process of another user, in
    another container, or on another machine.

    `restarted`: an owner with this machine's id and another boot is from an earlier boot of this machine, and so it has
    ended. Without it the owner may run on another machine that has the same id.
    """
    if (owner.uid, owner.space) != (os.getuid(), _space()):
        return False
    if owner.boot != _boot():
        return restarted
    return _start_of(owner.pid) != owner.start


def wait_for_end(owner: Owner) -> None:
    """Return when the process has ended. With pidfd_open(2) the kernel tells at once; else the process is looked at often."""
    watched = _watch(owner.pid)
    try:
        while not is_dead(owner):
            if watched is None:
                time.sleep(_POLL)
            else:
                select.select([watched], [], [], _POLL)
    finally:
        if watched is not None:
            os.close(watched)


def _watch(pid: int) -> int | None:
    """A descriptor that becomes readable when the process ends; None if the system has none."""
    with suppress(OSError, AttributeError):
        return os.pidfd_open(pid)
    return None


def _start_of(pid: int) -> str | None:
    """When the process began; None if there is no such process, or if it has ended and only waits for its parent."""
    if not _PROC.is_dir():
        return _ask("ps", "-o", "lstart=", "-p", str(pid)) or None
    try:
        stat = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    state, *fields = stat.rpartition(")")[2].split()  # the name, in parentheses, may contain anything
    return None if state in "ZX" else fields[18]


def _boot() -> str:
    """An id that is different after each start of the machine."""
    with suppress(OSError):
        return (_PROC / "sys/kernel/random/boot_id").read_text().strip()
    return _ask("sysctl", "-n", "kern.bootsessionuuid")


def _space() -> str:
    """What gives this process its number: the machine and its namespace of processes. A container has its own namespace."""
    space = os.uname().nodename
    with suppress(OSError):
        space = Path("/etc/machine-id").read_text().strip() or space
    with suppress(OSError):
        space += " " + os.readlink(_PROC / "self/ns/pid")  # noqa: PTH115 "pid:[1]" is no path
    return space


def _ask(*command: str) -> str:
    """The output of a program, which does not depend on the user's language or time zone; "" if it cannot be run."""
    environment = {**os.environ, "LC_ALL": "C", "TZ": "UTC"}
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        return done.stdout.strip()
    except OSError:
        return ""

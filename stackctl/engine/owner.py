"""Processes, told apart for good: a number alone is given to another process sooner or later."""

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
"""Seconds between two looks at a process where the kernel cannot tell of its end."""


def this_process() -> Owner:
    """The process that asks."""
    pid = os.getpid()
    return Owner(pid=pid, start=_start_of(pid) or "", boot=_boot(), space=_space(), uid=os.getuid())


def is_dead(owner: Owner, *, restarted: bool = False) -> bool:
    """Whether the process has certainly ended. What cannot be told counts as alive: a process of another user, one whose
    number means something else here (in another container, on another machine).

    `restarted`: another boot of what calls itself this machine is an earlier one, and not a twin's.
    """
    here = this_process()
    if (owner.uid, owner.space) != (here.uid, here.space):
        return False
    if owner.boot != here.boot:
        return restarted
    return _start_of(owner.pid) != owner.start


def wait_for_end(owner: Owner) -> None:
    """Return when the process has ended; the kernel tells at once where it can (pidfd_open(2))."""
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
    """A descriptor that can be read when the process has ended."""
    with suppress(OSError, AttributeError):
        return os.pidfd_open(pid)
    return None


def _start_of(pid: int) -> str | None:
    """When the process began; None if there is none, or if it has ended and only waits for its parent."""
    if not _PROC.is_dir():
        return _ask("ps", "-o", "lstart=", "-p", str(pid)) or None
    try:
        stat = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    state, *fields = stat.rpartition(")")[2].split()  # the name before it may contain anything
    return None if state in "ZX" else fields[18]


def _boot() -> str:
    """What is different after each start of the machine."""
    with suppress(OSError):
        return (_PROC / "sys/kernel/random/boot_id").read_text().strip()
    return _ask("sysctl", "-n", "kern.bootsessionuuid")


def _space() -> str:
    """What numbers its processes: the machine, and in it the namespace, as a container's numbers are not the machine's."""
    space = os.uname().nodename
    with suppress(OSError):
        space = Path("/etc/machine-id").read_text().strip() or space
    with suppress(OSError):
        space += " " + os.readlink(_PROC / "self/ns/pid")  # noqa: PTH115 "pid:[1]" is no path
    return space


def _ask(*command: str) -> str:
    """What a program says, the same whoever asks: in no language, and in no time zone."""
    environment = {**os.environ, "LC_ALL": "C", "TZ": "UTC"}
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        return done.stdout.strip()
    except OSError:
        return ""

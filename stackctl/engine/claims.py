"""Numbers, such as ports, of which each belongs to one process of this user at most. The kernel frees them however the process ends.

The holder of a number locks the byte at that place in a file (POSIX record locks: fcntl(2)). Such a lock belongs to the process: its
threads share it, and a forked child does not have it.
"""

from __future__ import annotations

import fcntl
import os
import threading

from stackctl.engine.lock import claims_file

_guard = threading.Lock()
_mine: dict[int, set[int]] = {}
"""The claimed numbers by process: a forked child finds here those of its parent."""
_handles: dict[int, int] = {}


def claim(number: int) -> bool:
    """Keep a number for this process. False if this process or another one has it."""
    with _guard:
        me = os.getpid()
        mine = _mine.setdefault(me, set())
        if number in mine:
            return False
        if me not in _handles:
            _handles[me] = claims_file()
        try:
            fcntl.lockf(_handles[me], fcntl.LOCK_EX | fcntl.LOCK_NB, 1, number)
        except (BlockingIOError, PermissionError):  # POSIX allows both
            return False
        except OSError:  # a file system without locks: then a claim holds among the threads of this process
            pass
        mine.add(number)
        return True


def give_back(number: int) -> None:
    """Let others claim the number. Does nothing if this process does not have it."""
    with _guard:
        me = os.getpid()
        if number in _mine.get(me, ()):
            _mine[me].remove(number)
            fcntl.lockf(_handles[me], fcntl.LOCK_UN, 1, number)

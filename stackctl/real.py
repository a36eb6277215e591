"""The real clock and the real files of this machine, in a test that puts others in their place (freezegun, time-machine, pyfakefs)."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_SINCE_BOOT = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""A clock that such tests leave alone, and that goes on while the machine sleeps. On macOS that is CLOCK_MONOTONIC."""
_BOOT = time.clock_gettime(time.CLOCK_REALTIME) - time.clock_gettime(_SINCE_BOOT)
"""pytest loads this module before any test."""


def real_time() -> float:
    """Seconds since the epoch, on this machine's clock."""
    return _BOOT + time.clock_gettime(_SINCE_BOOT)


def monotonic() -> float:
    """Seconds on a clock that never goes back. It stands still while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_MONOTONIC)


_guard = threading.Lock()
_users = 0
_paused: Any = None


@contextmanager
def real_files() -> Iterator[None]:
    """Within the block the whole process sees the real files. A module that is loaded meanwhile sees them later, too."""
    global _users, _paused  # noqa: PLW0603
    with _guard:
        _users += 1
        patcher = _patcher()
        if patcher is not None and patcher.is_patching:
            patcher.pause()
            _paused = patcher
    try:
        yield
    finally:
        with _guard:
            _users -= 1
            if not _users and _paused is not None:
                _paused.resume()
                _paused = None


def _patcher() -> Any:
    """The pyfakefs patcher of this process, if pyfakefs is loaded and a test uses it."""
    fakes = sys.modules.get("pyfakefs.fake_filesystem_unittest")
    return fakes and getattr(fakes.Patcher, "PATCHER", None)

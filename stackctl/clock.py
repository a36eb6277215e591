"""The clocks of this machine. They also go on in a test that stops `time.time` and `time.monotonic` (freezegun, time-machine)."""

from __future__ import annotations

import time

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

"""Real files in a test that puts a file system of its own in their place (pyfakefs): what stackctl needs is not in that one."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

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

"""What a process has started, only that process ends: a forked child has a copy of everything, while its parent goes on."""

from __future__ import annotations

import os
from contextlib import ExitStack
from types import TracebackType


class Cleanup(ExitStack):
    """An ExitStack of one process. In a forked child, whose `sys.exit` leaves the parent's blocks as well, it calls nothing."""

    def __init__(self) -> None:
        super().__init__()
        self._process = os.getpid()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if os.getpid() != self._process:
            self.pop_all()
        return bool(super().__exit__(kind, error, traceback))

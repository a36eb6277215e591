"""Stop a builder that may say nothing for minutes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_LOOK_EVERY = 0.1  # seconds


@contextmanager
def stopping(stop: Callable[[], None], cancelled: Callable[[], bool]) -> Iterator[None]:
    """Call `stop` once, from another thread, if `cancelled()` becomes true within the block."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(_LOOK_EVERY):
            if cancelled():
                stop()
                return

    watcher = threading.Thread(target=watch, name="stop-builder", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()

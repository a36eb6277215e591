"""Programs that keep running in a container to be asked many short things: an exec for each would take a tenth of a second."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from stackctl.engine.protocol import Conversation, Engine, Exec
from stackctl.errors import EngineError


@dataclass
class Console:
    """One program in one container, started when it is first asked. Safe to share between threads."""

    engine: Engine
    command: Exec
    _line: Conversation | None = field(default=None, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def ask(self, text: str, until: str, timeout: float) -> str:
        """What it answers before the line `until`. What is asked must be right to ask twice: if the program has ended
        meanwhile (its container was restarted), a new one is asked once more.

        Raises EngineError when that ended as well, or when no answer came within `timeout` seconds.
        """
        with self._lock:
            try:
                return self._ask(text, until, timeout)
            except EngineError:
                self._hang_up()
                return self._ask(text, until, timeout)

    def close(self) -> None:
        with self._lock:
            self._hang_up()

    def _ask(self, text: str, until: str, timeout: float) -> str:
        if self._line is None:
            self._line = self.engine.converse(self.command)
        try:
            return self._line.ask(text.encode(), until.encode(), timeout).decode(errors="replace")
        except EngineError:
            self._hang_up()
            raise

    def _hang_up(self) -> None:
        if self._line is not None:
            with suppress(EngineError):
                self._line.close()
            self._line = None


class Consoles:
    """The consoles of a stack, one a service."""

    def __init__(self) -> None:
        self._open: dict[str, Console] = {}
        self._lock = threading.Lock()

    def get(self, service: str, make: Callable[[], Console]) -> Console:
        with self._lock:
            if service not in self._open:
                self._open[service] = make()
            return self._open[service]

    def close(self) -> None:
        with self._lock:
            for console in self._open.values():
                console.close()
            self._open.clear()

"""Programs that keep running in a container and answer many short questions. To exec each question takes a tenth of a second."""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from stackctl.engine.protocol import Conversation, Exec, Talk
from stackctl.errors import EngineError

_PATIENCE = 5.0
"""Seconds that a program has to show that it still answers."""


@dataclass
class Console:
    """One program in one container, started when it is first asked. Safe to share between threads. A forked child gets its own
    program.
    """

    engine: Talk
    command: Exec
    say: str
    """A line that makes the program, and the server it talks to, say the word that stands for `{}`: `ECHO {}`."""
    _line: Conversation | None = field(default=None, repr=False)
    _process: int = field(default_factory=os.getpid, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def ask(self, text: str, timeout: float) -> str:
        """The answer to a question. `text` is never sent twice: to do the same thing twice may be wrong.

        Raises EngineError if the program ends, or does not answer within `timeout` seconds. Nobody can tell then whether it has
        done what `text` asks.
        """
        with self._lock:
            self._forget_the_parents()
            self._be_ready()
            return self._ask(text, timeout)

    def close(self) -> None:
        with self._lock:
            self._forget_the_parents()
            self._hang_up()

    def _forget_the_parents(self) -> None:
        """In a forked child: leave the program to the parent, which goes on talking to it."""
        if self._process != os.getpid():
            self._line, self._process = None, os.getpid()

    def _be_ready(self) -> None:
        """A program that answers: the one that was kept, or a new one if its container has been started again meanwhile."""
        if self._line is not None:
            with suppress(EngineError):
                self._ask("", _PATIENCE)
        if self._line is None:
            self._line = self.engine.converse(self.command)

    def _ask(self, text: str, timeout: float) -> str:
        assert self._line is not None
        end = f"end-{secrets.token_hex(4)}"
        script = f"{text}{self.say.format(end)}\n"
        try:
            return self._line.ask(script.encode(), end.encode(), timeout).decode(errors="replace")
        except EngineError:
            self._hang_up()
            raise

    def _hang_up(self) -> None:
        if self._line is not None:
            with suppress(EngineError):
                self._line.close()
            self._line = None


class Consoles:
    """The consoles of a stack, one for each service."""

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

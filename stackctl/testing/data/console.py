"""Programs that keep running in a container and answer many short questions. To exec each question takes a tenth of a second."""

from __future__ import annotations

import os
import secrets
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from stackctl.engine.protocol import Conversation, Exec, Talk
from stackctl.errors import EngineError
from stackctl.real import monotonic


@dataclass(eq=False)
class Message:
    """A text that was sent to a program. Its answer may come later."""

    end: str
    """The line that ends the answer."""
    answer: str | None = None
    failure: EngineError | None = None
    """Why no answer will come."""


@dataclass
class Console:
    """One program in one container, started when it is first asked. It answers one text after the other. Safe to share between
    threads. A forked child gets its own program.
    """

    engine: Talk
    command: Exec
    say: str
    """A line that makes the program, and the server it talks to, say the word that stands for `{}`: `ECHO {}`."""
    _line: Conversation | None = field(default=None, repr=False)
    _open: deque[Message] = field(default_factory=deque, repr=False)
    """What was told and is not answered yet, in order."""
    _process: int = field(default_factory=os.getpid, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def ask(self, text: str, timeout: float, *, again: bool = False) -> str:
        """The answer to a question.

        `again`: to do the same thing twice does no harm. Then a program that has ended since the last answer, because its
        container was started again, is replaced and asked once more. Else `text` is never sent twice: ask something harmless
        before.

        Raises EngineError if the program ends, or does not answer within `timeout` seconds. Nobody can tell then whether it has
        done what `text` asks.
        """
        with self._lock:
            self._forget_the_parents()
            deadline, kept = monotonic() + timeout, self._line is not None
            try:
                return self._answer(self._tell(text), deadline)
            except EngineError:
                if not (again and kept) or monotonic() >= deadline:
                    raise
            return self._answer(self._tell(text), deadline)

    def tell(self, text: str) -> Message:
        """Tell the program something, and do not wait for the answer. Raises nothing: `answer` tells how it went."""
        with self._lock:
            self._forget_the_parents()
            return self._tell(text)

    def answer(self, told: Message, timeout: float) -> str:
        """The answer to what the program was told. Raises EngineError as `ask` does."""
        with self._lock:
            self._forget_the_parents()
            return self._answer(told, monotonic() + timeout)

    def close(self) -> None:
        """End the program once it has done what it was told."""
        with self._lock:
            self._forget_the_parents()
            self._hang_up(EngineError("the program was closed"))

    def _forget_the_parents(self) -> None:
        """In a forked child: leave the program to the parent, which goes on talking to it."""
        if self._process != os.getpid():
            self._line, self._process = None, os.getpid()
            self._hang_up(EngineError("the answer belongs to the parent process"))

    def _tell(self, text: str) -> Message:
        told = Message(f"end-{secrets.token_hex(4)}")
        self._open.append(told)
        try:
            self._line = self._line or self.engine.converse(self.command)
            self._line.tell(f"{text}{self.say.format(told.end)}\n".encode())
        except EngineError as error:
            self._hang_up(error)
        return told

    def _answer(self, told: Message, deadline: float) -> str:
        while told in self._open:
            assert self._line is not None
            first = self._open[0]
            try:
                answer = self._line.ask(b"", first.end.encode(), max(0.0, round(deadline - monotonic(), 1)))
            except EngineError as error:
                self._hang_up(error)
            else:
                first.answer = answer.decode(errors="replace")
                self._open.popleft()
        if told.answer is None:
            raise told.failure or EngineError("the answer was given before")
        return told.answer

    def _hang_up(self, why: EngineError) -> None:
        """Let the program go. What it has not answered will not be answered any more."""
        for told in self._open:
            told.failure = why
        self._open.clear()
        if self._line is not None:
            with suppress(EngineError):
                self._line.close()
            self._line = None


class Closes(Protocol):
    def close(self) -> None: ...


_C = TypeVar("_C", bound=Closes)


class Consoles:
    """What is kept open for the services of a stack: one console for each service, or what uses it."""

    def __init__(self) -> None:
        self._open: dict[str, Closes] = {}
        self._lock = threading.Lock()

    def get(self, service: str, kind: type[_C], make: Callable[[], _C]) -> _C:
        with self._lock:
            if service not in self._open:
                self._open[service] = make()
            found = self._open[service]
            assert isinstance(found, kind)
            return found

    def close(self) -> None:
        with self._lock:
            for console in self._open.values():
                console.close()
            self._open.clear()

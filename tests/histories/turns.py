"""The threads of a run as turns: one at a time, in an order that a number decides. So a run happens again exactly as it did."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch


class Turn:
    """What `threading.Thread` is to `execute`."""

    def __init__(self, turns: Turns, target: Callable[..., None], args: tuple[Any, ...]) -> None:
        self._turns = turns
        self._target = target
        self._args = args

    def start(self) -> None:
        self._turns.waiting.append(self)

    def join(self) -> None:
        """Take the turn now, if it has not come yet."""
        if self in self._turns.waiting:
            self._turns.waiting.remove(self)
            self.take()

    def take(self) -> None:
        try:
            self._target(*self._args)
        except BaseException:  # the process is killed: no thread goes on
            self._turns.waiting.clear()
            raise


class Inbox(deque[Any]):
    """What `queue.SimpleQueue` is to `execute`: who waits for the next event lets the others take their turns."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns

    def put(self, event: Any) -> None:
        self.append(event)

    def get(self, timeout: float) -> Any:
        """No time passes: there is always somebody whose turn it is."""
        while not self:
            self._turns.next()
        return self.popleft()


class Turns:
    def __init__(self) -> None:
        self._order = random.Random(0)
        self.waiting: list[Turn] = []

    def begin(self, seed: int) -> None:
        """From here on turns come in the order that follows from this number."""
        self._order = random.Random(seed)
        self.waiting.clear()

    def next(self) -> None:
        self.waiting.pop(self._order.randrange(len(self.waiting))).take()

    def thread(self, target: Callable[..., None], args: tuple[Any, ...] = (), **_: Any) -> Turn:
        return Turn(self, target, args)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Within the block `execute` and one-offs have turns in place of threads."""
        with (
            patch("stackctl.engine.execute.Thread", self.thread),
            patch("stackctl.engine.execute.SimpleQueue", lambda: Inbox(self)),
            patch("stackctl.engine.execute.os", SimpleNamespace(cpu_count=lambda: 2)),
            patch("stackctl.one_off.Thread", self.thread),
        ):
            yield

"""Talk to a command in a container over one connection, and take stdout and stderr apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from stackctl.engine.transport.byte_stream import CHUNK
from stackctl.engine.transport.duplex import Duplex
from stackctl.real import monotonic

_HEADER = 8
_PAUSE = 0.05
"""Seconds after which a caller that may give up is asked again."""


class DeadlineError(Exception):
    """The time is over, and the command has not given the answer."""


class GivenUpError(Exception):
    """Nobody waits for the command any more."""


class Frames:
    """Takes stdout and stderr apart, which the engine sends in one stream of frames: stream number, length, data (Docker
    Engine API, attach). The output of a terminal has no frames: all of it is stdout.
    """

    def __init__(self, *, tty: bool = False) -> None:
        self._tty = tty
        self._data = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[str, bytes]]:
        """The stream and the data of each frame that is complete. Frames that the caller does not take come the next time."""
        if self._tty:
            return iter([("stdout", data)] if data else [])
        self._data += data
        return self._complete()

    def _complete(self) -> Iterator[tuple[str, bytes]]:
        while len(self._data) >= _HEADER:
            end = _HEADER + int.from_bytes(self._data[4:_HEADER], "big")
            if len(self._data) < end:
                return
            stream, said = "stderr" if self._data[0] == 2 else "stdout", bytes(self._data[_HEADER:end])
            del self._data[:end]
            yield stream, said


def talk(
    line: Duplex,
    frames: Frames,
    unsent: bytearray,
    deadline: float | None = None,
    *,
    last: bool = False,
    given_up: Callable[[], bool] | None = None,
) -> Iterator[tuple[str, bytes]]:
    """Send what is in `unsent`, and yield what comes until the output ends. `last`: end the input after that. What is sent is
    removed from `unsent`, so that a caller who stops early can send the rest later.

    `deadline` is a time of `real.monotonic`. Raises `DeadlineError` once it has passed, and `GivenUpError` once `given_up()`.
    """
    while True:
        if unsent:
            del unsent[: line.send(bytes(unsent[:CHUNK]))]
        if last and not unsent:
            line.end_input()
            last = False
        data, ended = line.receive()
        yield from frames.feed(data)
        if ended:
            return
        left = None if deadline is None else deadline - monotonic()
        if left is not None and left <= 0:
            raise DeadlineError
        if given_up:
            if given_up():
                raise GivenUpError
            left = _PAUSE if left is None else min(left, _PAUSE)
        line.wait(left, to_send=bool(unsent))

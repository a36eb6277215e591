"""A connection to talk both ways: to the process of an exec, or to a container."""

from __future__ import annotations

import selectors
from contextlib import suppress

from stackctl.engine.transport.byte_stream import ByteStream


class Duplex:
    """Nothing blocks: `receive` and `send` do what can be done at once."""

    def __init__(self, stream: ByteStream, head: bytes) -> None:
        """`head` is what has come already."""
        stream.unblock()
        self._stream = stream
        self._head = head

    def fileno(self) -> int:
        return self._stream.fileno()

    def receive(self) -> tuple[bytes, bool]:
        """All that has come, and whether that was the end. Ask before waiting: TLS may hold back what it has read."""
        parts, self._head = [self._head], b""
        try:
            while data := self._stream.receive():
                parts.append(data)
        except BlockingIOError:
            return b"".join(parts), False
        except ConnectionResetError:
            pass  # the end, in other words
        return b"".join(parts), True

    def send(self, data: bytes | memoryview) -> int:
        """How many bytes were taken: all, once nobody reads any more. After 0 the next call must begin with the same bytes."""
        try:
            return self._stream.send(data)
        except (BrokenPipeError, ConnectionResetError):
            return len(data)

    def wait(self, seconds: float | None, *, to_send: bool = False) -> None:
        """Until something has come, or (`to_send`) can be sent, or the time is over."""
        with selectors.DefaultSelector() as ready:
            ready.register(self, selectors.EVENT_READ | (selectors.EVENT_WRITE if to_send else 0))
            ready.select(seconds)

    def end_input(self) -> None:
        """Say that no more input comes; output still does."""
        with suppress(OSError):  # the other side may have closed first
            self._stream.end_output()

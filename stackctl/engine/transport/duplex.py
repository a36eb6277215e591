"""A connection that carries bytes both ways: to the process of an exec, or to a container."""

from __future__ import annotations

import selectors
from contextlib import suppress

from stackctl.engine.transport.byte_stream import ByteStream


class Duplex:
    """A connection whose `receive` and `send` never wait. `wait` does."""

    def __init__(self, stream: ByteStream, head: bytes) -> None:
        """`head` are the bytes that have come already."""
        stream.unblock()
        self._stream = stream
        self._head = head

    def fileno(self) -> int:
        return self._stream.fileno()

    def receive(self) -> tuple[bytes, bool]:
        """All bytes that have come, and whether they were the last. Call it before `wait`: bytes that TLS has read already do
        not wake `wait`.
        """
        parts, self._head = [self._head], b""
        try:
            while data := self._stream.receive():
                parts.append(data)
        except BlockingIOError:
            return b"".join(parts), False
        except ConnectionResetError:
            pass  # the other side has ended the connection
        return b"".join(parts), True

    def send(self, data: bytes | memoryview) -> int:
        """Send what can be sent at once; return how many bytes that were. After 0 the next call must begin with the same bytes.

        Once the other side has stopped reading, all bytes count as sent.
        """
        try:
            return self._stream.send(data)
        except (BrokenPipeError, ConnectionResetError):
            return len(data)

    def wait(self, seconds: float | None, *, to_send: bool = False) -> None:
        """Return when bytes have come, when (`to_send`) bytes can be sent, or when the time is over."""
        with selectors.DefaultSelector() as ready:
            ready.register(self, selectors.EVENT_READ | (selectors.EVENT_WRITE if to_send else 0))
            ready.select(seconds)

    def end_input(self) -> None:
        """Tell the other side that no more input comes. Output still comes."""
        with suppress(OSError):  # the other side may have closed first
            self._stream.end_output()

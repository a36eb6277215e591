"""A connection as a stream of bytes: a Unix socket or tcp, plain or under TLS. Each can close its own direction alone.

A process may guard its sockets: pytest-socket, for one, lets tests connect only to the hosts that it is told.
"""

from __future__ import annotations

import _socket
import select
import selectors
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl

CHUNK = 1 << 16
_TLS_RECORD = 1 << 14
"""Bytes of plain text that a TLS record can hold (RFC 8446, 5.1)."""


class ByteStream:
    """A connected socket. It blocks, up to its timeout, until `unblock` is called."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection

    def fileno(self) -> int:
        return self._socket.fileno()

    def set_timeout(self, seconds: float | None) -> None:
        """Seconds that one call of `receive` or `send_all` may wait; None waits for ever."""
        self._socket.settimeout(seconds)

    def unblock(self) -> None:
        """From now on `receive` and `send` never wait."""
        self._socket.setblocking(False)

    def receive(self) -> bytes:
        """The bytes that have come; b"" at the end. After `unblock`, raises BlockingIOError if nothing has come."""
        return self._socket.recv(CHUNK)

    def send_all(self, data: bytes) -> None:
        self._socket.sendall(data)

    def send(self, data: bytes | memoryview) -> int:
        """Send what can be sent at once; return how many bytes that were. After 0 the next call must begin with the same bytes."""
        try:
            return self._socket.send(data)
        except BlockingIOError:
            return 0

    def end_output(self) -> None:
        """Tell the other side that nothing more is sent. `receive` goes on."""
        self._socket.shutdown(socket.SHUT_WR)

    def is_readable(self) -> bool:
        """Whether `receive` has something to return: bytes, or the end."""
        with selectors.DefaultSelector() as ready:
            ready.register(self._socket, selectors.EVENT_READ)
            return bool(ready.select(0))

    def hang_up(self) -> None:
        """End a `receive` that waits in another thread."""
        self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._socket.close()


class TlsStream(ByteStream):
    """A `ByteStream` under TLS. TLS runs in memory (`ssl.MemoryBIO`), apart from the socket. With `SSLSocket.unwrap` instead,
    data would be lost that comes after this side's end of output and before the other side's.
    """

    def __init__(self, connection: socket.socket, context: ssl.SSLContext, host: str | None) -> None:
        """Does the TLS handshake. Raises OSError (`ssl.SSLError` is one)."""
        import ssl

        super().__init__(connection)
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self._want_read: type[Exception] = ssl.SSLWantReadError
        self._ended = (ssl.SSLZeroReturnError, ssl.SSLEOFError)
        self._read_ahead = b""
        """Plain text that was read before `receive` asked for it."""
        self._sealed = b""
        """The record that the socket has not taken completely."""
        self._taken = 0
        """How many bytes of plain text are in that record."""
        while True:
            try:
                self._tls.do_handshake()
            except self._want_read:
                self._flush()
                self._fetch()
            else:
                break
        self._flush()

    def receive(self) -> bytes:
        ahead, self._read_ahead = self._read_ahead, b""
        while not ahead:
            try:
                return self._tls.read(CHUNK)
            except self._want_read:
                self._fetch()
            except self._ended:
                return b""
        return ahead

    def is_readable(self) -> bool:
        """Bytes on the socket need not be data: a server may send session tickets at any time. So they are decrypted first."""
        while not self._read_ahead:
            try:
                self._read_ahead = self._tls.read(CHUNK)
            except self._want_read:
                if not super().is_readable():
                    return False
                self._fetch()
            except self._ended:
                return True
        return True

    def send_all(self, data: bytes) -> None:
        for start in range(0, len(data), _TLS_RECORD):
            self._tls.write(data[start : start + _TLS_RECORD])
            self._flush()

    def send(self, data: bytes | memoryview) -> int:
        """Sends one record at a time. Its plain text counts as sent once the socket has taken the whole record."""
        if not self._sealed and data:
            try:
                self._taken = self._tls.write(data[:_TLS_RECORD])
            except self._ended as error:
                raise BrokenPipeError("the other side has closed the connection") from error
            self._sealed = self._outgoing.read()
        self._sealed = self._sealed[super().send(self._sealed) :]
        if self._sealed:
            return 0
        taken, self._taken = self._taken, 0
        return taken

    def end_output(self) -> None:
        with suppress(self._want_read, *self._ended):
            while data := self._tls.read(CHUNK):  # `unwrap` fails if data is left to read
                self._read_ahead += data
        with suppress(self._want_read):  # the other side may still send data before it ends as well
            self._tls.unwrap()
        goodbye = memoryview(self._sealed + self._outgoing.read())
        while goodbye:
            select.select([], [self._socket], [])
            goodbye = goodbye[super().send(goodbye) :]

    def _fetch(self) -> None:
        data = self._socket.recv(CHUNK)
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    def _flush(self) -> None:
        self._socket.sendall(self._outgoing.read())


class GuardedError(OSError):
    """The guard does not let this connection through."""


def sockets_are_guarded() -> bool:
    """Whether something stands in the place of Python's own sockets, or of their `connect`."""
    return socket.socket.__module__ != "socket" or socket.socket.connect is not _socket.socket.connect


@contextmanager
def refusals() -> Iterator[None]:
    """Turn the refusal of a guard into an OSError. It is a RuntimeError, or its warning where warnings are errors."""
    try:
        yield
    except (RuntimeError, UserWarning) as error:
        if not sockets_are_guarded():
            raise
        raise GuardedError(str(error)) from None

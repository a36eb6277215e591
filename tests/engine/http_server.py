"""A server that says what it is told to, byte for byte, so that a transport meets every way to answer."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress

from stackctl.engine.transport.byte_stream import ByteStream
from stackctl.engine.transport.client import WireClient
from stackctl.engine.transport.wire import Wire
from stackctl.errors import EngineError

Script = Callable[[socket.socket], None]


class Scripted:
    """A `dial` for a `Wire`: the connections it opens are served by the scripts, one after the other."""

    def __init__(self, *scripts: Script) -> None:
        self._scripts = list(scripts)
        self.asked: list[bytes] = []
        """What came over each connection, by the time it was read."""
        self._threads: list[threading.Thread] = []

    def pair(self) -> socket.socket:
        """Our end of a connection whose other end is served by the next script."""
        ours, theirs = socket.socketpair()
        number, script = len(self.asked), self._scripts.pop(0)
        self.asked.append(b"")

        def serve() -> None:
            with theirs, suppress(OSError):
                self.asked[number] += read_request(theirs)
                script(theirs)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        self._threads.append(thread)
        ours.settimeout(10)
        return ours

    def join(self) -> None:
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive()


def read_request(connection: socket.socket) -> bytes:
    """The head of a request, and of its body what its Content-Length says."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(1 << 16)
        if not more:
            return data
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            while len(body) < int(value):
                body += connection.recv(1 << 16)
    return head + b"\r\n\r\n" + body


def says(*pieces: bytes, again: Sequence[Iterable[bytes]] = (), pause: float = 0) -> Script:
    """Write the pieces, each in a packet of its own; and for each request that follows the next of `again`."""

    def script(connection: socket.socket) -> None:
        for answer in (pieces, *again):
            if answer is not pieces and not read_request(connection):
                return
            for piece in answer:
                connection.sendall(piece)
                time.sleep(pause)

    return script


def keeps_open(*pieces: bytes) -> Script:
    """Write the pieces, and then wait until the other side hangs up."""

    def script(connection: socket.socket) -> None:
        for piece in pieces:
            connection.sendall(piece)
        while connection.recv(1 << 16):
            pass

    return script


def refuses(status: int, message: str) -> Script:
    """Answer as an engine that does not do what it is asked for, and hang up."""
    return _answers(status, b'{"message":"%b"}' % message.encode())


def tells(value: object) -> Script:
    """Answer with JSON, and hang up."""
    return _answers(200, json.dumps(value).encode())


def _answers(status: int, body: bytes) -> Script:
    head = b"HTTP/1.1 %d S\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % (status, len(body))
    return says(head + body)


@contextmanager
def asking(*answers: Script) -> Iterator[WireClient]:
    """A client of an engine that answers one call after the other so."""
    server = Scripted(*answers)
    wire = Wire(lambda: ByteStream(server.pair()), {"Host": "docker"})
    with closing(WireClient(wire, "1.41", lambda error: EngineError(str(error)))) as client:
        yield client
    server.join()

"""A way to the engine that remembers what was asked: a Unix socket in front of the engine's own."""

from __future__ import annotations

import re
import select
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self
from weakref import WeakKeyDictionary

_READS = frozenset({"GET", "HEAD"})


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    """Without the API's version: `/containers/json?all=1`."""

    @property
    def writes(self) -> bool:
        return self.method not in _READS

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True)
class Exchange:
    """A request that has come, which somebody answers in the engine's place. Its connection ends afterwards."""

    request: Request
    _engine: Path
    _head: bytes
    _asked: BinaryIO
    _client: socket.socket

    def answer(self, data: bytes) -> None:
        """Say this to the client."""
        self._client.sendall(data)

    def drop(self) -> None:
        """Read the whole request, and do nothing with it. Closed before that, the connection would be reset."""
        _pass_body(self._head, self._asked, lambda _: None)

    def engine_answers(self) -> bytes:
        """Let the engine have the request. Returns its answer, as far as it has come with the end of the head."""
        data = b""
        with socket.socket(socket.AF_UNIX) as engine:
            engine.connect(str(self._engine))
            engine.sendall(self._head)
            _pass_body(self._head, self._asked, engine.sendall)
            while b"\r\n\r\n" not in data and (more := engine.recv(65536)):
                data += more
        return data

    def await_hang_up(self) -> None:
        """Wait until the client wants no answer any more."""
        while self._asked.read1():  # type: ignore[attr-defined]
            pass


class RecordingProxy:
    """Forwards connections byte for byte and keeps the head of each request, in the order in which they came.

    `asked` is called with each request before the engine has it, `sent` once the engine has all of it. If `instead` returns a function
    for a request, that one answers, and not the engine. A connection that asks for an upgrade (an exec, a build session) is no longer
    HTTP from there on: it is passed on unread. With a port it is reached by tcp on loopback.
    """

    def __init__(self, engine: Path, path: Path, port: int = 0) -> None:
        self.path = path
        self.host = f"tcp://127.0.0.1:{port}" if port else f"unix://{path}"
        self.requests: list[Request] = []
        self.asked: Callable[[Request], None] = lambda _: None
        self.sent: Callable[[Request], None] = lambda _: None
        self.instead: Callable[[Request], Callable[[Exchange], None] | None] = lambda _: None
        self._engine = engine
        self._record = threading.Lock()
        self._served = threading.Condition()
        self._serving = 0
        self._last: WeakKeyDictionary[socket.socket, Request] = WeakKeyDictionary()
        self._server = socket.socket(socket.AF_INET if port else socket.AF_UNIX)
        self._server.bind(("127.0.0.1", port) if port else str(path))

    @property
    def writes(self) -> list[str]:
        return [str(request) for request in self.requests if request.writes]

    def forget(self) -> None:
        self.requests.clear()

    def settle(self, seconds: float = 60.0) -> None:
        """Wait until the engine has answered all that was asked, also by a process that is killed and hears no answer."""
        with self._served:
            assert self._served.wait_for(lambda: not self._serving, seconds)

    def __enter__(self) -> Self:
        self._server.listen(128)
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()

    def _accept(self) -> None:
        with suppress(OSError):  # the server was closed
            while True:
                client, _ = self._server.accept()
                with self._served:
                    self._serving += 1
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            self._pass_all(client)
        finally:
            with self._served:
                self._serving -= 1
                self._served.notify_all()

    def _pass_all(self, client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as engine, suppress(OSError):
            engine.connect(str(self._engine))
            answers = threading.Thread(target=_pass_on, args=(engine, client), daemon=True)
            answers.start()
            with client.makefile("rb") as asked:
                while self._forward(asked, engine, client):
                    pass
            with suppress(OSError):  # the engine closed first
                engine.shutdown(socket.SHUT_WR)
            while answers.is_alive() and not (self._listens(client) and _has_hung_up(client)):
                answers.join(0.1)
            with suppress(OSError):
                engine.shutdown(socket.SHUT_RDWR)
            answers.join()

    def _listens(self, client: socket.socket) -> bool:
        """Whether the client's last request has an answer that goes on until a container ends, which may be never."""
        last = self._last.get(client)
        return last is not None and last.path.partition("?")[0].endswith(("/wait", "/attach"))

    def _forward(self, asked: BinaryIO, engine: socket.socket, client: socket.socket) -> bool:
        """Pass one request on; False when there is none left."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = asked.readline()
            if not line:
                return False
            head += line
        method, path, _ = head.split(b" ", 2)
        request = Request(method.decode(), re.sub(r"^/v[\d.]+", "", path.decode()))
        with self._record:
            self.requests.append(request)
            self._last[client] = request
        self.asked(request)
        if answer := self.instead(request):
            answer(Exchange(request, self._engine, head, asked, client))
            return False
        engine.sendall(head)
        if re.search(rb"^upgrade:", head, re.IGNORECASE | re.MULTILINE):
            while data := asked.read1():  # type: ignore[attr-defined]
                engine.sendall(data)
            return False
        _pass_body(head, asked, engine.sendall)
        with self._record:
            self.sent(request)
        return True


def _pass_body(head: bytes, asked: BinaryIO, send: Callable[[bytes], None]) -> None:
    if length := re.search(rb"^content-length: *(\d+)", head, re.IGNORECASE | re.MULTILINE):
        left = int(length[1])
        while left and (data := asked.read(min(left, 65536))):
            send(data)
            left -= len(data)
    elif re.search(rb"^transfer-encoding: *chunked", head, re.IGNORECASE | re.MULTILINE):
        while line := asked.readline():
            send(line)
            size = int(line.split(b";")[0], 16)
            send(asked.read(size + 2))
            if size == 0:
                return


def _has_hung_up(client: socket.socket) -> bool:
    """Whether the other side has closed both directions."""
    poll = select.poll()
    poll.register(client, 0)
    return any(event & select.POLLHUP for _, event in poll.poll(0))


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):  # an engine that dies resets the connection: its end is passed on as well
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)

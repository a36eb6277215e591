"""A way to the engine that remembers what was asked: a Unix socket in front of the engine's own."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self

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


class RecordingProxy:
    """Forwards connections byte for byte and keeps the head of each request, in the order in which they came.

    `asked` is called with each request before the engine has it, `sent` once the engine has all of it. A connection that asks for an upgrade (an exec, a build
    session) is no longer HTTP from there on: it is passed on unread.
    """

    def __init__(self, engine: Path, path: Path) -> None:
        self.path = path
        self.requests: list[Request] = []
        self.asked: Callable[[Request], None] = lambda _: None
        self.sent: Callable[[Request], None] = lambda _: None
        self._engine = engine
        self._record = threading.Lock()
        self._served = threading.Condition()
        self._serving = 0
        self._server = socket.socket(socket.AF_UNIX)

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
        self._server.bind(str(self.path))
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
                while self._forward(asked, engine):
                    pass
            with suppress(OSError):  # the engine closed first
                engine.shutdown(socket.SHUT_WR)
            answers.join()

    def _forward(self, asked: BinaryIO, engine: socket.socket) -> bool:
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
        self.asked(request)
        engine.sendall(head)
        if re.search(rb"^upgrade:", head, re.IGNORECASE | re.MULTILINE):
            while data := asked.read1():  # type: ignore[attr-defined]
                engine.sendall(data)
            return False
        _pass_body(head, asked, engine)
        with self._record:
            self.sent(request)
        return True


def _pass_body(head: bytes, asked: BinaryIO, engine: socket.socket) -> None:
    if length := re.search(rb"^content-length: *(\d+)", head, re.IGNORECASE | re.MULTILINE):
        left = int(length[1])
        while left and (data := asked.read(min(left, 65536))):
            engine.sendall(data)
            left -= len(data)
    elif re.search(rb"^transfer-encoding: *chunked", head, re.IGNORECASE | re.MULTILINE):
        while line := asked.readline():
            engine.sendall(line)
            size = int(line.split(b";")[0], 16)
            engine.sendall(asked.read(size + 2))
            if size == 0:
                return


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):  # an engine that dies resets the connection: its end is passed on as well
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)

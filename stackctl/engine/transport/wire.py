"""HTTP/1.1 for the calls that look at an engine, listen to its events, or talk with its containers.

h11 knows the protocol and touches no socket. So the connection can carry bytes both ways after an answer's head.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import h11

from stackctl.engine.transport.byte_stream import ByteStream
from stackctl.engine.transport.duplex import Duplex
from stackctl.engine.transport.messages import Request, SilentError

_IDLE = 64
"""How many idle connections are kept for later requests, at most."""
_LONGEST_HEAD = 1 << 16
_SLOW = 3.0
"""After this many seconds without an answer the user is told what is waited for."""
_SAFE_TO_REPEAT = ("GET", "HEAD")


class Wire:
    """A `Transport`. Each request uses one connection alone, until its answer is read.

    `dial` opens a connection. `headers` are sent with every request. `slow` is called if an answer that has a time limit
    is late.
    """

    def __init__(
        self,
        dial: Callable[[], ByteStream],
        headers: Mapping[str, str],
        slow: Callable[[], None] = lambda: None,
    ) -> None:
        self._dial = dial
        self._slow = slow
        self._headers = dict(headers)
        self._idle: list[_Connection] = []
        self._lock = threading.Lock()

    def send(self, request: Request) -> WireAnswer:
        return self.send_all([request])[0]

    def send_all(self, requests: Sequence[Request]) -> list[WireAnswer]:
        """Send all requests, then wait for all answers. Answers are in the order of the requests."""
        asked: list[_Connection] = []
        try:
            asked.extend(self._ask(request) for request in requests)
            return [self._answer(*pair) for pair in zip(requests, asked, strict=True)]
        except BaseException:
            for connection in asked:
                connection.close()
            raise

    def close(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _ask(self, request: Request) -> _Connection:
        """Send the request; return the connection that was used. A request that is safe to repeat is sent again if an idle
        connection turns out to be closed.
        """
        connection = self._take()
        try:
            connection.ask(request, self._headers)
        except BaseException as error:
            connection.close()
            if connection.is_stale and isinstance(error, ConnectionError) and _repeatable(request):
                return self._ask(request)
            raise
        return connection

    def _answer(self, request: Request, connection: _Connection) -> WireAnswer:
        try:
            head = connection.head(request.timeout, self._slow)
            return WireAnswer(head, connection, self._give)
        except BaseException as error:
            connection.close()
            if connection.is_stale and isinstance(error, ConnectionError) and _repeatable(request):
                return self._answer(request, self._ask(request))
            raise

    def _take(self) -> _Connection:
        """An idle connection that the engine has not closed; else a new one."""
        while True:
            with self._lock:
                connection = self._idle.pop() if self._idle else None
            if connection is None:
                return _Connection(self._dial())
            if not connection.stream.is_readable():
                return connection
            connection.close()

    def _give(self, connection: _Connection) -> None:
        with self._lock:
            keep = len(self._idle) < _IDLE
            if keep:
                self._idle.append(connection)
        if not keep:
            connection.close()


class WireAnswer:
    """An `Answer`. Once it is read to its end, its connection can carry another request."""

    def __init__(self, head: _Head, connection: _Connection, give: Callable[[_Connection], None]) -> None:
        self.status: int = head.status_code
        self.reason = bytes(head.reason).decode("latin-1")
        self.headers: Mapping[str, str] = {
            bytes(name).decode("latin-1"): bytes(value).decode("latin-1") for name, value in head.headers
        }
        self._connection = connection
        self._give = give
        self._over = False

    def read(self) -> bytes:
        return b"".join(self.chunks())

    def chunks(self) -> Iterator[bytes]:
        while not self._over:
            try:
                event = self._connection.event()
            except BaseException:
                self.close()
                raise
            if type(event) is h11.Data:
                yield bytes(event.data)
            else:
                self._over = True
                if self._connection.is_reusable():
                    self._give(self._connection)
                else:
                    self._connection.close()

    def upgrade(self) -> Duplex:
        """The connection, which now carries bytes both ways. It is closed with the answer."""
        return Duplex(self._connection.stream, self._connection.trailing())

    def hang_up(self) -> None:
        """End a read that waits in another thread."""
        if not self._over:
            with suppress(OSError):  # the connection may end by itself at this moment
                self._connection.stream.hang_up()

    def close(self) -> None:
        if not self._over:
            self._over = True
            self._connection.close()


_Head = h11.Response | h11.InformationalResponse


class _Connection:
    """A connection, and the state of its present request and answer."""

    def __init__(self, stream: ByteStream) -> None:
        self.stream = stream
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=_LONGEST_HEAD)
        self._used = False
        self._heard = False
        """Whether at least one byte of the present answer has come."""

    @property
    def is_stale(self) -> bool:
        """Whether the connection was idle before this request, and no byte of an answer has come: the other side may have
        closed it long ago.
        """
        return self._used and not self._heard

    def ask(self, request: Request, headers: Mapping[str, str]) -> None:
        body = request.body
        framing = {}
        if isinstance(body, bytes):
            framing = {"Content-Length": str(len(body))}
        elif body is not None:
            framing = {"Transfer-Encoding": "chunked"}
        elif request.method in ("POST", "PUT"):
            framing = {"Content-Length": "0"}
        sent = {**headers, **request.headers, **framing}
        self.stream.set_timeout(request.timeout)
        head = self._send(
            h11.Request(method=request.method, target=request.target, headers=list(sent.items()))
        )
        if body is None or isinstance(body, bytes):
            data = self._send(h11.Data(data=body)) if body else b""
            self.stream.send_all(head + data + self._send(h11.EndOfMessage()))
            return
        self.stream.send_all(head)
        with suppress(BrokenPipeError, ConnectionResetError):  # a refused upload: the answer says why
            for part in body:
                if self.stream.is_readable():
                    return  # the answer has come already: the engine does not read the rest
                self.stream.send_all(self._send(h11.Data(data=part)))
            self.stream.send_all(self._send(h11.EndOfMessage()))

    def head(self, timeout: float | None, slow: Callable[[], None]) -> _Head:
        """The head of the answer. Raises SilentError if it has not come within `timeout` seconds."""
        if timeout is None:
            return self._head()
        first = min(timeout, _SLOW)
        self.stream.set_timeout(first)
        try:
            return self._head()
        except TimeoutError:
            if timeout == first:
                raise SilentError("no answer in time") from None
            slow()
            self.stream.set_timeout(timeout - first)
            return self._late_head()
        finally:
            self.stream.set_timeout(timeout)

    def _late_head(self) -> _Head:
        try:
            return self._head()
        except TimeoutError:
            raise SilentError("no answer in time") from None

    def _head(self) -> _Head:
        while True:
            event = self.event()
            if type(event) is h11.Response or (
                type(event) is h11.InformationalResponse and event.status_code == 101
            ):
                return event

    def event(self) -> Any:
        """The next h11 event from the other side. Raises ConnectionError if the connection ends, or if what comes is not
        HTTP.
        """
        try:
            while (event := self._http.next_event()) is h11.NEED_DATA:
                data = self.stream.receive()
                if not data and not self._heard:
                    raise ConnectionResetError("the connection was closed without an answer")
                self._heard = True
                self._http.receive_data(data)
        except h11.RemoteProtocolError as error:
            if self._http.trailing_data[1]:
                raise ConnectionResetError("the connection broke off in the middle of an answer") from error
            raise ConnectionError(f"the server there does not speak HTTP: {error}") from error
        return event

    def trailing(self) -> bytes:
        """The bytes that came after the head of an answer whose connection is no longer HTTP."""
        return self._http.trailing_data[0]

    def is_reusable(self) -> bool:
        """Make the connection ready for another request. Return whether that is possible."""
        if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
            return False
        self._http.start_next_cycle()
        self._used, self._heard = True, False
        return True

    def close(self) -> None:
        self.stream.close()

    def _send(self, event: h11.Event) -> bytes:
        try:
            return self._http.send(event) or b""
        except h11.LocalProtocolError as error:
            raise OSError(f"this is no HTTP request: {error}") from error


def _repeatable(request: Request) -> bool:
    return request.method in _SAFE_TO_REPEAT and request.body is None

"""HTTP/1.1 for the calls that look at an engine, listen to its events, or talk with its containers."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress

from stackctl.engine.transport.byte_stream import ByteStream
from stackctl.engine.transport.duplex import Duplex
from stackctl.engine.transport.http1 import AnswerReader, Head, chunk, request_head
from stackctl.engine.transport.messages import Request, SilentError

_IDLE = 64
"""How many idle connections are kept for later requests, at most."""
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
        self._process = os.getpid()
        self._pending: set[_Connection] = set()
        """Connections whose answers nobody has waited for yet."""
        self._lock = threading.Lock()

    def send(self, request: Request) -> WireAnswer:
        return self.send_all([request])[0]

    def send_all(self, requests: Sequence[Request]) -> list[WireAnswer]:
        """Send all requests, then wait for all answers. Answers are in the order of the requests."""
        return self.ask_all(requests)()

    def ask_all(self, requests: Sequence[Request]) -> Callable[[], list[WireAnswer]]:
        """Send all requests. The function that is returned waits for the answers; it is called once at most."""
        asked: list[_Connection] = []
        try:
            asked.extend(self._ask(request) for request in requests)
        except BaseException:
            _close(asked)
            raise
        self._pending.update(asked)

        def answers() -> list[WireAnswer]:
            self._pending.difference_update(asked)
            try:
                return [self._answer(*pair) for pair in zip(requests, asked, strict=True)]
            except BaseException:
                _close(asked)
                raise

        return answers

    def close(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        _close([*idle, *self._pending])

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
            head = connection.head(request.head_timeout or request.timeout, self._slow)
            connection.stream.set_timeout(request.timeout)
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
                if self._process != os.getpid():  # a forked child: its parent goes on using these connections
                    self._idle, self._process = [], os.getpid()
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

    def __init__(self, head: Head, connection: _Connection, give: Callable[[_Connection], None]) -> None:
        self.status = head.status
        self.reason = head.reason
        self.headers = head.headers
        self._connection = connection
        self._give = give
        self._over = False

    def read(self) -> bytes:
        return b"".join(self.chunks())

    def chunks(self) -> Iterator[bytes]:
        while not self._over:
            try:
                piece = self._connection.piece()
            except BaseException:
                self.close()
                raise
            if piece:
                yield piece
            else:
                self._over = True
                if self._connection.is_reusable():
                    self._give(self._connection)
                else:
                    self._connection.close()

    def upgrade(self) -> Duplex:
        """The connection, which now carries bytes both ways, without a time limit. It is closed with the answer."""
        self._connection.stream.set_timeout(None)
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


class _Connection:
    """A connection, and the state of its present request and answer."""

    def __init__(self, stream: ByteStream) -> None:
        self.stream = stream
        self._answers = AnswerReader(self._receive)
        self._method = ""
        """The method of the request that was sent last."""
        self._lasting = True
        """Whether the connection can carry another request after the present answer."""
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
        self._method = request.method
        self.stream.set_timeout(request.timeout)
        head = request_head(request.method, request.target, sent)
        if body is None or isinstance(body, bytes):
            self.stream.send_all(head + (body or b""))
            return
        self._lasting = False  # until the whole body is sent
        self.stream.send_all(head)
        with suppress(BrokenPipeError, ConnectionResetError):  # a refused upload: the answer says why
            for part in filter(None, body):
                if self.stream.is_readable():
                    return  # the answer has come already: the engine does not read the rest
                self.stream.send_all(chunk(part))
            self.stream.send_all(chunk(b""))
            self._lasting = True

    def head(self, timeout: float | None, slow: Callable[[], None]) -> Head:
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

    def _late_head(self) -> Head:
        try:
            return self._head()
        except TimeoutError:
            raise SilentError("no answer in time") from None

    def _head(self) -> Head:
        head = self._answers.head(self._method)
        self._lasting = self._lasting and head.lasting
        return head

    def piece(self) -> bytes:
        """The next bytes of the body; b"" at its end."""
        return self._answers.piece()

    def trailing(self) -> bytes:
        """The bytes that came after the head of an answer whose connection is no longer HTTP."""
        return bytes(self._answers.unread)

    def is_reusable(self) -> bool:
        """Whether the connection can carry another request. If so, it is made ready for one."""
        if not self._lasting or self._answers.unread:
            return False
        self._used, self._heard = True, False
        return True

    def close(self) -> None:
        self.stream.close()

    def _receive(self) -> bytes:
        data = self.stream.receive()
        self._heard = self._heard or bool(data)
        return data


def _close(connections: Iterable[_Connection]) -> None:
    for connection in connections:
        connection.close()


def _repeatable(request: Request) -> bool:
    return request.method in _SAFE_TO_REPEAT and request.body is None

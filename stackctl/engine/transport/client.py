"""The Docker API as plain JSON over one pool of connections. Whatever goes wrong comes out as an `EngineError`.

Of the SDK only the transport and the login are used: its models drop fields (`StartInterval`), take one call per
object, and swallow errors in streams.
"""

from __future__ import annotations

import json
import os
import select
import selectors
import socket
import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import quote

import requests
import urllib3
from docker import APIClient

from stackctl.engine.transport.unreachable import unreachable
from stackctl.errors import EngineError

Json = Any


class RefusedError(EngineError):
    """The engine answered, with an error. `status` is HTTP's; 0 for an error reported within a stream."""

    def __init__(self, message: str, hint: str = "", *, status: int = 0) -> None:
        super().__init__(message, hint)
        self.status = status


class Client:
    """Calls of one engine. Safe to share between threads; not across a fork.

    A path is given as segments, which are quoted. Parameters that are None are left out; mappings and lists become JSON,
    booleans 1 and 0.
    """

    def __init__(
        self,
        api: APIClient,
        version: str,
        endpoint: str,
        complaint: Callable[[], str],
        close: Callable[[], None],
    ) -> None:
        """`complaint` returns what the way to the engine had to say (ssh), `close` takes that way down."""
        self._api = api
        self._complaint = complaint
        self._close = close
        self.endpoint = endpoint
        self._base = f"{api.base_url}/v{version}"
        major, minor = version.split(".")[:2]
        self.version = (int(major), int(minor))

    def get(self, *path: str, **params: object) -> Json:
        return self._json("GET", path, params)

    def post(
        self,
        *path: str,
        body: object = None,
        timeout: float | None = None,
        **params: object,
    ) -> Json:
        """`timeout` in seconds, instead of the pool's own."""
        return self._json("POST", path, params, body=body, timeout=timeout)

    def delete(self, *path: str, **params: object) -> Json:
        return self._json("DELETE", path, params)

    def put(self, *path: str, data: Iterable[bytes], **params: object) -> Json:
        """The data goes out as it comes, in chunks."""
        return self._json("PUT", path, params, data=data)

    def head(self, *path: str, **params: object) -> Mapping[str, str]:
        """The headers of the answer."""
        with self.errors():
            return self._request("HEAD", path, params, timeout=self._api.timeout).headers

    def get_with_headers(self, *path: str) -> tuple[Json, Mapping[str, str]]:
        with self.errors():
            response = self._request("GET", path, {}, timeout=self._api.timeout)
            return response.json(), response.headers

    @contextmanager
    def stream(
        self,
        method: str,
        *path: str,
        body: object = None,
        data: Iterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        **params: object,
    ) -> Iterator[requests.Response]:
        """The answer, to be read bit by bit and closed at the end. `timeout`: seconds of silence; None waits for ever."""
        with self.errors():
            response = self._request(
                method,
                path,
                params,
                body=body,
                data=data,
                headers=headers,
                timeout=(self._api.timeout, timeout),
                stream=True,
            )
            try:
                yield response
            finally:
                response.close()

    @contextmanager
    def hijack(self, *path: str, body: object) -> Iterator[Duplex]:
        """Make the connection of a POST a line to talk both ways (Docker Engine API, attach)."""
        upgrade = {"Connection": "Upgrade", "Upgrade": "tcp"}
        with self.stream("POST", *path, body=body, headers=upgrade) as response:
            yield Duplex(response)

    @contextmanager
    def errors(self) -> Iterator[None]:
        """What goes wrong on the way to the engine comes out as an `EngineError`."""
        try:
            yield
        except EngineError:
            raise
        except (OSError, urllib3.exceptions.HTTPError) as error:  # requests' own errors are OSErrors
            raise unreachable(self.endpoint, error, self._complaint()) from error

    def close(self) -> None:
        self._api.close()
        self._close()

    def _json(
        self,
        method: str,
        path: tuple[str, ...],
        params: Mapping[str, object],
        body: object = None,
        data: Iterable[bytes] | None = None,
        timeout: float | None = None,
    ) -> Json:
        with self.errors():
            response = self._request(
                method, path, params, body=body, data=data, timeout=timeout or self._api.timeout
            )
            return response.json() if response.content else None

    def _request(
        self,
        method: str,
        path: tuple[str, ...],
        params: Mapping[str, object],
        body: object = None,
        data: Iterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | tuple[float, float | None] | None = None,
        stream: bool = False,
    ) -> requests.Response:
        sent = dict(headers or {})
        payload: Iterable[bytes] | str | None = data
        if body is not None:
            sent["Content-Type"] = "application/json"
            payload = json.dumps(body)
        response = self._api.request(
            method,
            "/".join([self._base, *(quote(part, "/:@") for part in path)]),
            params={name: _parameter(value) for name, value in params.items() if value is not None},
            data=payload,
            headers=sent,
            timeout=timeout,
            stream=stream,
        )
        if response.status_code >= 400:
            with response:
                raise RefusedError(_message(response), status=response.status_code)
        return response


class Duplex:
    """A line to a process in a container. Nothing blocks: `receive` and `send` do what can be done at once."""

    def __init__(self, response: requests.Response) -> None:
        answer: Any = response.raw
        self._socket = raw_socket(response)
        self._socket.setblocking(False)
        self._head = self._buffered(answer._fp.fp)

    def fileno(self) -> int:
        return self._socket.fileno()

    def receive(self) -> tuple[bytes, bool]:
        """All that has come, and whether that was the end. Ask before waiting: TLS may hold back what it has read."""
        parts, self._head = [self._head], b""
        try:
            while data := self._socket.recv(1 << 16):
                parts.append(data)
        except (BlockingIOError, ssl.SSLWantReadError):
            return b"".join(parts), False
        except (ConnectionResetError, ssl.SSLZeroReturnError, ssl.SSLEOFError):
            pass  # the end, in other words
        return b"".join(parts), True

    def send(self, data: bytes | memoryview) -> int:
        """How many bytes were taken: all, once nobody reads any more."""
        try:
            return self._socket.send(data)
        except (BlockingIOError, ssl.SSLWantWriteError):
            return 0
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
            if isinstance(self._socket, ssl.SSLSocket):
                self._end_tls_input(self._socket)
            else:
                self._socket.shutdown(socket.SHUT_WR)

    def _end_tls_input(self, connection: ssl.SSLSocket) -> None:
        """Send TLS's goodbye. `unwrap` also reads, and loses what it reads: meanwhile another socket stands for the line."""
        self._head = self.receive()[0]
        number = connection.fileno()
        ours, theirs = socket.socketpair()
        with ours, theirs, socket.socket(fileno=os.dup(number)) as line:
            ours.setblocking(False)
            os.dup2(ours.fileno(), number, inheritable=False)
            try:
                with suppress(ssl.SSLWantReadError):
                    connection.unwrap()
            finally:
                os.dup2(line.fileno(), number, inheritable=False)
            goodbye = theirs.recv(1 << 10)
            select.select([], [line], [])
            line.send(goodbye)

    @staticmethod
    def _buffered(reader: Any) -> bytes:
        """What came in one packet with the headers of the answer."""
        try:
            return bytes(reader.read1(len(reader.peek())))
        except (BlockingIOError, ssl.SSLWantReadError):
            return b""


def objects(response: requests.Response) -> Iterator[dict[str, Any]]:
    """The JSON objects of a streamed answer, one a line, as they come."""
    for line in response.iter_lines():
        if line.strip():
            yield json.loads(line)


def raw_socket(response: requests.Response) -> socket.socket:
    """The connection below a streamed answer, to hang up from another thread or to talk both ways."""
    answer: Any = response.raw
    connection: socket.socket = answer._fp.fp.raw._sock  # there is no public way from an answer to its socket
    return connection


def _parameter(value: object) -> str:
    match value:
        case bool():
            return str(int(value))
        case dict() | list():
            return json.dumps(value)
    return str(value)


def _message(response: requests.Response) -> str:
    """What the engine says is wrong: `{"message": …}`, or plain text of a proxy in between."""
    try:
        answer = response.json()
    except ValueError:
        answer = None
    message = answer.get("message") if isinstance(answer, dict) else None
    return str(message or response.text or f"{response.status_code} {response.reason}").strip()

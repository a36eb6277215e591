"""The Docker API as plain JSON over a transport. Whatever goes wrong comes out as an `EngineError`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, Generic, NamedTuple, TypeVar
from urllib.parse import quote, urlencode

from stackctl.engine.transport.duplex import Duplex
from stackctl.engine.transport.messages import Answer, Request, Transport, lines
from stackctl.engine.transport.wire import Wire, WireAnswer
from stackctl.errors import EngineError

Json = Any

ANSWER_TIMEOUT = 300.0
"""Seconds a call may take: creating from a large image on a slow disk does take minutes."""
LOOK_TIMEOUT = 60.0
"""Seconds for an answer to a plain question."""

A = TypeVar("A", bound=Answer)


class Found(NamedTuple):
    """What an answer says, and its headers, their names in small letters."""

    body: Json
    headers: Mapping[str, str]


class RefusedError(EngineError):
    """The engine answered, with an error. `status` is HTTP's; 0 for an error reported within a stream."""

    def __init__(self, message: str, hint: str = "", *, status: int = 0) -> None:
        super().__init__(message, hint)
        self.status = status


class JsonClient(Generic[A]):
    """Calls of one engine. Safe to share between threads; not across a fork.

    A path is given as segments, which are quoted. Parameters that are None are left out; mappings and lists become JSON,
    booleans 1 and 0.
    """

    def __init__(
        self,
        transport: Transport[A],
        version: str,
        unreachable: Callable[[OSError], EngineError],
    ) -> None:
        """`unreachable` tells what is wrong when the engine cannot be reached."""
        self._transport = transport
        self._unreachable = unreachable
        self._base = f"/v{version}"
        major, minor = version.split(".")[:2]
        self.version = (int(major), int(minor))

    def get(self, *path: str, timeout: float = LOOK_TIMEOUT, **params: object) -> Json:
        """`timeout` in seconds."""
        return self._json(self._request("GET", path, params, timeout=timeout))

    def post(
        self,
        *path: str,
        body: object = None,
        timeout: float = ANSWER_TIMEOUT,
        **params: object,
    ) -> Json:
        """`timeout` in seconds."""
        return self._json(self._request("POST", path, params, body=body, timeout=timeout))

    def delete(self, *path: str, **params: object) -> Json:
        return self._json(self._request("DELETE", path, params))

    def put(self, *path: str, data: Iterable[bytes], **params: object) -> Json:
        """The data goes out as it comes, in chunks."""
        return self._json(self._request("PUT", path, params, data=data))

    def head(self, *path: str, **params: object) -> Mapping[str, str]:
        """The headers of the answer, their names in small letters."""
        with self.errors(), self._answer(self._request("HEAD", path, params, timeout=LOOK_TIMEOUT)) as answer:
            return answer.headers

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
    ) -> Iterator[A]:
        """The answer, to be read bit by bit and closed at the end. `timeout`: seconds of silence; None waits for ever."""
        request = self._request(method, path, params, body=body, data=data, headers=headers, timeout=timeout)
        with self.errors(), self._answer(request) as answer:
            yield answer

    @contextmanager
    def errors(self) -> Iterator[None]:
        """What goes wrong on the way to the engine comes out as an `EngineError`."""
        try:
            yield
        except OSError as error:
            raise self._unreachable(error) from error

    def close(self) -> None:
        self._transport.close()

    def _json(self, request: Request) -> Json:
        with self.errors(), self._answer(request) as answer:
            content = answer.read()
            return json.loads(content) if content else None

    @contextmanager
    def _answer(self, request: Request) -> Iterator[A]:
        """Raises `RefusedError` for one that is an error."""
        answer = self._transport.send(request)
        try:
            _check(answer)
            yield answer
        finally:
            answer.close()

    def _request(
        self,
        method: str,
        path: tuple[str, ...],
        params: Mapping[str, object],
        *,
        body: object = None,
        data: Iterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = ANSWER_TIMEOUT,
    ) -> Request:
        sent = dict(headers or {})
        content: bytes | Iterable[bytes] | None = data
        if body is not None:
            sent["Content-Type"] = "application/json"
            content = json.dumps(body).encode()
        target = "/".join([self._base, *(quote(part, "/:@") for part in path)])
        if given := {name: _parameter(value) for name, value in params.items() if value is not None}:
            target += "?" + urlencode(given)
        return Request(method=method, target=target, headers=sent, body=content, timeout=timeout)


class Client(JsonClient[Answer]):
    """Over any transport."""


class WireClient(JsonClient[WireAnswer]):
    """Looks at an engine, listens to it, and talks with what runs there."""

    def __init__(self, wire: Wire, version: str, unreachable: Callable[[OSError], EngineError]) -> None:
        super().__init__(wire, version, unreachable)
        self._wire = wire

    def get_all(self, *calls: tuple[tuple[str, ...], Mapping[str, object]]) -> list[Found]:
        """What several calls find, all asked at once. A call is a path and its parameters."""
        requests = [self._request("GET", path, params, timeout=LOOK_TIMEOUT) for path, params in calls]
        with self.errors(), ExitStack() as cleanup:
            answers = self._wire.send_all(requests)
            for answer in answers:
                cleanup.callback(answer.close)
            for answer in answers:
                _check(answer)
            return [Found(json.loads(answer.read()), answer.headers) for answer in answers]

    @contextmanager
    def hijack(self, *path: str, body: object) -> Iterator[Duplex]:
        """Make the connection of a POST a line to talk both ways (Docker Engine API, attach)."""
        upgrade = {"Connection": "Upgrade", "Upgrade": "tcp"}
        with self.stream("POST", *path, body=body, headers=upgrade) as answer:
            yield answer.upgrade()


def objects(answer: Answer) -> Iterator[dict[str, Any]]:
    """The JSON objects of a streamed answer, one a line, as they come."""
    for line in lines(answer.chunks()):
        if line.strip():
            yield json.loads(line)


def _parameter(value: object) -> str:
    match value:
        case bool():
            return str(int(value))
        case dict() | list():
            return json.dumps(value)
    return str(value)


def _check(answer: Answer) -> None:
    """Raise what the engine says is wrong: `{"message": …}`, or plain text of a proxy in between."""
    if answer.status < 400:
        return
    content = answer.read().decode(errors="replace")
    try:
        said = json.loads(content)
    except ValueError:
        said = None
    message = said.get("message") if isinstance(said, dict) else None
    text = str(message or content or f"{answer.status} {answer.reason}").strip()
    raise RefusedError(text, status=answer.status)

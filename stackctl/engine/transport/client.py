"""The Docker API as plain JSON over a transport. Every error becomes an `EngineError`."""

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
"""Seconds that a call may take, unless `STACKCTL_ENGINE_TIMEOUT` says another number. To create a container from a large image on
a slow disk takes minutes.
"""
LOOK_TIMEOUT = 60.0
"""Seconds that the engine has to answer a call that only reads."""

_SWITCHED, _NOT_FOUND = 101, 404
_STREAM = "application/vnd.docker."
"""How the type of an answer begins that carries bytes both ways without `101 Switching Protocols`."""
_FULL = "no space left on device"
"""ENOSPC in the words of Go and, in another case, of C."""
_MAKE_ROOM = (
    "make room on the engine's disk: docker system df shows what takes it; stackctl gc removes stacks that nobody needs,"
    " docker system prune what nothing uses"
)

A = TypeVar("A", bound=Answer)


def hint_if_full(message: str) -> str:
    """What to do if a message says that a disk is full; else ""."""
    return _MAKE_ROOM if _FULL in message.lower() else ""


class Found(NamedTuple):
    """The body of an answer, and its headers. Names of headers are in small letters."""

    body: Json
    headers: Mapping[str, str]


class RefusedError(EngineError):
    """The engine has answered with an error. `status` is the HTTP status; 0 for an error that comes within a stream. Without a hint
    a full disk has its own.
    """

    def __init__(self, message: str, hint: str = "", *, status: int = 0) -> None:
        super().__init__(message, hint or hint_if_full(message))
        self.status = status


class JsonClient(Generic[A]):
    """Calls of one engine. Safe to share between threads; not across a fork.

    A path is given in segments, which are quoted here. Parameters that are None are left out. Mappings and lists become
    JSON, booleans become 1 and 0, and a tuple is a parameter for each of its items.
    """

    def __init__(
        self,
        transport: Transport[A],
        version: str,
        unreachable: Callable[[OSError], EngineError],
        answer_timeout: float = ANSWER_TIMEOUT,
    ) -> None:
        """`unreachable` makes the error that says why the engine cannot be reached. `answer_timeout`: seconds that a call may take
        that writes.
        """
        self.answer_timeout = answer_timeout
        self._transport = transport
        self._unreachable = unreachable
        self._base = f"/v{version}"
        major, minor = version.split(".")[:2]
        self.version = (int(major), int(minor))

    def get(
        self,
        *path: str,
        headers: Mapping[str, str] | None = None,
        timeout: float = LOOK_TIMEOUT,
        **params: object,
    ) -> Json:
        """`timeout` in seconds."""
        return self._json(self._request("GET", path, params, headers=headers, timeout=timeout))

    def post(
        self,
        *path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        **params: object,
    ) -> Json:
        """`timeout` in seconds (default: `answer_timeout`)."""
        timeout = self.answer_timeout if timeout is None else timeout
        return self._json(self._request("POST", path, params, body=body, headers=headers, timeout=timeout))

    def delete(self, *path: str, **params: object) -> Json:
        return self._json(self._request("DELETE", path, params, timeout=self.answer_timeout))

    def put(self, *path: str, data: bytes | Iterable[bytes], **params: object) -> Json:
        """Send the data, or each piece of them as it comes."""
        return self._json(self._request("PUT", path, params, data=data, timeout=self.answer_timeout))

    def head(self, *path: str, **params: object) -> Mapping[str, str]:
        """The headers of the answer. Names of headers are in small letters."""
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
        head_timeout: float | None = None,
        **params: object,
    ) -> Iterator[A]:
        """The answer, which the caller reads piece by piece. `timeout`: seconds without a byte; None waits for ever. `head_timeout`: seconds
        until the answer begins, which an engine that works lets begin at once.
        """
        request = self._request(
            method,
            path,
            params,
            body=body,
            data=data,
            headers=headers,
            timeout=timeout,
            head_timeout=head_timeout,
        )
        with self.errors(), self._answer(request) as answer:
            yield answer

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Turn an OSError on the way to the engine into an `EngineError`."""
        try:
            yield
        except OSError as error:
            raise self._unreachable(error) from error

    def close(self) -> None:
        self._transport.close()

    def _json(self, request: Request) -> Json:
        with self.errors(), self._answer(request) as answer:
            content = answer.read()
            return _parsed(content) if content else None

    @contextmanager
    def _answer(self, request: Request) -> Iterator[A]:
        """The answer. Raises `RefusedError` if it is an error."""
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
        data: bytes | Iterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None,
        head_timeout: float | None = None,
    ) -> Request:
        sent = dict(headers or {})
        content: bytes | Iterable[bytes] | None = data
        if body is not None:
            sent["Content-Type"] = "application/json"
            content = json.dumps(body).encode()
        target = "/".join([self._base, *(quote(part, "/:@") for part in path)])
        if given := {name: _parameter(value) for name, value in params.items() if value is not None}:
            target += "?" + urlencode(given, doseq=True)
        return Request(
            method=method,
            target=target,
            headers=sent,
            body=content,
            timeout=timeout,
            head_timeout=head_timeout,
        )


class Client(JsonClient[Answer]):
    """A client over any transport."""


class WireClient(JsonClient[WireAnswer]):
    """The client that looks at an engine, listens to its events, and talks with its containers."""

    def __init__(
        self,
        wire: Wire,
        version: str,
        unreachable: Callable[[OSError], EngineError],
        answer_timeout: float = ANSWER_TIMEOUT,
    ) -> None:
        super().__init__(wire, version, unreachable, answer_timeout)
        self._wire = wire

    def ask_all(self, *calls: tuple[tuple[str, ...], Mapping[str, object]]) -> Callable[[], list[Found]]:
        """Send several calls at once; a call is a path and its parameters. The function that is returned waits for the answers,
        and is called once at most.
        """
        requests = [self._request("GET", path, params, timeout=LOOK_TIMEOUT) for path, params in calls]
        with self.errors():
            answered = self._wire.ask_all(requests)

        def found() -> list[Found]:
            with self.errors(), ExitStack() as cleanup:
                answers = answered()
                for answer in answers:
                    cleanup.callback(answer.close)
                for answer in answers:
                    _check(answer)
                return [Found(_parsed(answer.read()), answer.headers) for answer in answers]

        return found

    def ask_each(self, *calls: tuple[tuple[str, ...], Mapping[str, object]]) -> list[Json]:
        """The answers to several calls, which are sent at once. None for what is not there."""
        requests = [self._request("GET", path, params, timeout=LOOK_TIMEOUT) for path, params in calls]
        with self.errors(), ExitStack() as cleanup:
            answers = self._wire.send_all(requests)
            for answer in answers:
                cleanup.callback(answer.close)
            return [_body(answer) for answer in answers]

    @contextmanager
    def hijack(self, *path: str, body: object = None, **params: object) -> Iterator[Duplex]:
        """Send a POST; its connection then carries bytes both ways (Docker Engine API, attach). Raises EngineError if the answer is one
        of another program, such as a page of HTML.
        """
        upgrade = {"Connection": "Upgrade", "Upgrade": "tcp"}
        request = self._request("POST", path, params, body=body, headers=upgrade, timeout=self.answer_timeout)
        with self.errors(), self._answer(request) as answer:
            if answer.status != _SWITCHED and not answer.headers.get("content-type", "").startswith(_STREAM):
                raise _unreadable(answer.read())
            yield answer.upgrade()


def objects(answer: Answer) -> Iterator[dict[str, Any]]:
    """The JSON objects of a streamed answer, as they come. Each line is one object."""
    for line in lines(answer.chunks()):
        if line.strip():
            yield _parsed(line)


def _body(answer: Answer) -> Json:
    if answer.status == _NOT_FOUND:
        answer.read()
        return None
    _check(answer)
    return _parsed(answer.read())


def _parsed(content: bytes) -> Json:
    """What an answer says. Raises OSError if it is no JSON: then nobody knows what the engine has done."""
    try:
        return json.loads(content)
    except ValueError:
        raise _unreadable(content) from None


def _unreadable(content: bytes) -> OSError:
    return OSError(f"its answer cannot be read: {content[:80].decode(errors='replace')!r}")


def _parameter(value: object) -> str | list[str]:
    match value:
        case tuple():
            return [str(item) for item in value]
        case bool():
            return str(int(value))
        case dict() | list():
            return json.dumps(value)
    return str(value)


def _check(answer: Answer) -> None:
    """Raise the error that the answer tells: `{"message": …}` from an engine, or plain text from a proxy before it."""
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

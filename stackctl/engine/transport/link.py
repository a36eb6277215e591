"""The way to an engine: one client looks and talks, another one (over the Docker SDK) changes the engine."""

from __future__ import annotations

import math
import os
import socket
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from stackctl.engine.transport.byte_stream import ByteStream, TlsStream, refusals
from stackctl.engine.transport.client import ANSWER_TIMEOUT, Client, WireClient
from stackctl.engine.transport.endpoint import CONNECT_TIMEOUT, Endpoint, Tls, config
from stackctl.engine.transport.messages import Answer, Request, Transport
from stackctl.engine.transport.unreachable import unreachable
from stackctl.engine.transport.wire import Wire
from stackctl.errors import EngineError
from stackctl.real import real_files

if TYPE_CHECKING:
    import ssl

_FIRST_ANSWER = 30.0
"""Seconds that the engine has for its first answer."""


class Link:
    """The way to an engine that has answered. `close` closes all connections."""

    def __init__(
        self,
        endpoint: Endpoint,
        environ: Mapping[str, str] = os.environ,
        waiting: Callable[[str], None] = lambda _: None,
    ) -> None:
        """If an answer is late, `waiting` is called once, with words about what is waited for. Raises `EngineError` if no
        engine answers.
        """
        self.endpoint = endpoint
        self._answer_timeout = _answer_timeout(environ)
        self._headers: dict[str, str] = config(environ).get("HttpHeaders") or {}
        self._socket = endpoint.socket
        self._complaint: Callable[[], str] = str
        self._close_bridge: Callable[[], None] = lambda: None
        self._waiting: Callable[[str], None] | None = waiting
        self._changing: Client | None = None
        self._lock = threading.Lock()
        self._answered = False
        if endpoint.host.startswith("ssh://"):
            from stackctl.engine.transport.ssh import Bridge

            bridge = Bridge(endpoint.host)
            self._socket, self._complaint, self._close_bridge = bridge.path, bridge.complaint, bridge.close
        try:
            wire = Wire(
                _dialer(endpoint, self._socket),
                {"Host": "docker", "User-Agent": "stackctl", **self._headers},
                self._tell_slow,
            )
            self._version = environ.get("DOCKER_API_VERSION", "").removeprefix("v") or _newest_version(wire)
        except OSError as error:
            reason = self._unreachable(error)
            self._close_bridge()
            raise reason from error
        self._answered = True
        self.client = WireClient(wire, self._version, self._unreachable, self._answer_timeout)

    @property
    def changing(self) -> Client:
        """The client over the Docker SDK, which is loaded now if it was not used before. Raises `EngineError` if Docker's
        config.json cannot be read.
        """
        with self._lock:
            if self._changing is None:
                self._changing = Client(self._sdk(), self._version, self._unreachable, self._answer_timeout)
            return self._changing

    def close(self) -> None:
        self.client.close()
        if self._changing:
            self._changing.close()
        self._close_bridge()

    def _sdk(self) -> Transport[Answer]:
        url = f"unix://{self._socket}" if self._socket else self.endpoint.host
        with real_files():  # a test may be the first who needs it
            from stackctl.engine.transport.sdk import Sdk

            try:
                return Sdk(url, self._version, self.endpoint.tls, self._headers)
            except OSError as error:
                raise self._unreachable(error) from error

    def _unreachable(self, error: BaseException) -> EngineError:
        said_by = self.endpoint.said_by
        return unreachable(self.endpoint.host, error, self._complaint(), said_by, answered=self._answered)

    def _tell_slow(self) -> None:
        with self._lock:
            tell, self._waiting = self._waiting, None
        if tell:
            tell(f"the Docker engine at {self.endpoint.host} to answer")


def _answer_timeout(environ: Mapping[str, str]) -> float:
    """Seconds that a call may take that writes. Raises `EngineError` if the variable does not say so."""
    said = environ.get("STACKCTL_ENGINE_TIMEOUT", "")
    try:
        seconds = float(said or ANSWER_TIMEOUT)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < math.inf:
        raise EngineError(f"STACKCTL_ENGINE_TIMEOUT is {said!r}, which is no number of seconds", "correct it")
    return seconds


def _newest_version(wire: Wire) -> str:
    """The newest API version that the engine speaks. Raises OSError if the answer is not a Docker engine's."""
    answer = wire.send(Request(method="GET", target="/_ping", timeout=_FIRST_ANSWER))
    answer.read()
    if "api-version" not in answer.headers:
        raise OSError("the server there is not a Docker engine")
    return answer.headers["api-version"]


def _dialer(endpoint: Endpoint, path: Path | None) -> Callable[[], ByteStream]:
    """A function that opens a connection: to a Unix socket, or over tcp, with TLS if the endpoint has certificates."""
    url = urlsplit(endpoint.host)
    context = _tls_context(endpoint.tls) if endpoint.tls else None

    def dial() -> ByteStream:
        with refusals():
            if path:
                connection = socket.socket(socket.AF_UNIX)
            else:
                connection = socket.create_connection((url.hostname or "", url.port or 0), CONNECT_TIMEOUT)
        try:
            connection.settimeout(CONNECT_TIMEOUT)
            if path:
                with refusals():
                    connection.connect(str(path))
            return TlsStream(connection, context, url.hostname) if context else ByteStream(connection)
        except BaseException:
            connection.close()
            raise

    return dial


def _tls_context(tls: Tls) -> ssl.SSLContext:
    import ssl

    context = ssl.create_default_context(cafile=tls.ca)
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if tls.cert and tls.key:
        context.load_cert_chain(tls.cert, tls.key)
    return context

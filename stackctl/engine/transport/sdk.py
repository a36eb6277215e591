"""The Docker SDK as a `Transport`. Every call that changes an engine goes through it.

Only the SDK's transport and login are used: its models drop fields (`StartInterval`), make one call per object, and hide
errors in streams.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import suppress

import requests
from docker import APIClient
from docker.errors import DockerException, InvalidConfigFile
from docker.tls import TLSConfig

from stackctl.engine.transport.byte_stream import refusals
from stackctl.engine.transport.client import ANSWER_TIMEOUT
from stackctl.engine.transport.endpoint import Tls
from stackctl.engine.transport.messages import Request
from stackctl.errors import EngineError

_POOL = 64
"""Connections that are kept."""


class Sdk:
    """A `Transport`."""

    def __init__(self, url: str, version: str, tls: Tls | None, headers: Mapping[str, str]) -> None:
        """Raises `EngineError` if Docker's config.json cannot be read, OSError if the certificates cannot be used."""
        try:
            self._api = APIClient(
                base_url=url,
                version=version,
                timeout=int(ANSWER_TIMEOUT),
                tls=_tls(tls) if tls else False,
                max_pool_size=_POOL,
            )
        except InvalidConfigFile as error:
            raise EngineError(
                f"Docker's config.json cannot be read: {error}", "correct it or log in again"
            ) from error
        except DockerException as error:
            raise OSError(str(error)) from error
        self._api.trust_env = (
            False  # requests must take neither a proxy nor certificates from the environment
        )
        self._api.headers.update(headers)

    def send(self, request: Request) -> SdkAnswer:
        with refusals():
            response = self._api.request(
                request.method,
                f"{self._api.base_url}{request.target}",
                data=request.body,
                headers=dict(request.headers),
                timeout=(self._api.timeout, request.head_timeout or request.timeout),
                stream=True,
            )
        answer = SdkAnswer(response)
        if request.head_timeout:
            answer.set_timeout(request.timeout)
        return answer

    def close(self) -> None:
        self._api.close()


class SdkAnswer:
    """An `Answer`."""

    def __init__(self, response: requests.Response) -> None:
        self._response = response
        self.status: int = response.status_code
        self.reason: str = response.reason
        self.headers: Mapping[str, str] = {name.lower(): value for name, value in response.headers.items()}

    def read(self) -> bytes:
        return self._response.content

    def chunks(self) -> Iterator[bytes]:
        yield from self._response.iter_content(chunk_size=None)

    def set_timeout(self, seconds: float | None) -> None:
        """For each piece of the body."""
        if connected := self._socket():
            connected.settimeout(seconds)

    def hang_up(self) -> None:
        if connected := self._socket():
            with suppress(OSError):  # the connection may end by itself at this moment
                connected.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._response.close()

    def _socket(self) -> socket.socket | None:
        """None once the body is read to its end."""
        connection = getattr(self._response.raw, "_connection", None)
        return connection.sock if connection else None


def _tls(tls: Tls) -> TLSConfig:
    return TLSConfig(
        client_cert=(str(tls.cert), str(tls.key)) if tls.cert and tls.key else None,
        ca_cert=str(tls.ca) if tls.ca else None,
        verify=tls.verify,
    )

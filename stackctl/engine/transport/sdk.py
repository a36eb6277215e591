"""The Docker SDK as a `Transport`. Every call that changes an engine goes through it.

Only the SDK's transport and login are used: its models drop fields (`StartInterval`), make one call per object, and hide
errors in streams.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import requests
from docker import APIClient

from stackctl.engine.transport.messages import Request


class Sdk:
    """A `Transport`."""

    def __init__(self, api: APIClient) -> None:
        self._api = api

    def send(self, request: Request) -> SdkAnswer:
        response = self._api.request(
            request.method,
            f"{self._api.base_url}{request.target}",
            data=request.body,
            headers=dict(request.headers),
            timeout=(self._api.timeout, request.timeout),
            stream=True,
        )
        return SdkAnswer(response)

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

    def close(self) -> None:
        self._response.close()

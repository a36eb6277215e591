"""Requests to an engine and its answers, the same for every library that carries them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol, TypeVar

from msgspec import Struct, field


class Request(Struct, frozen=True, kw_only=True):
    """`target` is path and query. A body that is an iterable is sent piece by piece, as the pieces come."""

    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Iterable[bytes] | None = None
    timeout: float | None = None
    """Seconds without a byte; None waits for ever."""
    head_timeout: float | None = None
    """Seconds until the head of the answer has come; None: as `timeout`."""


class SilentError(TimeoutError):
    """The engine has accepted the connection, and has not answered in time."""


class Answer(Protocol):
    """An answer whose head has come. Its body comes while it is read. Names of headers are in small letters."""

    @property
    def status(self) -> int: ...

    @property
    def reason(self) -> str: ...

    @property
    def headers(self) -> Mapping[str, str]: ...

    def read(self) -> bytes:
        """The rest of the body."""

    def chunks(self) -> Iterator[bytes]:
        """The body in pieces, as they come."""

    def hang_up(self) -> None:
        """End a read that waits in another thread."""

    def close(self) -> None:
        """Drop the rest of the body."""


A_co = TypeVar("A_co", bound=Answer, covariant=True)


class Transport(Protocol[A_co]):
    """Carries requests to an engine. Safe to share between threads. Raises OSError if the way to the engine fails."""

    def send(self, request: Request) -> A_co:
        """Send the request. Returns once the head of the answer has come."""

    def close(self) -> None: ...


def lines(chunks: Iterable[bytes], longest: int | None = None) -> Iterator[bytes]:
    """The lines of a body, without line ends. The pieces may be cut anywhere. A line is cut once it has `longest` bytes."""
    rest = bytearray()
    for chunk in chunks:
        *whole, last = chunk.split(b"\n")
        for part in whole:
            yield bytes(rest + part)
            rest.clear()
        rest += last
        if longest is not None and len(rest) >= longest:
            yield bytes(rest)
            rest.clear()
    if rest:
        yield bytes(rest)

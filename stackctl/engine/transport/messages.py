"""What goes to an engine and what comes back, whichever library carries it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol, TypeVar

from msgspec import Struct, field


class Request(Struct, frozen=True, kw_only=True):
    """`target` is path and query. A body that is no `bytes` goes out as it comes, in chunks."""

    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Iterable[bytes] | None = None
    timeout: float | None = None
    """Seconds without a byte; None waits for ever."""


class SilentError(TimeoutError):
    """There is a connection, and no answer came over it in time."""


class Answer(Protocol):
    """The head has come, the body comes as it is read. Names of headers are in small letters."""

    @property
    def status(self) -> int: ...

    @property
    def reason(self) -> str: ...

    @property
    def headers(self) -> Mapping[str, str]: ...

    def read(self) -> bytes:
        """All of the body that was not read yet."""

    def chunks(self) -> Iterator[bytes]:
        """The body in pieces, as they come."""

    def close(self) -> None:
        """Give up what was not read."""


A_co = TypeVar("A_co", bound=Answer, covariant=True)


class Transport(Protocol[A_co]):
    """A way to an engine. Safe to share between threads. Raises OSError for what goes wrong on it."""

    def send(self, request: Request) -> A_co:
        """Returns once the head of the answer has come."""

    def close(self) -> None: ...


def lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The lines of a body, without their ends, wherever its pieces are cut."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from whole
    if rest:
        yield rest

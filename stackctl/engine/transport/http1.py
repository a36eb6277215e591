"""HTTP/1.1 as a client speaks it (RFC 9112): how a request is written, and how an answer is read. No socket is touched.

Why not h11: loading h11 takes a tenth of a short run, and no other part of it would be used. The tests hold both to the same
answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

_LONGEST = 1 << 16
"""Bytes of a head, or of a line between two pieces of a body, at most."""

_VISIBLE = frozenset(map(chr, range(0x21, 0x7F)))
_TOKEN = _VISIBLE - set('"(),/:;<=>?@[\\]{}')
_TEXT = _VISIBLE | set("\t ") | set(map(chr, range(0x80, 0x100)))
_HEX = frozenset("0123456789abcdefABCDEF")
_BLANK = " \t"


class Head(NamedTuple):
    """What comes before the body of an answer. Names of headers are in small letters."""

    status: int
    reason: str
    headers: Mapping[str, str]
    lasting: bool
    """Whether the other side keeps the connection open for another request."""


def request_head(method: str, target: str, headers: Mapping[str, str]) -> bytes:
    """The line of the request and its headers. Raises OSError for a text that would end a line early."""
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    if not (
        all(name and _TOKEN.issuperset(name) for name in (method, *headers))
        and target
        and _VISIBLE.issuperset(target)
        and all(map(_TEXT.issuperset, headers.values()))
    ):
        raise OSError(f"this is no HTTP request: {lines!r}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def chunk(data: bytes) -> bytes:
    """A piece of a body whose length is not known before it ends. An empty one is the end (RFC 9112, 7.1)."""
    return b"%x\r\n%b\r\n" % (len(data), data)


class AnswerReader:
    """Reads one answer after another from what a connection receives.

    `receive` gives the next bytes, and none at the end of the connection. What it raises comes through; the reader then goes on
    where it was. Raises ConnectionError for what is no HTTP and ConnectionResetError for an answer that breaks off.
    """

    def __init__(self, receive: Callable[[], bytes]) -> None:
        self._receive = receive
        self._left: int | None = 0
        """Bytes of the body, or of its chunk, that are still to come; None: all until the connection ends."""
        self._chunked = False
        self._begun = False
        """Whether a chunk came before: its line ends where the next one begins."""
        self._ended = True
        self.unread = bytearray()
        """What has come and was not read."""

    def head(self, method: str) -> Head:
        """The head of the answer to a request with that method. An answer that only says "go on" is passed over."""
        while True:
            status, reason, headers, newer = self._read_head()
            if status >= 200 or status == 101:
                break
        chunked, length = headers.get("transfer-encoding") is not None, headers.get("content-length")
        self._chunked, self._begun, self._ended, self._left = False, False, False, None
        if method == "HEAD" or status in (204, 304):
            self._ended = True
        elif chunked:
            self._chunked, self._left = True, 0
        elif length is not None:
            self._left = int(length)
        closes = "close" in headers.get("connection", "").lower().replace(",", " ").split()
        whole = self._ended or self._left is not None
        return Head(status, reason, headers, lasting=whole and not closes and newer)

    def piece(self) -> bytes:
        """The next bytes of the body, as they come; none at its end."""
        if self._chunked and not self._left and not self._ended:
            self._left = self._next_chunk()
        if self._left == 0:
            self._ended = True
        if self._ended:
            return b""
        if not self.unread and not self._more():
            if self._left is not None:
                raise _broken()
            self._ended = True
            return b""
        piece = self._take(len(self.unread) if self._left is None else min(self._left, len(self.unread)))
        if self._left is not None:
            self._left -= len(piece)
        return piece

    def _read_head(self) -> tuple[int, str, dict[str, str], bool]:
        """Status, reason, headers, and whether it is HTTP/1.1."""
        while (end := self._blank_line()) < 0:
            if len(self.unread) > _LONGEST:
                raise _foreign("a head without an end")
            if not self._more():
                raise (
                    _broken()
                    if self.unread
                    else ConnectionResetError("the connection was closed without an answer")
                )
        text = self._take(end).decode("latin-1")
        self._line()
        first, *rest = (line.removesuffix("\r") for line in text.split("\n")[:-1])
        version, _, status = first.partition(" ")
        code, _, reason = status.partition(" ")
        if version not in ("HTTP/1.1", "HTTP/1.0") or not (
            code.isascii() and code.isdigit() and len(code) == 3
        ):
            raise _foreign(repr(first[:80]))
        return int(code), reason, _headers(rest), version == "HTTP/1.1"

    def _blank_line(self) -> int:
        """Where the empty line after a head begins; -1 if it has not come."""
        found = [place for end in (b"\n\n", b"\n\r\n") if (place := self.unread.find(end)) >= 0]
        return min(found, default=-2) + 1

    def _next_chunk(self) -> int:
        """How long the next chunk is. After the last one, 0, come trailers, which nobody reads."""
        if self._begun and self._line():
            raise _foreign("a chunk that is longer than it says")
        self._begun = True
        size = self._line().decode("latin-1").partition(";")[0].rstrip(_BLANK)
        if not 0 < len(size) <= 16 or not _HEX.issuperset(size):
            raise _foreign(f"chunk {size[:80]!r}")
        length = int(size, 16)
        if not length:
            while self._line():
                pass
        return length

    def _line(self) -> bytes:
        while (end := self.unread.find(b"\n")) < 0:
            if len(self.unread) > _LONGEST:
                raise _foreign("a line without an end")
            if not self._more():
                raise _broken()
        return self._take(end + 1)[:end].removesuffix(b"\r")

    def _take(self, count: int) -> bytes:
        taken = bytes(self.unread[:count])
        del self.unread[:count]
        return taken

    def _more(self) -> bool:
        """Whether more has come; False at the end of the connection."""
        data = self._receive()
        self.unread += data
        return bool(data)


def _headers(lines: Iterable[str]) -> dict[str, str]:
    """Of a header that comes twice the last. A line that begins with a space goes on with the one before (RFC 9112, 5.2)."""
    whole: list[str] = []
    for line in lines:
        if whole and line[:1] in (" ", "\t"):
            whole[-1] += " " + line.lstrip(_BLANK)
        else:
            whole.append(line)
    headers: dict[str, str] = {}
    for line in whole:
        key, colon, content = line.partition(":")
        if not (key and colon and _TOKEN.issuperset(key)):
            raise _foreign(f"header {line[:80]!r}")
        name, value = key.lower(), content.strip(_BLANK)
        if name == "content-length":
            number = value.isascii() and value.isdigit() and len(value) < 19
            if not number or headers.get(name, value) != value:
                raise _foreign(f"content length {value!r}")
        elif name == "transfer-encoding" and (value.lower() != "chunked" or name in headers):
            raise _foreign(f"transfer encoding {value!r}")
        headers[name] = value
    return headers


def _foreign(what: str) -> ConnectionError:
    return ConnectionError(f"the server there does not speak HTTP: {what}")


def _broken() -> ConnectionResetError:
    return ConnectionResetError("the connection broke off in the middle of an answer")

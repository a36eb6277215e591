"""Write requests and read answers of HTTP/1.1 as a client does (RFC 9112). This module touches no socket.

h11 is not used, because to load it takes a tenth of a short run, and stackctl needs only a small part of it. The tests check
that both read the same answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

_LONGEST = 1 << 16
"""How many bytes a head, or a line between two chunks of a body, may have."""

_VISIBLE = frozenset(map(chr, range(0x21, 0x7F)))
_TOKEN = _VISIBLE - set('"(),/:;<=>?@[\\]{}')
_TEXT = _VISIBLE | set("\t ") | set(map(chr, range(0x80, 0x100)))
_HEX = frozenset("0123456789abcdefABCDEF")
_BLANK = " \t"


class Head(NamedTuple):
    """The part of an answer before its body. Names of headers are in small letters."""

    status: int
    reason: str
    headers: Mapping[str, str]
    lasting: bool
    """Whether the other side keeps the connection open for another request."""


def request_head(method: str, target: str, headers: Mapping[str, str]) -> bytes:
    """The request line and the headers. Raises OSError for a text with characters that HTTP does not allow there."""
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    if not (
        all(name and _TOKEN.issuperset(name) for name in (method, *headers))
        and target
        and _VISIBLE.issuperset(target)
        and all(map(_TEXT.issuperset, headers.values()))
    ):
        raise OSError(f"this is not an HTTP request: {lines!r}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def chunk(data: bytes) -> bytes:
    """A chunk of a body whose length is not known in advance. An empty chunk ends the body (RFC 9112, 7.1)."""
    return b"%x\r\n%b\r\n" % (len(data), data)


class AnswerReader:
    """Reads one answer after another from the bytes that a connection receives.

    `receive` gives the next bytes; b"" at the end of the connection. An error of `receive` passes through; the reader can then
    go on at the same place. Raises ConnectionError for bytes that are not HTTP, ConnectionResetError for an answer that
    breaks off.
    """

    def __init__(self, receive: Callable[[], bytes]) -> None:
        self._receive = receive
        self._left: int | None = 0
        """How many bytes of the body, or of the present chunk, have not come yet; None: the body ends with the connection."""
        self._chunked = False
        self._begun = False
        """Whether a chunk has been read: the line end after it must be read before the next chunk."""
        self._ended = True
        self.unread = bytearray()
        """The bytes that have come and were not read yet."""

    def head(self, method: str) -> Head:
        """The head of the answer to a request with that method. An answer that only says "continue" (status 100) is skipped."""
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
        """The next bytes of the body, as they come; b"" at its end."""
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
        """The status, the reason, the headers, and whether the answer is HTTP/1.1."""
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
        """The index of the empty line after a head; -1 if it has not come yet."""
        found = [place for end in (b"\n\n", b"\n\r\n") if (place := self.unread.find(end)) >= 0]
        return min(found, default=-2) + 1

    def _next_chunk(self) -> int:
        """The length of the next chunk. 0 is the last one; trailers may come after it, and are not used."""
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
        """Receive more bytes. Return False at the end of the connection."""
        data = self._receive()
        self.unread += data
        return bool(data)


def _headers(lines: Iterable[str]) -> dict[str, str]:
    """The headers by name. If a header comes twice, the last one counts. A line that begins with a space continues the line
    before it (RFC 9112, 5.2).
    """
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

"""HTTP answers and requests, beside h11's reading of them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from contextlib import suppress

import h11
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stackctl.engine.transport.http1 import AnswerReader, chunk, request_head

Read = tuple[int, dict[str, str], bytes]

names = st.sampled_from(
    ["Content-Length", "Transfer-Encoding", "Connection", "X-A", "x-a", "Api-Version", ""]
)
values = st.sampled_from(
    ["0", "3", "5", "99", "chunked", "Chunked", "gzip", "close", "keep-alive", " a b ", "", "\t", "-1", "²"]
)
lines = st.lists(st.tuples(names, values), max_size=3)
firsts = st.sampled_from(
    [
        "HTTP/1.1 200 OK",
        "HTTP/1.1 200",
        "HTTP/1.0 200 OK",
        "HTTP/1.1 204 No Content",
        "HTTP/1.1 304 X",
        "HTTP/1.1 100 Continue",
        "HTTP/1.1 404 Not  Found ",
        "HTTP/1.1 20 OK",
        "HTTP/2 200",
        "hello",
        "",
    ]
)
bodies = st.sampled_from(
    [b"", b"abc", b"hello", b"3\r\nabc\r\n0\r\n\r\n", b"3;x=1\r\nabc\r\n2 \r\nde\r\n0\r\nT: 1\r\n\r\n"]
) | st.binary(max_size=9)
ends = st.sampled_from([b"\r\n", b"\n", b"\r\n "])


@st.composite
def answers(draw: st.DrawFn) -> bytes:
    end = draw(ends)
    head = [draw(firsts), *(f"{name}: {value}" for name, value in draw(lines))]
    said = end.join(line.encode("latin-1") for line in head) + end.strip(b" ") * 2
    return draw(st.sampled_from([b"", b"HTTP/1.1 102 Wait\r\n\r\n"])) + said + draw(bodies)


def pieces(data: bytes, places: list[int]) -> Callable[[], bytes]:
    edges = [0, *sorted({place % (len(data) + 1) for place in places}), len(data)]
    parts = iter([part for a, b in itertools.pairwise(edges) if (part := data[a:b])])
    return lambda: next(parts, b"")


def read(data: bytes, places: list[int], method: str) -> Read:
    reader = AnswerReader(pieces(data, places))
    head = reader.head(method)
    return head.status, _lower(head.headers.items()), b"".join(iter(reader.piece, b""))


def _lower(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    return {name: value.lower() for name, value in headers}


def read_by_h11(data: bytes, method: str) -> Read:
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method=method, target="/", headers=[("Host", "a")]))
    connection.send(h11.EndOfMessage())
    connection.receive_data(data)
    connection.receive_data(b"")
    head: h11.Response | None = None
    body = b""
    while True:
        event = connection.next_event()
        if isinstance(event, h11.Response):
            head = event
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage):
            assert head
            return head.status_code, _lower((n.decode(), v.decode("latin-1")) for n, v in head.headers), body
        elif not isinstance(event, h11.InformationalResponse):
            raise h11.RemoteProtocolError(f"no answer but {event}")


@settings(max_examples=500, deadline=None)
@given(
    data=answers(), places=st.lists(st.integers(0, 500), max_size=4), method=st.sampled_from(["GET", "HEAD"])
)
def test_an_answer_is_read_as_h11_reads_it(data: bytes, places: list[int], method: str) -> None:
    expected = found = None
    with suppress(h11.RemoteProtocolError):
        expected = read_by_h11(data, method)
    with suppress(ConnectionError):
        found = read(data, places, method)
    assert found == expected


@settings(max_examples=200, deadline=None)
@given(
    method=st.text(max_size=5),
    target=st.text(max_size=9),
    name=st.text(max_size=5),
    value=st.text(max_size=9),
)
def test_a_request_says_what_it_was_given_or_is_refused(
    method: str, target: str, name: str, value: str
) -> None:
    try:
        head = request_head(method, target, {"Host": "a", name: value})
    except OSError:
        return
    server = h11.Connection(h11.SERVER)
    server.receive_data(head)
    request = server.next_event()
    assert isinstance(request, h11.Request)
    assert (request.method.decode(), request.target.decode()) == (method, target)
    assert [(n.decode(), v.decode("latin-1")) for n, v in request.headers] == [
        ("host", "a"),
        (name.lower(), value.strip(" \t")),
    ]


@pytest.mark.parametrize("text", ["a\r\nX: 1", "a\nb", "a\0", "\u20ac"])
def test_a_text_that_would_end_a_line_is_refused(text: str) -> None:
    for request in (("GET", text, {}), (text, "/", {}), ("GET", "/", {"X": text}), ("GET", "/", {text: "x"})):
        with pytest.raises(OSError, match="not an HTTP request"):
            request_head(*request)


def test_a_body_of_unknown_length_is_sent_in_chunks() -> None:
    assert chunk(b"hello") + chunk(b"") == b"5\r\nhello\r\n0\r\n\r\n"

"""HTTP as engines and what stands before them speak it, however the bytes are cut."""

from __future__ import annotations

import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from http_server import Scripted, keeps_open, read_request, says
from hypothesis import given, settings
from hypothesis import strategies as st

from stackctl.engine.transport.byte_stream import ByteStream
from stackctl.engine.transport.messages import Request, lines
from stackctl.engine.transport.wire import Wire

GET = Request(method="GET", target="/x", timeout=10)
OK = b"HTTP/1.1 200 OK\r\n"
HELLO = OK + b"Content-Length: 5\r\n\r\nhello"


def wire(server: Scripted) -> Wire:
    return Wire(lambda: ByteStream(server.pair()), {"Host": "docker", "User-Agent": "stackctl"})


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted({place % len(data) for place in places}), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges) if a < b]


def chunked(*parts: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (*parts, b""))


anywhere = st.lists(st.integers(0, 10_000), max_size=6)
bodies = st.binary(max_size=300)

FRAMINGS: dict[str, Callable[[bytes], bytes]] = {
    "length": lambda body: OK + b"Content-Length: %d\r\n\r\n" % len(body) + body,
    "chunks": lambda body: (
        OK + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(*filter(None, (body[:7], body[7:])))
    ),
    "chunks with extensions": lambda body: (
        OK
        + b"transfer-encoding: Chunked\r\n\r\n"
        + (b"%x;a=b\r\n%b\r\n" % (len(body), body) if body else b"")
        + b"0\r\n\r\n"
    ),
    "close": lambda body: OK + b"Connection: close\r\n\r\n" + body,
    "old close": lambda body: b"HTTP/1.0 200 OK\r\n\r\n" + body,
    "after continue": lambda body: (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n"
        + OK
        + b"Content-Length: %d\r\n\r\n" % len(body)
        + body
    ),
    "no reason": lambda body: b"HTTP/1.1 200\r\nContent-Length: %d\r\n\r\n" % len(body) + body,
}


@settings(max_examples=25, deadline=None)
@given(body=bodies, places=anywhere)
@pytest.mark.parametrize("framing", FRAMINGS)
def test_an_answer_is_the_same_wherever_its_bytes_are_cut(
    framing: str, body: bytes, places: list[int]
) -> None:
    server = Scripted(says(*cut(FRAMINGS[framing](body), places)))
    way = wire(server)
    answer = way.send(GET)
    assert (answer.status, answer.read()) == (200, body)
    way.close()
    server.join()


@settings(max_examples=50, deadline=None)
@given(body=bodies.filter(bool), places=anywhere, end=st.integers(1, 10_000))
@pytest.mark.parametrize("framing", ["length", "chunks"])
def test_an_answer_that_is_cut_off_is_an_error_never_a_shorter_answer(
    framing: str, body: bytes, places: list[int], end: int
) -> None:
    whole = FRAMINGS[framing](body)
    server = Scripted(says(*cut(whole[: end % (len(whole) - 1) + 1], places)))
    way = wire(server)
    with pytest.raises(ConnectionResetError, match="broke off in the middle"):
        way.send(GET).read()
    way.close()
    server.join()


@settings(max_examples=30, deadline=None)
@given(sent=bodies, places=anywhere)
def test_what_comes_with_the_head_of_an_upgrade_is_not_lost(sent: bytes, places: list[int]) -> None:
    head = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
    server = Scripted(says(*cut(head + sent, places)))
    way = wire(server)
    upgrade = Request(
        method="POST", target="/x", headers={"Connection": "Upgrade", "Upgrade": "tcp"}, body=b"{}"
    )
    answer = way.send(upgrade)
    line = answer.upgrade()
    said, over = b"", False
    while not over:
        line.wait(10)
        more, over = line.receive()
        said += more
    answer.close()
    assert said == sent
    server.join()


def test_an_upgrade_that_the_engine_calls_200_is_one_too() -> None:
    server = Scripted(keeps_open(OK + b"Content-Type: application/vnd.docker.raw-stream\r\n\r\nhi"))
    upgrade = Request(
        method="POST", target="/x", headers={"Connection": "Upgrade", "Upgrade": "tcp"}, body=b"{}"
    )
    answer = wire(server).send(upgrade)
    line = answer.upgrade()
    assert line.receive() == (b"hi", False)
    assert line.send(b"input") == 5
    answer.close()
    server.join()


@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_an_answer_without_a_body_ends_at_its_head(method: str) -> None:
    head = (
        OK + b"Content-Length: 99\r\nX-Stat: abc\r\n\r\n" if method == "HEAD" else b"HTTP/1.1 204 No\r\n\r\n"
    )
    server = Scripted(says(head, again=[[HELLO]]))
    way = wire(server)
    answer = way.send(Request(method=method, target="/x"))
    assert answer.read() == b""
    assert answer.headers.get("x-stat") == ("abc" if method == "HEAD" else None)
    assert way.send(GET).read() == b"hello"  # over the same connection
    way.close()
    server.join()


def test_what_is_asked() -> None:
    server = Scripted(says(HELLO))
    way = wire(server)
    way.send(Request(method="POST", target="/x?a=b", headers={"X-A": "1"}, body=b"{}")).read()
    lines = server.asked[0].split(b"\r\n")
    assert lines[0] == b"POST /x?a=b HTTP/1.1"
    assert {b"Host: docker", b"User-Agent: stackctl", b"X-A: 1", b"Content-Length: 2"} < set(lines)
    assert lines[-1] == b"{}"
    way.close()


def test_several_questions_are_all_asked_before_the_first_answer_is_waited_for() -> None:
    """Each server answers only when all have been asked."""
    met = threading.Barrier(3)

    def late(connection: socket.socket) -> None:
        met.wait(10)
        connection.sendall(HELLO)

    server = Scripted(late, late, late)
    way = wire(server)
    answers = way.send_all([Request(method="GET", target=f"/{n}") for n in range(3)])
    assert [answer.read() for answer in answers] == [b"hello"] * 3
    assert [asked.split()[1] for asked in server.asked] == [b"/0", b"/1", b"/2"]
    way.close()
    server.join()


def test_an_answer_that_nobody_waited_for_is_given_up_with_the_way() -> None:
    server = Scripted(keeps_open(HELLO))
    way = wire(server)
    way.ask_all([GET])
    way.close()
    server.join()


def test_connections_are_used_again() -> None:
    server = Scripted(says(HELLO, again=[[HELLO], [HELLO]]))
    way = wire(server)
    for _ in range(3):
        assert way.send(GET).read() == b"hello"
    assert len(server.asked) == 1
    way.close()
    server.join()


def test_a_connection_that_was_closed_meanwhile_is_not_used_again() -> None:
    server = Scripted(says(HELLO), says(HELLO))
    way = wire(server)
    way.send(GET).read()
    server.join()
    assert way.send(GET).read() == b"hello"
    way.close()


def hangs_up_at_the_second_request(connection: socket.socket) -> None:
    connection.sendall(HELLO)
    read_request(connection)


def test_a_look_over_a_stale_connection_is_asked_again() -> None:
    """The other side closes it at the very moment of the question."""
    server = Scripted(hangs_up_at_the_second_request, says(HELLO))
    way = wire(server)
    way.send(GET).read()
    assert way.send(GET).read() == b"hello"
    way.close()


def test_what_starts_something_is_never_sent_twice() -> None:
    server = Scripted(hangs_up_at_the_second_request, says(HELLO))
    way = wire(server)
    way.send(GET).read()
    with pytest.raises(ConnectionResetError):
        way.send(Request(method="POST", target="/exec/x/start", body=b"{}"))
    assert len(server.asked) == 1
    way.close()


def test_an_answer_that_is_not_read_does_not_spoil_the_next() -> None:
    server = Scripted(keeps_open(OK + b"Content-Length: 99\r\n\r\nno"), says(HELLO))
    way = wire(server)
    way.send(GET).close()
    assert way.send(GET).read() == b"hello"
    way.close()
    server.join()


def test_an_upload_goes_out_in_chunks_as_it_comes() -> None:
    got: list[bytes] = []

    def receive(connection: socket.socket) -> None:
        data = server.asked[0].partition(b"\r\n\r\n")[2]  # what came in one packet with the head
        while not data.endswith(b"0\r\n\r\n"):
            data += connection.recv(1 << 16)
        got.append(data)
        connection.sendall(OK + b"Content-Length: 0\r\n\r\n")

    server = Scripted(receive)
    way = wire(server)
    upload = Request(method="PUT", target="/x", body=iter([b"one", b"", b"three"]))
    assert way.send(upload).read() == b""
    server.join()
    assert got == [chunked(b"one", b"three")]
    assert b"Transfer-Encoding: chunked" in server.asked[0]
    way.close()


def test_an_upload_that_is_refused_ends_with_the_reason() -> None:
    """Nobody reads the rest: it would not fit into any buffer."""
    refusal = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno"
    taken = 0

    def endless() -> Iterator[bytes]:
        nonlocal taken
        while taken < 1 << 30:
            taken += 1 << 16
            yield bytes(1 << 16)

    server = Scripted(says(refusal))
    answer = wire(server).send(Request(method="PUT", target="/x", body=endless(), timeout=10))
    assert (answer.status, answer.read()) == (400, b"no")
    assert taken < 1 << 30
    server.join()


def test_silence_is_a_timeout() -> None:
    server = Scripted(keeps_open(OK + b"Content-Length: 5\r\n\r\nhel"))
    answer = wire(server).send(Request(method="GET", target="/x", timeout=0.05))
    with pytest.raises(TimeoutError):
        answer.read()
    answer.close()
    server.join()


def test_the_head_may_have_another_limit_than_the_body() -> None:
    asked = Request(method="POST", target="/x", head_timeout=0.2)
    silent = Scripted(keeps_open(b""))
    with pytest.raises(TimeoutError):
        wire(silent).send(asked)

    def slow(connection: socket.socket) -> None:
        connection.sendall(OK + b"Content-Length: 5\r\n\r\nhel")
        time.sleep(0.4)
        connection.sendall(b"lo")

    server = Scripted(slow)
    way = wire(server)
    assert way.send(asked).read() == b"hello"
    way.close()
    for each in (silent, server):
        each.join()


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (b"", "closed without an answer"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "does not speak HTTP"),
        (OK + b"Content-Length: x\r\n\r\n", "does not speak HTTP"),
        (OK + b"X: " + bytes(1 << 17) + b"\r\n\r\n", "does not speak HTTP"),
    ],
    ids=["nothing", "ssh", "no number", "too long"],
)
def test_what_is_no_answer(said: bytes, words: str) -> None:
    server = Scripted(says(said))
    with pytest.raises(ConnectionError, match=words):
        wire(server).send(GET).read()


def test_another_thread_can_end_a_read_that_waits() -> None:
    server = Scripted(keeps_open(OK + b"Transfer-Encoding: chunked\r\n\r\n"))
    answer = wire(server).send(Request(method="GET", target="/events"))
    ended = []

    def read() -> None:
        with pytest.raises(ConnectionResetError):
            answer.read()
        ended.append(True)

    reader = threading.Thread(target=read)
    reader.start()
    answer.hang_up()
    reader.join(10)
    assert ended
    answer.close()
    answer.hang_up()  # too late, and no error
    server.join()


@settings(deadline=None)
@given(body=st.lists(st.sampled_from([b"a", b"bc", b"", b"\n", b"d\n"])), places=anywhere)
def test_lines_do_not_depend_on_the_pieces(body: list[bytes], places: list[int]) -> None:
    data = b"".join(body)
    whole = data.split(b"\n")
    pieces = cut(data, places) if data else []
    assert list(lines(pieces)) == (whole if whole[-1] else whole[:-1])


def test_a_line_without_an_end_takes_no_more_memory_than_its_longest_piece() -> None:
    chunks = (b"x" * (1 << 14) for _ in range(640))
    assert [len(line) for line in lines(chunks, 1 << 20)] == [1 << 20] * 10

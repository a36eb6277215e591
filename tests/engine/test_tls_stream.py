"""A connection under TLS of which one direction is closed, whatever the pieces in which its records come."""

from __future__ import annotations

import itertools
import socket
import ssl
import threading
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ways import certificates, server_context

from stackctl.engine.transport.byte_stream import TlsStream
from stackctl.engine.transport.duplex import Duplex


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Of the server and of the client."""
    directory = certificates(tmp_path_factory.mktemp("tls"))
    client = ssl.create_default_context(cafile=str(directory / "ca.pem"))
    client.load_cert_chain(directory / "cert.pem", directory / "key.pem")
    return server_context(directory), client


class Server:
    """The other end: it says `before`, reads to the end of the input, and says `after`, its records cut at `places`."""

    def __init__(
        self,
        connection: socket.socket,
        context: ssl.SSLContext,
        before: bytes,
        after: bytes,
        places: list[int],
    ) -> None:
        self._connection = connection
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._before, self._after, self._places = before, after, places
        self.got = b""

    def run(self) -> None:
        with self._connection:
            while True:
                try:
                    self._tls.do_handshake()
                except ssl.SSLWantReadError:
                    self._flush([])
                    self._incoming.write(self._connection.recv(1 << 16))
                else:
                    break
            if self._before:
                self._tls.write(self._before)
            self._flush(self._places)
            while data := self._read():
                self.got += data
            if self._after:
                self._tls.write(self._after)
            self._flush(self._places)

    def _read(self) -> bytes:
        while True:
            try:
                return self._tls.read(1 << 16)
            except ssl.SSLWantReadError:
                self._incoming.write(self._connection.recv(1 << 16))
            except ssl.SSLZeroReturnError:
                return b""

    def _flush(self, places: list[int]) -> None:
        data = self._outgoing.read()
        edges = [0, *sorted(place % (len(data) or 1) for place in places), len(data)]
        for start, end in itertools.pairwise(edges):
            self._connection.sendall(data[start:end])


@settings(max_examples=60, deadline=None)
@given(
    before=st.binary(max_size=200),
    sent=st.binary(max_size=40_000),
    after=st.binary(max_size=40_000),
    places=st.lists(st.integers(0, 50_000), max_size=5),
)
def test_what_comes_before_and_after_the_end_of_the_input_is_all_there(
    contexts: tuple[ssl.SSLContext, ssl.SSLContext],
    before: bytes,
    sent: bytes,
    after: bytes,
    places: list[int],
) -> None:
    ours, theirs = socket.socketpair()
    ours.settimeout(20)
    theirs.settimeout(20)
    server = Server(theirs, contexts[0], before, after, places)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    stream = TlsStream(ours, contexts[1], "127.0.0.1")
    line = Duplex(stream, b"")
    got, over, unsent, ended = b"", False, sent, False
    while not over:
        unsent = unsent[line.send(unsent) :] if unsent else unsent
        if not unsent and not ended:
            line.end_input()
            ended = True
        data, over = line.receive()
        got += data
        if not over:
            line.wait(20, to_send=bool(unsent))
    stream.close()
    thread.join(20)
    assert (server.got, got) == (sent, before + after)


def test_a_session_ticket_is_no_answer(contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    """A server sends tickets after the handshake: the socket can be read, and nothing has been said."""
    ours, theirs = socket.socketpair()
    ours.settimeout(20)
    theirs.settimeout(20)
    server = Server(theirs, contexts[0], b"", b"hello", [])
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    stream = TlsStream(ours, contexts[1], "127.0.0.1")
    assert ours.recv(1, socket.MSG_PEEK)
    assert not stream.is_readable()
    stream.end_output()
    assert stream.receive() == b"hello"
    assert stream.receive() == b""
    stream.close()
    thread.join(20)


def test_a_certificate_of_a_stranger_is_refused(contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    ours, theirs = socket.socketpair()
    ours.settimeout(20)
    theirs.settimeout(20)

    def serve() -> None:
        with theirs, pytest.raises((ssl.SSLError, OSError)):
            Server(theirs, contexts[0], b"", b"", []).run()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    with pytest.raises(ssl.SSLCertVerificationError):
        TlsStream(ours, ssl.create_default_context(), "127.0.0.1")
    ours.close()
    thread.join(20)


@pytest.mark.parametrize("goodbye", [True, False], ids=["with a goodbye", "without a word"])
def test_what_is_sent_after_the_other_side_has_left_is_taken_and_nobody_reads_it(
    contexts: tuple[ssl.SSLContext, ssl.SSLContext], goodbye: bool
) -> None:
    server, client = contexts
    ours, theirs = socket.socketpair()

    def leave() -> None:
        connection = server.wrap_socket(theirs, server_side=True)
        if goodbye:
            with suppress(OSError):
                connection.unwrap()
        connection.close()

    other = threading.Thread(target=leave)
    other.start()
    line = Duplex(TlsStream(ours, client, "127.0.0.1"), b"")
    over = False
    while not over:
        line.wait(10)
        _, over = line.receive()
    for _ in range(3):
        assert line.send(b"hello") == 5
    line.end_input()
    other.join(10)
    ours.close()

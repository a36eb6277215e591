"""Each probe against a real server on this machine."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager

import pytest
from contract import free_port

from stackctl.engine.ready.probe import ProbeAnswer, UnreachableError, ask, run_test
from stackctl.engine.ready.target import KILLED, ContainerState
from stackctl.planner.world.probes import CommandProbe, HttpProbe, LogProbe, Probe, ProtocolProbe, TcpProbe

Serve = Callable[[socket.socket], None]


@contextmanager
def server(serve: Serve) -> Iterator[int]:
    """Serve each connection on a free port of 127.0.0.1."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:

        def loop() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    serve(connection)

        threading.Thread(target=loop, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


class Container:
    """A container whose commands and log are given; its clock stands still."""

    def __init__(
        self, log: str = "", results: Mapping[tuple[str, ...], tuple[int | None, str]] | None = None
    ) -> None:
        self._log = log
        self._results = results or {}
        self.ran: list[tuple[str, ...]] = []

    def inspect(self) -> ContainerState | None:
        return ContainerState(state="running")

    def log(self, tail: int | None = None) -> str:
        return self._log

    def exec(self, argv: tuple[str, ...], timeout: float) -> tuple[int | None, str]:
        self.ran.append(argv)
        return self._results.get(argv, (127, "not found"))

    def pause(self, seconds: float) -> None:
        raise AssertionError("a probe never pauses")

    def now(self) -> float:
        return 0.0


NEAR = ContainerState(state="running", addresses=("127.0.0.1",))


def published(target: int, port: int) -> ContainerState:
    return ContainerState(state="running", published={target: ("0.0.0.0", port)})


def put(probe: Probe, running: ContainerState = NEAR) -> ProbeAnswer:
    return ask(probe, running, Container(), timeout=2)


def hang_up(_: socket.socket) -> None:
    return


def listen(connection: socket.socket) -> None:
    connection.recv(100)


def say(data: bytes, *, after: bool = True) -> Serve:
    def serve(connection: socket.socket) -> None:
        if after:
            connection.recv(1000)
        connection.sendall(data)

    return serve


# TCP


def test_tcp_at_the_containers_address() -> None:
    with server(hang_up) as port:
        assert put(TcpProbe(port)) == ProbeAnswer(True, f"tcp {port}: accepts connections")
    port = free_port()
    assert put(TcpProbe(port)) == ProbeAnswer(False, f"tcp {port}: connection refused")


def test_tcp_tries_every_address() -> None:
    with server(hang_up) as port:
        assert put(
            TcpProbe(port), ContainerState(state="running", addresses=("127.0.0.9", "127.0.0.1"))
        ).ready


def test_tcp_behind_a_proxy_counts_only_if_nobody_hangs_up() -> None:
    with server(hang_up) as port:
        assert put(TcpProbe(80), published(80, port)) == ProbeAnswer(False, "tcp 80: connection closed")
    with server(listen) as port:
        assert put(TcpProbe(80), published(80, port)).ready
    with server(say(b"220 hello", after=False)) as port:
        assert put(TcpProbe(25), published(25, port)).ready


def test_a_port_that_cannot_be_reached_says_what_to_do() -> None:
    with pytest.raises(UnreachableError, match="port 80 cannot be asked") as caught:
        put(TcpProbe(80), ContainerState(state="running"))
    assert "publish the port" in caught.value.hint


# HTTP


@pytest.mark.parametrize(
    ("status", "ready"),
    [("200 OK", True), ("302 Found", True), ("404 Not Found", False), ("503 Busy", False)],
)
def test_http_wants_200_to_399(status: str, ready: bool) -> None:
    with server(say(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())) as port:
        assert put(HttpProbe(port, "/health")) == ProbeAnswer(ready, f"http :{port}/health: {status}")


def test_http_asks_as_localhost_for_the_path() -> None:
    heard = []

    def serve(connection: socket.socket) -> None:
        heard.append(connection.recv(1000).decode())
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    with server(serve) as port:
        assert put(HttpProbe(80, "/a?b=c"), published(80, port)).ready
    assert heard[0].startswith("GET /a?b=c HTTP/1.1\r\n")
    assert "\r\nHost: localhost\r\n" in heard[0]


def test_http_from_a_proxy_without_a_server() -> None:
    with server(hang_up) as port:
        assert put(HttpProbe(80, "/"), published(80, port)) == ProbeAnswer(
            False, "http :80/: connection closed"
        )


def test_http_from_something_else() -> None:
    with server(say(b"hello\r\n")) as port:
        assert not put(HttpProbe(port, "/")).ready


# Protocols


def postgres_error(code: str, message: str) -> bytes:
    body = f"SFATAL\0C{code}\0M{message}\0\0".encode()
    return b"E" + struct.pack("!i", len(body) + 4) + body


@pytest.mark.parametrize(
    ("reply", "ready", "text"),
    [
        (b"R" + struct.pack("!ii", 8, 0), True, "accepts connections"),
        (b"R" + struct.pack("!ii", 8, 10), True, "accepts connections"),
        (
            postgres_error("57P03", "the database system is starting up"),
            False,
            "the database system is starting up",
        ),
        (postgres_error("3D000", 'database "x" does not exist'), True, 'database "x" does not exist'),
        (b"HTTP/1.1 400 Bad Request", False, "what answers is not Postgres"),
        (b"", False, "connection closed"),
    ],
)
def test_postgres(reply: bytes, ready: bool, text: str) -> None:
    with server(say(reply)) as port:
        assert put(ProtocolProbe("postgres", port)) == ProbeAnswer(ready, f"postgres {port}: {text}")


def test_postgres_names_user_and_database() -> None:
    heard = []

    def serve(connection: socket.socket) -> None:
        heard.append(connection.recv(1000))
        connection.sendall(b"R" + struct.pack("!ii", 8, 0))

    with server(serve) as port:
        put(ProtocolProbe("postgres", port, user="me", database="shop"))
    assert heard[0][:8] == struct.pack("!ii", len(heard[0]), 196608)
    assert b"user\0me\0database\0shop\0" in heard[0]


@pytest.mark.parametrize(
    ("reply", "ready"),
    [
        (b"+PONG\r\n", True),
        (b"-NOAUTH Authentication required.\r\n", True),
        (b"-LOADING Redis is loading the dataset in memory\r\n", False),
        (b"-DENIED Redis is running in protected mode\r\n", True),
        (b"", False),
    ],
)
def test_redis(reply: bytes, ready: bool) -> None:
    with server(say(reply)) as port:
        assert put(ProtocolProbe("redis", port)).ready is ready


def mysql_packet(payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "little") + b"\0" + payload


@pytest.mark.parametrize(
    ("reply", "ready"),
    [
        (mysql_packet(b"\x0a8.0.36\0"), True),
        (mysql_packet(b"\xff\x6a\x04Host '172.17.0.1' is not allowed"), True),
        (mysql_packet(b"\xff\x10\x04Too many connections"), False),
        (b"SSH-2.0-OpenSSH", False),
    ],
)
def test_mysql(reply: bytes, ready: bool) -> None:
    with server(say(reply, after=False)) as port:
        assert put(ProtocolProbe("mysql", port)).ready is ready


def test_a_server_of_unknown_protocol_is_confirmed_by_its_command() -> None:
    ready = ("mongosh", "--eval", "1")
    probe = ProtocolProbe("mongodb", free_port(), ready)
    container = Container(results={ready: (1, "not yet")})
    assert not ask(probe, NEAR, container, 2).ready
    assert container.ran == []  # nobody listens: no need to ask inside
    with server(listen) as port:
        assert (
            ask(ProtocolProbe("mongodb", port, ready), NEAR, container, 2).text == "mongosh --eval 1: not yet"
        )
        assert put(ProtocolProbe("mongodb", port)).ready


def test_a_server_that_cannot_be_reached_is_asked_from_inside() -> None:
    inside = ("pg_isready", "-h", "127.0.0.1")
    container = Container(results={inside: (0, "accepting connections\n")})
    probe = ProtocolProbe("postgres", 5432, inside)
    answer = ask(probe, ContainerState(state="running"), container, 2)
    assert answer == ProbeAnswer(True, "pg_isready -h 127.0.0.1: accepting connections")


# Log and commands


def test_log() -> None:
    container = Container("starting\nready to accept connections on 5432\n")
    assert ask(LogProbe(r"^ready .* \d+$"), NEAR, container, 2).ready
    answer = ask(LogProbe("finished"), NEAR, container, 2)
    assert answer == ProbeAnswer(False, "log: no line matches 'finished'")


def test_a_command_line_runs_in_a_shell() -> None:
    container = Container(results={("/bin/sh", "-c", "test -f /ready"): (1, "")})
    answer = ask(CommandProbe(("CMD-SHELL", "test -f /ready")), NEAR, container, 7.2)
    assert answer == ProbeAnswer(False, "test -f /ready: exit code 1")


def test_a_command_that_hangs_is_marked() -> None:
    container = Container(results={("slow",): (None, "")})
    answer = run_test(("CMD", "slow"), container, 3)
    assert answer.hung
    assert answer.text == "slow: still runs after 3 s"


def test_a_command_that_was_ended_gave_no_answer() -> None:
    container = Container(results={("slow",): (KILLED, "working on it")})
    assert run_test(("CMD", "slow"), container, 3) == ProbeAnswer(False, "slow: no answer within 3 s")

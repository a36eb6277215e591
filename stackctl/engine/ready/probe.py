"""Ask a container once whether it is ready. Every answer says what was asked and what came back."""

from __future__ import annotations

import re
import socket
import struct
from collections.abc import Callable
from contextlib import closing

from msgspec import Struct

from stackctl.engine.ready.target import KILLED, Running, Target
from stackctl.engine.transport.byte_stream import ByteStream
from stackctl.engine.transport.messages import Request
from stackctl.engine.transport.wire import Wire
from stackctl.errors import EngineError
from stackctl.planner.world.probes import CommandProbe, HttpProbe, LogProbe, Probe, ProtocolProbe, TcpProbe
from stackctl.spec.output.redact import redacted
from stackctl.spec.text.parts import written

PROXY_GRACE = 0.25
"""Seconds a connection to a published port must stay open to count: a port proxy accepts at once, and closes within
a millisecond if nothing listens in the container."""

CONNECT_TIMEOUT = 2.0
"""Seconds to connect. A container here or on the host's network answers in less than one of them, or refuses."""


class UnreachableError(EngineError):
    """The question cannot be asked from here at all."""


class Answer(Struct, frozen=True):
    """Whether the probe passed, and what it said, as one line for people."""

    ready: bool
    text: str
    hung: bool = False
    """The command did not end and could not be ended: it must not be run a second time."""
    pending: bool = False
    """The command is under way."""


def ask(probe: Probe, running: Running, target: Target, timeout: float) -> Answer:
    """Put the question once, for at most about `timeout` seconds.

    Raises `UnreachableError` where the port can be reached neither at the container's address nor on the host.
    """
    match probe:
        case LogProbe(regex):
            found = re.search(regex, target.log(), re.MULTILINE)
            return Answer(found is not None, f"log: {'found' if found else 'no line matches'} {regex!r}")
        case CommandProbe(test):
            return run_test(test, target, timeout)
        case ProtocolProbe(fallback=fallback) if fallback and not _doors(running, probe.port):
            return run_test(("CMD", *fallback), target, timeout)
        case ProtocolProbe(fallback=fallback) if fallback and probe.protocol not in _PROTOCOLS:
            answer = ask_from_outside(probe, running, timeout)
            return run_test(("CMD", *fallback), target, timeout) if answer.ready else answer
    return ask_from_outside(probe, running, timeout)


def ask_from_outside(probe: TcpProbe | HttpProbe | ProtocolProbe, running: Running, timeout: float) -> Answer:
    """Put a question that needs no more than a connection. Raises `UnreachableError` as `ask` does."""
    match probe:
        case TcpProbe(port):
            return _at_any_door(running, port, f"tcp {port}", lambda door: _tcp(door, timeout))
        case HttpProbe(port, path):
            return _at_any_door(running, port, f"http :{port}{path}", lambda door: _http(door, path, timeout))
    what, speak = f"{probe.protocol} {probe.port}", _PROTOCOLS.get(probe.protocol)
    if speak is None:
        return _at_any_door(running, probe.port, what, lambda door: _tcp(door, timeout))

    def talk(door: _Door) -> Answer:
        with _connect(door, min(timeout, 5.0)) as connection:
            return speak(connection, probe)

    return _at_any_door(running, probe.port, what, talk)


def tells_from_outside(probe: Probe) -> bool:
    """Whether a connection alone answers the question: no command in the container, no log."""
    match probe:
        case TcpProbe() | HttpProbe():
            return True
        case ProtocolProbe(protocol=protocol, fallback=fallback):
            return protocol in _PROTOCOLS or not fallback
    return False


class _Door(Struct, frozen=True):
    """Where a port of the container can be reached. Behind a `proxy`, being let in says nothing yet."""

    host: str
    port: int
    proxy: bool


def _doors(running: Running, port: int) -> list[_Door]:
    if running.addresses:
        return [_Door(address, port, proxy=False) for address in running.addresses]
    if port in running.published:
        host, published = running.published[port]
        return [_Door(host, published, proxy=True)]
    return []


def _at_any_door(running: Running, port: int, what: str, knock: Callable[[_Door], Answer]) -> Answer:
    """Try the addresses in turn until one passes; the answer is the last one's otherwise."""
    answer = None
    for door in _doors(running, port):
        try:
            answer = knock(door)
        except OSError as error:
            answer = Answer(False, _reason(error))
        if answer.ready:
            break
    if answer is None:
        raise UnreachableError(
            f"port {port} cannot be asked: the container's address cannot be reached from here and the port is not published",
            'publish the port, or use a check that runs in the container: healthcheck = { test = "…" }',
        )
    return Answer(answer.ready, f"{what}: {answer.text}")


def _reason(error: Exception) -> str:
    match error:
        case TimeoutError():
            return "no answer in time"
        case ConnectionResetError() | BrokenPipeError():
            return "connection closed"
        case OSError(strerror=str(reason)):
            return reason.lower()
    return str(error) or type(error).__name__


def _connect(door: _Door, timeout: float) -> socket.socket:
    connection = socket.create_connection((door.host, door.port), timeout=min(timeout, CONNECT_TIMEOUT))
    connection.settimeout(timeout)
    return connection


def _tcp(door: _Door, timeout: float) -> Answer:
    with _connect(door, timeout) as connection:
        if door.proxy:
            connection.settimeout(PROXY_GRACE)
            try:
                if not connection.recv(1):
                    return Answer(False, "connection closed")
            except TimeoutError:
                pass  # nobody hung up: somebody listens, and waits for us to speak first
    return Answer(True, "accepts connections")


def _http(door: _Door, path: str, timeout: float) -> Answer:
    # A server that checks the Host header knows its checks as localhost, as from within the container.
    headers = {"Host": "localhost", "User-Agent": "stackctl", "Connection": "close"}
    wire = Wire(lambda: ByteStream(_connect(door, timeout)), headers)
    with closing(wire.send(Request(method="GET", target=path, timeout=timeout))) as answer:
        return Answer(200 <= answer.status < 400, f"{answer.status} {answer.reason}".strip())


def run_test(test: tuple[str, ...], target: Target, timeout: float) -> Answer:
    """Run Docker's health test in the container."""
    if not test or test[0] == "NONE":
        return Answer(True, "no check")
    argv = ("/bin/sh", "-c", test[1]) if test[0] == "CMD-SHELL" else test[1:]
    ran = target.exec(argv, timeout)
    what = _shown(test[1:])
    if ran is None:
        return Answer(False, f"{what}: no answer yet", pending=True)
    code, output = ran
    if code is None:
        return Answer(False, f"{what}: still runs after {timeout:g} s", hung=True)
    if code == KILLED:
        return Answer(False, f"{what}: no answer within {timeout:g} s")
    said = output.strip().splitlines()
    text = redacted(said[-1]) if said else f"exit code {code}"
    return Answer(code == 0, f"{what}: {text}")


def _shown(words: tuple[str, ...]) -> str:
    """A command as people may see it: variables and references by their names, dots for other secrets."""
    return " ".join(redacted([written(word) for word in words]))


def _receive(connection: socket.socket, count: int) -> bytes:
    """Exactly `count` bytes."""
    data = b""
    while len(data) < count:
        chunk = connection.recv(count - len(data))
        if not chunk:
            raise ConnectionResetError
        data += chunk
    return data


_CANNOT_CONNECT_NOW = "57P03"  # SQLSTATE cannot_connect_now: starting up, shutting down, in recovery


def _postgres(connection: socket.socket, probe: ProtocolProbe) -> Answer:
    """As pg_isready asks: whatever the server answers to a StartupMessage but cannot_connect_now means that it accepts
    connections (PostgreSQL, "Message Formats" and libpq's PQping).
    """
    user = probe.user or "postgres"
    fields = ("user", user, "database", probe.database or user, "application_name", "stackctl")
    body = struct.pack("!i", 3 << 16) + b"".join(field.encode() + b"\0" for field in fields) + b"\0"
    connection.sendall(struct.pack("!i", len(body) + 4) + body)
    kind, length = struct.unpack("!ci", _receive(connection, 5))
    if kind == b"R":
        # Read to its end and hung up without a word, as pg_isready does: the server's log stays silent.
        _receive(connection, length - 4)
        return Answer(True, "accepts connections")
    if kind != b"E" or not 4 <= length <= 30_000:
        return Answer(False, "what answers is not Postgres")
    error = {
        part[:1]: part[1:] for part in _receive(connection, length - 4).decode(errors="replace").split("\0")
    }
    return Answer(error.get("C") != _CANNOT_CONNECT_NOW, error.get("M", "refused"))


def _redis(connection: socket.socket, probe: ProtocolProbe) -> Answer:  # noqa: ARG001
    """PING. A server that asks for a password, or lets nobody else in, answers, too; one that loads its data does not."""
    connection.sendall(b"PING\r\n")
    line = connection.recv(200).partition(b"\r\n")[0].decode(errors="replace")
    return Answer(
        line.startswith(("+PONG", "-NOAUTH", "-NOPERM", "-DENIED")), line.lstrip("+-") or "connection closed"
    )


_HOST_NOT_PRIVILEGED = 1130  # ER_HOST_NOT_PRIVILEGED: it serves, but not this client


def _mysql(connection: socket.socket, probe: ProtocolProbe) -> Answer:  # noqa: ARG001
    """The server speaks first: a greeting of protocol version 10, or an error packet (MySQL, "Connection Phase")."""
    head = _receive(connection, 5)
    if head[4] == 0x0A:
        return Answer(True, "accepts connections")
    if head[4] != 0xFF:
        return Answer(False, "what answers is not MySQL")
    rest = _receive(connection, min(int.from_bytes(head[:3], "little"), 600) - 1)
    code = int.from_bytes(rest[:2], "little")
    return Answer(code == _HOST_NOT_PRIVILEGED, rest[2:].decode(errors="replace"))


_PROTOCOLS: dict[str, Callable[[socket.socket, ProtocolProbe], Answer]] = {
    "postgres": _postgres,
    "redis": _redis,
    "valkey": _redis,
    "mysql": _mysql,
    "mariadb": _mysql,
}

"""Ask a container once whether it is ready. Every answer says what was asked and what was answered."""

from __future__ import annotations

import re
import socket
import struct
from collections.abc import Callable
from contextlib import closing

from msgspec import Struct

from stackctl.engine.ready.target import KILLED, ContainerState, Target
from stackctl.engine.transport.byte_stream import ByteStream, GuardedError, refusals, sockets_are_guarded
from stackctl.engine.transport.messages import Request
from stackctl.engine.transport.wire import Wire
from stackctl.errors import EngineError
from stackctl.planner.world.probes import CommandProbe, HttpProbe, LogProbe, Probe, ProtocolProbe, TcpProbe
from stackctl.spec.output.redact import redacted
from stackctl.spec.text.parts import written

PROXY_GRACE = 0.25
"""Seconds for which a connection to a published port must stay open before it counts. A port proxy accepts at once, and
closes after a millisecond if nothing listens in the container."""

CONNECT_TIMEOUT = 2.0
"""Seconds to connect. A container on this machine accepts or refuses in less than one second."""


class UnreachableError(EngineError):
    """The container cannot be asked from here at all."""


class ProbeAnswer(Struct, frozen=True):
    """Whether the probe passed (`ready`), and what it said in one line for people (`text`)."""

    ready: bool
    text: str
    hung: bool = False
    """The command still runs and cannot be ended, so it must not be run a second time."""
    pending: bool = False
    """The command has not ended yet. It may still be in time."""


def ask(probe: Probe, running: ContainerState, target: Target, timeout: float) -> ProbeAnswer:
    """Run the probe once, for about `timeout` seconds at most.

    Raises `UnreachableError` if the port can be reached neither at the container's address nor on the host.
    """
    match probe:
        case LogProbe(regex):
            found = re.search(regex, target.log(), re.MULTILINE)
            return ProbeAnswer(found is not None, f"log: {'found' if found else 'no line matches'} {regex!r}")
        case CommandProbe(test):
            return run_test(test, target, timeout)
        case ProtocolProbe(fallback=fallback) if fallback and not _doors(running, probe.port):
            return run_test(("CMD", *fallback), target, timeout)
        case ProtocolProbe(fallback=fallback) if fallback and probe.protocol not in _PROTOCOLS:
            answer = ask_from_outside(probe, running, timeout)
            return run_test(("CMD", *fallback), target, timeout) if answer.ready else answer
    return ask_from_outside(probe, running, timeout)


def ask_from_outside(
    probe: TcpProbe | HttpProbe | ProtocolProbe, running: ContainerState, timeout: float
) -> ProbeAnswer:
    """Run a probe that needs only a connection. Raises `UnreachableError` as `ask` does."""
    match probe:
        case TcpProbe(port):
            return _at_any_door(running, port, f"tcp {port}", lambda door: _tcp(door, timeout))
        case HttpProbe(port, path):
            return _at_any_door(running, port, f"http :{port}{path}", lambda door: _http(door, path, timeout))
    what, speak = f"{probe.protocol} {probe.port}", _PROTOCOLS.get(probe.protocol)
    if speak is None:
        return _at_any_door(running, probe.port, what, lambda door: _tcp(door, timeout))

    def talk(door: _Door) -> ProbeAnswer:
        with _connect(door, min(timeout, 5.0)) as connection:
            return speak(connection, probe)

    return _at_any_door(running, probe.port, what, talk)


def tells_from_outside(probe: Probe) -> bool:
    """Whether a connection alone is enough for the probe: it needs no command in the container and no log."""
    match probe:
        case TcpProbe() | HttpProbe():
            return True
        case ProtocolProbe(protocol=protocol, fallback=fallback):
            return protocol in _PROTOCOLS or not fallback
    return False


class _Door(Struct, frozen=True):
    """A host and a port where a port of the container can be reached. `proxy`: a port proxy listens there, so that an
    accepted connection does not yet mean that the container listens.
    """

    host: str
    port: int
    proxy: bool


def _doors(running: ContainerState, port: int) -> list[_Door]:
    """The container's own addresses; else, or if tests guard their sockets, the published port, which tests use as well."""
    if running.addresses and not (port in running.published and sockets_are_guarded()):
        return [_Door(address, port, proxy=False) for address in running.addresses]
    if port in running.published:
        host, published = running.published[port]
        return [_Door(host, published, proxy=True)]
    return []


def _at_any_door(
    running: ContainerState, port: int, what: str, knock: Callable[[_Door], ProbeAnswer]
) -> ProbeAnswer:
    """Try one door after another until one passes. Return its answer; if none passes, the answer of the last door."""
    answer = None
    for door in _doors(running, port):
        try:
            answer = knock(door)
        except GuardedError as error:
            raise UnreachableError(
                f"port {port} cannot be asked, because the tests guard their sockets: {error}",
                "let 127.0.0.1 through; pytest-socket: --allow-hosts=127.0.0.1",
            ) from error
        except OSError as error:
            answer = ProbeAnswer(False, _reason(error))
        if answer.ready:
            break
    if answer is None:
        raise UnreachableError(
            f"port {port} cannot be asked: the container's address cannot be reached from here and the port is not published",
            'publish the port, or use a check that runs in the container: healthcheck = { test = "…" }',
        )
    return ProbeAnswer(answer.ready, f"{what}: {answer.text}")


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
    host = door.host.encode() if door.host.isascii() else door.host  # bytes do not load the codec of IDNA
    with refusals():
        connection = socket.create_connection((host, door.port), timeout=min(timeout, CONNECT_TIMEOUT))  # type: ignore[arg-type]
    connection.settimeout(timeout)
    return connection


def _tcp(door: _Door, timeout: float) -> ProbeAnswer:
    with _connect(door, timeout) as connection:
        if door.proxy:
            connection.settimeout(PROXY_GRACE)
            try:
                if not connection.recv(1):
                    return ProbeAnswer(False, "connection closed")
            except TimeoutError:
                pass  # the connection stays open: a server listens, and waits until the client speaks first
    return ProbeAnswer(True, "accepts connections")


def _http(door: _Door, path: str, timeout: float) -> ProbeAnswer:
    # Some servers check the Host header. They know `localhost`, since checks inside the container use it.
    headers = {"Host": "localhost", "User-Agent": "stackctl", "Connection": "close"}
    wire = Wire(lambda: ByteStream(_connect(door, timeout)), headers)
    with closing(wire.send(Request(method="GET", target=path, timeout=timeout))) as answer:
        return ProbeAnswer(200 <= answer.status < 400, f"{answer.status} {answer.reason}".strip())


def run_test(test: tuple[str, ...], target: Target, timeout: float) -> ProbeAnswer:
    """Run Docker's health test in the container."""
    if not test or test[0] == "NONE":
        return ProbeAnswer(True, "no check")
    argv = ("/bin/sh", "-c", test[1]) if test[0] == "CMD-SHELL" else test[1:]
    ran = target.exec(argv, timeout)
    what = _shown(test[1:])
    if ran is None:
        return ProbeAnswer(False, f"{what}: no answer yet", pending=True)
    code, output = ran
    if code is None:
        return ProbeAnswer(False, f"{what}: still runs after {timeout:g} s", hung=True)
    if code == KILLED:
        return ProbeAnswer(False, f"{what}: no answer within {timeout:g} s")
    said = output.strip().splitlines()
    text = redacted(said[-1]) if said else f"exit code {code}"
    return ProbeAnswer(code == 0, f"{what}: {text}")


def _shown(words: tuple[str, ...]) -> str:
    """A command as people may see it: the names of variables and references instead of values, dots for other secrets."""
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


def _postgres(connection: socket.socket, probe: ProtocolProbe) -> ProbeAnswer:
    """Ask as pg_isready does. Every answer to a StartupMessage means that the server accepts connections, except
    cannot_connect_now (PostgreSQL, "Message Formats" and libpq's PQping).
    """
    user = probe.user or "postgres"
    fields = ("user", user, "database", probe.database or user, "application_name", "stackctl")
    body = struct.pack("!i", 3 << 16) + b"".join(field.encode() + b"\0" for field in fields) + b"\0"
    connection.sendall(struct.pack("!i", len(body) + 4) + body)
    kind, length = struct.unpack("!ci", _receive(connection, 5))
    if kind == b"R":
        # pg_isready also reads the message to its end and then closes: so the server writes nothing to its log.
        _receive(connection, length - 4)
        return ProbeAnswer(True, "accepts connections")
    if kind != b"E" or not 4 <= length <= 30_000:
        return ProbeAnswer(False, "what answers is not Postgres")
    error = {
        part[:1]: part[1:] for part in _receive(connection, length - 4).decode(errors="replace").split("\0")
    }
    return ProbeAnswer(error.get("C") != _CANNOT_CONNECT_NOW, error.get("M", "refused"))


def _redis(connection: socket.socket, probe: ProtocolProbe) -> ProbeAnswer:  # noqa: ARG001
    """Send PING. A server that wants a password, or accepts no more clients, is ready, too. A server that still loads its
    data is not.
    """
    connection.sendall(b"PING\r\n")
    line = connection.recv(200).partition(b"\r\n")[0].decode(errors="replace")
    return ProbeAnswer(
        line.startswith(("+PONG", "-NOAUTH", "-NOPERM", "-DENIED")), line.lstrip("+-") or "connection closed"
    )


_HOST_NOT_PRIVILEGED = 1130  # ER_HOST_NOT_PRIVILEGED: the server is ready, but not for this client


def _mysql(connection: socket.socket, probe: ProtocolProbe) -> ProbeAnswer:  # noqa: ARG001
    """The server speaks first: a greeting of protocol version 10, or an error packet (MySQL, "Connection Phase")."""
    head = _receive(connection, 5)
    if head[4] == 0x0A:
        return ProbeAnswer(True, "accepts connections")
    if head[4] != 0xFF:
        return ProbeAnswer(False, "what answers is not MySQL")
    rest = _receive(connection, min(int.from_bytes(head[:3], "little"), 600) - 1)
    code = int.from_bytes(rest[:2], "little")
    return ProbeAnswer(code == _HOST_NOT_PRIVILEGED, rest[2:].decode(errors="replace"))


_PROTOCOLS: dict[str, Callable[[socket.socket, ProtocolProbe], ProbeAnswer]] = {
    "postgres": _postgres,
    "redis": _redis,
    "valkey": _redis,
    "mysql": _mysql,
    "mariadb": _mysql,
}

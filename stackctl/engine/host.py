"""Ask this machine: which ports its processes hold, and which paths exist."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Collection, Container, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from stackctl.engine import claims
from stackctl.engine.transport.byte_stream import refusals
from stackctl.planner.before.situation import Binding, HostFacts

_SOMEBODY = "another process"
_TAKEN = (errno.EADDRINUSE,)
_LOOPBACK = "127.0.0.1"
_LEAST_FREE = 10_000
"""The first port to search: well-known servers have ports below it."""
_ROOM = 10_000
"""How many ports to search at least, even if the system gives nearly all ports to connections."""


def host_facts(bindings: Collection[Binding], paths: Collection[str]) -> HostFacts:
    """Which of these bindings are taken, by which process, and which port near each is free; and which paths are missing.

    Each binding is tried, just as the engine's port proxy will try it. A binding that cannot be tried here (no such
    address, no privilege, guarded sockets) counts as free: the engine decides.
    """
    taken = [binding for binding in sorted(bindings) if _is_taken(*binding)]
    holders = _holders(taken) if taken else {}
    asked = {port for _, port, _ in bindings}
    return HostFacts(
        busy={binding: holders.get(binding[1:], _SOMEBODY) for binding in taken},
        free={port: _free_near(host, port, protocol, asked) for host, port, protocol in taken},
        missing=frozenset(path for path in paths if not Path(path).exists()),
    )


def free_ports(protocols: Iterable[str], avoid: Container[int] = ()) -> list[int]:
    """Ports of loopback that no process has at the moment, all different, one for each of the protocols, and none of `avoid`.

    No other call of this function gets them, in any process of this user, until this process ends or calls `give_back`.

    The system gives some ports to outgoing connections (`_first_ephemeral`). Those are left out: a connection could take
    one before the container does. The search begins at a random port, so that two processes that search at once find
    different ports.
    """
    pool = range(_LEAST_FREE, max(_first_ephemeral(), _LEAST_FREE + _ROOM))
    start = int.from_bytes(os.urandom(4)) % len(pool)
    candidates = iter([*pool[start:], *pool[:start]])
    return [
        next(port for port in candidates if port not in avoid and is_free(port, each) and claims.claim(port))
        for each in protocols
    ]


def is_free(port: int, protocol: str) -> bool:
    """Whether no process has the port of loopback at the moment."""
    return not _is_taken(_LOOPBACK, port, protocol)


def give_back(ports: Iterable[int]) -> None:
    """Let others get these ports from `free_ports`."""
    for port in ports:
        claims.give_back(port)


def _first_ephemeral() -> int:
    """The first port that the system gives to outgoing connections (Linux: ip(7), ip_local_port_range; else RFC 6335)."""
    try:
        return int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return 49152


def _is_taken(host: str, port: int, protocol: str) -> bool:
    kind = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}.get(protocol)
    if kind is None:
        return False
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with refusals(), socket.socket(family, kind) as attempt:
            if family == socket.AF_INET6:
                attempt.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            if (
                kind == socket.SOCK_STREAM
            ):  # as Go's net.Listen does: an old connection does not hold the port
                attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            attempt.bind((host, port))
            if kind == socket.SOCK_STREAM:
                attempt.listen(1)
    except OSError as error:
        return error.errno in _TAKEN
    return False


def _free_near(host: str, port: int, protocol: str, asked: Collection[int]) -> int:
    """The next free port above this one, else below it."""
    candidates = [*range(port + 1, 65536), *range(port - 1, 1023, -1)]
    return next((p for p in candidates if p not in asked and not _is_taken(host, p, protocol)), 0)


def _holders(taken: Iterable[Binding]) -> Mapping[tuple[int, str], str]:
    """Which process holds a port of a protocol, in words. Only Linux tells (/proc), and only what this user may see."""
    inodes: dict[str, tuple[int, str]] = {}
    wanted = {(port, protocol) for _, port, protocol in taken}
    for protocol in {protocol for _, protocol in wanted}:
        for table in (protocol, f"{protocol}6"):
            for port, inode in _listeners(Path("/proc/net") / table, protocol):
                if (port, protocol) in wanted:
                    inodes[f"socket:[{inode}]"] = (port, protocol)
    found: dict[tuple[int, str], str] = {}
    for process in Path("/proc").glob("[0-9]*"):
        for key in _sockets(process) & inodes.keys():
            found.setdefault(inodes[key], f"process {process.name}{_command(process)}")
    return found


_LISTEN = "0A"


def _listeners(table: Path, protocol: str) -> Iterable[tuple[int, str]]:
    """Local port and inode of every socket that listens (proc(5), /proc/net/tcp)."""
    try:
        rows = table.read_text().splitlines()[1:]
    except OSError:
        return
    for row in rows:
        columns = row.split()
        if protocol != "tcp" or columns[3] == _LISTEN:
            yield int(columns[1].rpartition(":")[2], 16), columns[9]


def _sockets(process: Path) -> set[str]:
    """What the open files of the process are; empty for a process that has ended or that another user owns."""
    found: set[str] = set()
    with suppress(OSError):
        for link in (process / "fd").iterdir():
            with suppress(OSError):  # the process has closed it meanwhile
                found.add(os.readlink(link))  # noqa: PTH115 "socket:[1]" is no path
    return found


def _command(process: Path) -> str:
    """The command line of the process, shortened for people."""
    try:
        words = (process / "cmdline").read_bytes().decode(errors="replace").replace("\0", " ").strip()
    except OSError:
        return ""
    return f" ({words[:60]}{'…' if len(words) > 60 else ''})" if words else ""

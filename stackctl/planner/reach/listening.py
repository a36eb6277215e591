"""The TCP sockets of a network namespace that listen, as the kernel lists them (proc(5), /proc/net/tcp)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from msgspec import Struct

TABLES = ("tcp", "tcp6")
"""The tables of a directory /proc/PID/net that list TCP sockets. A kernel without IPv6 has only the first."""
_LISTEN = "0A"
_EMBEDDED_DNS = "127.0.0.11"
"""The address of the engine's own DNS server in every container of a network that has names."""


class Listener(Struct, frozen=True, order=True):
    """A socket that listens. `address` is 0.0.0.0 or :: for every address."""

    address: str
    port: int

    @property
    def everywhere(self) -> bool:
        """Whether it takes connections to every address."""
        return ipaddress.ip_address(self.address).is_unspecified

    @property
    def loopback(self) -> bool:
        """Whether only the container itself can connect."""
        return ipaddress.ip_address(self.address).is_loopback

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


def listeners(tables: str) -> tuple[Listener, ...]:
    """The sockets that listen, without those of the engine's DNS, from the text of /proc/net/tcp, of /proc/net/tcp6, or of both."""
    return tuple(sorted({each for line in tables.splitlines() for each in _listener(line.split())}))


def _listener(columns: list[str]) -> Iterator[Listener]:
    if len(columns) < 4 or columns[3] != _LISTEN:  # a heading, or a connection
        return
    address, _, port = columns[1].rpartition(":")
    words = [bytes.fromhex(address[at : at + 8])[::-1] for at in range(0, len(address), 8)]
    found = ipaddress.ip_address(b"".join(words))
    text = str(getattr(found, "ipv4_mapped", None) or found)  # an IPv6 socket may have an IPv4 address
    if text != _EMBEDDED_DNS:
        yield Listener(text, int(port, 16))

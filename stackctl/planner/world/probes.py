"""The ways to ask whether a container is ready, and what they mean. `engine/ready/probe.py` asks."""

from __future__ import annotations

from msgspec import Struct

from stackctl.secret import Secret


class CommandProbe(Struct, frozen=True):
    """Docker's health test, run in the container: `("CMD", …)` or `("CMD-SHELL", line)`. Exit 0 is ready."""

    test: tuple[str, ...]


class TcpProbe(Struct, frozen=True):
    """The port of the container accepts a connection."""

    port: int


class HttpProbe(Struct, frozen=True):
    """The port of the container answers a GET of the path with a status of 200 to 399."""

    port: int
    path: str


class LogProbe(Struct, frozen=True):
    """The regular expression is found in the log since the container's start."""

    regex: str


class ProtocolProbe(Struct, frozen=True):
    """The server of a known image speaks its protocol over TCP: `postgres`, `redis`, `mysql`, ….

    `fallback` is the same question as a command in the container, for where its address cannot be reached.
    """

    protocol: str
    port: int
    fallback: tuple[str, ...] = ()
    user: str = ""
    database: str = ""
    password: Secret | None = None


Probe = CommandProbe | TcpProbe | HttpProbe | LogProbe | ProtocolProbe


class Timing(Struct, frozen=True):
    """When to ask and when to give up, in seconds. The defaults are Docker's (Compose spec, 05-services healthcheck)."""

    interval: float = 30.0
    timeout: float = 30.0
    retries: int = 3
    start_period: float = 0.0
    start_interval: float = 5.0

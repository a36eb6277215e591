"""Tell what an engine and this process share, from the engine's endpoint and its answer to GET /info. Values in, values out.

| engine | loopback | paths | container addresses | clock |
|---|---|---|---|---|
| Linux, by a Unix socket | yes | yes | yes | yes |
| Linux without root, by a Unix socket | yes | yes | no: containers are in another network namespace | yes |
| Docker Desktop, and any engine on macOS: a virtual machine that ports and paths are passed to | yes | yes | no | no |
| by tcp on loopback, with the same host name as this machine | yes | no: the file system may be another | no | no |
| any other: tcp, a tunnel, ssh | no | no | no | no |
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct

_LOOPBACK = ("localhost", "::1")


class Sharing(Struct, frozen=True, kw_only=True):
    """`loopback`: a port that the engine publishes on 127.0.0.1 is open on 127.0.0.1 here. `paths`: a path means the same
    file. `addresses`: this process can connect to the addresses of containers. `clock`: both read the same clock.
    """

    loopback: bool = False
    paths: bool = False
    addresses: bool = False
    clock: bool = False


def sharing(endpoint: str, info: Mapping[str, Any], *, platform: str, hostname: str) -> Sharing:
    """`info` is the answer to GET /info, `platform` is `sys.platform`, `hostname` is the name of this machine."""
    desktop = info.get("OperatingSystem") == "Docker Desktop"
    near = endpoint.startswith("unix://")
    if near and platform == "linux" and not desktop:
        rootless = any("rootless" in option for option in info.get("SecurityOptions") or ())
        return Sharing(loopback=True, paths=True, addresses=not rootless, clock=True)
    if near or (desktop and _is_loopback(endpoint)):
        return Sharing(loopback=True, paths=True)
    return Sharing(loopback=_is_loopback(endpoint) and info.get("Name") == hostname)


def _is_loopback(endpoint: str) -> bool:
    url = urlsplit(endpoint)
    return url.scheme == "tcp" and (url.hostname in _LOOPBACK or (url.hostname or "").startswith("127."))

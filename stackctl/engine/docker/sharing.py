"""What an engine and this process have in common, by where it listens and what it says of itself. Values in, values out.

| engine | loopback | paths | container addresses | clock |
|---|---|---|---|---|
| Linux, by a Unix socket | yes | yes | yes | yes |
| Linux without root, by a Unix socket | yes | yes | no: they are in a namespace of its own | yes |
| Docker Desktop, and any on macOS: a virtual machine that is given ports and paths | yes | yes | no | no |
| by tcp on loopback, and it calls itself what this machine is called | yes | no: it may be another file system | no | no |
| any other: tcp, a tunnel, ssh | no | no | no | no |
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct

_LOOPBACK = ("localhost", "::1")


class Sharing(Struct, frozen=True, kw_only=True):
    """`loopback`: what listens on 127.0.0.1 there listens on it here. `paths`: a path means the same file.
    `addresses`: containers can be reached at their own.
    """

    loopback: bool = False
    paths: bool = False
    addresses: bool = False
    clock: bool = False


def sharing(endpoint: str, info: Mapping[str, Any], *, platform: str, hostname: str) -> Sharing:
    """`info` is the answer of GET /info, `platform` is Python's, `hostname` this machine's."""
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

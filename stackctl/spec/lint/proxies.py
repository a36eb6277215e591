"""The hosts that the mounted configuration of a proxy names: nginx, HAProxy, Caddy."""

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from msgspec import Struct

_LABEL = r"[A-Za-z](?:[\w-]{0,61}\w)?"
_END = r"(?=[:/\s;]|$)"
_NGINX = (
    rf"\b(?:proxy_pass|grpc_pass)\s+\w+://({_LABEL}){_END}",
    rf"\b(?:fastcgi_pass|uwsgi_pass|scgi_pass|memcached_pass)\s+({_LABEL}){_END}",
    rf"^\s*server\s+({_LABEL})(?::\d+)?(?:\s+[^{{;]*)?;",
)
_PATTERNS: Mapping[str, tuple[str, ...]] = {
    "nginx": _NGINX,
    "haproxy": (rf"^\s*server\s+\S+\s+({_LABEL}):\d+",),
    "caddy": (rf"\breverse_proxy\s+(?:[/*@]\S*\s+)?(?:https?://)?({_LABEL}):\d+",),
}
_AT_START = frozenset({"nginx", "haproxy"})
_NO_HOSTS = frozenset({"localhost", "unix"})


class Upstream(Struct, frozen=True):
    """A host to which a proxy passes requests on."""

    host: str
    line: int
    at_start: bool
    """Whether the proxy looks the name up when it starts, and ends if there is no such host."""


def proxy_of(target: str) -> str | None:
    """The proxy whose configuration is mounted at a path of the container; None if it is none."""
    path = PurePosixPath(target)
    if path.name == "nginx.conf" or (
        path.is_relative_to("/etc/nginx") and path.suffix in (".conf", ".template")
    ):
        return "nginx"
    if path.name == "haproxy.cfg":
        return "haproxy"
    return "caddy" if path.name == "Caddyfile" else None


def upstreams(proxy: str, text: str) -> Iterator[Upstream]:
    """The hosts without a dot that a configuration names. Names that it defines itself (`upstream NAME {`) are none."""
    own = set(re.findall(r"(?m)^\s*upstream\s+([\w.-]+)", text))
    for number, line in enumerate(text.splitlines(), 1):
        for pattern in _PATTERNS[proxy]:
            for host in re.findall(pattern, line.partition("#")[0]):
                if host not in own and host not in _NO_HOSTS:
                    yield Upstream(host.lower(), number, proxy in _AT_START)

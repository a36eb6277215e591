"""Find hosts in text: in URLs, and as `host:port`."""

import re
from collections.abc import Callable, Iterator

from msgspec import Struct

HOST = r"[a-z0-9][\w.-]*"
"""A pattern for names and IPv4 addresses. It is used without regard to case."""

_HOSTS = rf"{HOST}(?::\d{{1,5}})?(?:,{HOST}(?::\d{{1,5}})?)*"
_ADDRESSES = rf"""(?xia)(?P<before>
        \b(?P<scheme>[a-z][a-z0-9+.-]{{0,30}})://(?:[^\s/?\#"']*@)?     # postgresql://user:password@
        | (?<=//) | (?<![^\s@,=;&|"'(\[<])                              # or where a word begins
    )(?P<hosts>{_HOSTS})(?![\w.:@-])"""
_HOSTLESS = frozenset({"docker", "file", "gs", "oci", "s3", "unix"})
"""Schemes of URLs that name no host, but an image, a path or a bucket."""


class Hosts(Struct, frozen=True):
    """The hosts of one URL, or a list of hosts, each as `host` or `host:port`.

    `scheme` is in lower case, and only its name (see `plain_scheme`); "" outside of a URL.
    """

    scheme: str
    hosts: tuple[str, ...]


def addresses(text: str) -> Iterator[Hosts]:
    if ":" not in text:  # neither a scheme nor a port
        return
    yield from (address for match in re.finditer(_ADDRESSES, text) if (address := _address(match)))


def replaced(text: str, hosts: Callable[[Hosts], str]) -> str:
    """The text with the hosts of each address replaced. `hosts` gives the new ones."""

    def replace(match: re.Match[str]) -> str:
        address = _address(match)
        return match["before"] + hosts(address) if address else match[0]

    return re.sub(_ADDRESSES, replace, text)


def _address(match: re.Match[str]) -> Hosts | None:
    """The address that was found; None if no host is meant. A `+srv` URL names a record of the public DNS, not a host
    (MongoDB, "SRV Connection Format"). Outside of a URL at least one host must have a port.
    """
    scheme, hosts = (match["scheme"] or "").lower(), match["hosts"]
    if scheme in _HOSTLESS or scheme.endswith("+srv") or not (scheme or ":" in hosts):
        return None
    return Hosts(plain_scheme(scheme), tuple(hosts.split(",")))


def plain_scheme(scheme: str) -> str:
    """The name of a scheme without the driver after it and without Celery's word before it: `db+postgresql+psycopg` is `postgresql`."""
    return scheme.lower().removeprefix("db+").partition("+")[0]

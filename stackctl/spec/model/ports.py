"""Ports that are published on the host."""

import re
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

from msgspec import Struct

from stackctl.spec.model.keys import Check, key
from stackctl.spec.structure import Annotated, Mistake
from stackctl.spec.values import (
    Address,
    PortRange,
)

_PORT = (
    r"(?:(?:\[(?P<bracketed>[^\]]+)\]|(?P<address>[^\[\]]*)):(?=[\d-]*:))?"
    r"(?:(?P<published>[\d-]*):)?(?P<target>[\d-]+)(?:/(?P<protocol>\w+))?"
)


EVERYWHERE = "*"
"""How a file writes every address of the machine, IPv4 and IPv6."""


class HostAddress(Address):
    """An address of the host, or `*` for every one."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: object) -> Self:
        return cls(EVERYWHERE if value == EVERYWHERE else Address.parse(value))


class Port(Struct, frozen=True, kw_only=True):
    """A port of the container published on the host: `"8000:80"`, `"127.0.0.1:8000:80/tcp"`, or `80` for a free host port.

    Unlike in Compose, a port without an address is published on 127.0.0.1 only. `"0.0.0.0:8000:80"` publishes it on every IPv4
    address, `"*:8000:80"` also on every IPv6 address.
    """

    target: Annotated[PortRange, key("The port inside the container.")]
    published: Annotated[PortRange | None, key("The port on the host; a free one if left out.")] = None
    host_ip: Annotated[
        HostAddress | None, key('The address of the host to listen on; "*" for every one, IPv4 and IPv6.')
    ] = None
    protocol: Annotated[Literal["tcp", "udp", "sctp"], key("tcp, udp or sctp.")] = "tcp"
    mode: Annotated[
        Literal["ingress", "host"] | None,
        key(
            "On a Swarm: whether every node answers on the port (ingress), or only nodes with a task (host)."
        ),
    ] = None

    SHORT: ClassVar[dict[str, Any]] = {"type": ["string", "integer"]}
    NOT_DONE: ClassVar[Mapping[str, str]] = {
        "name": "nothing reads it",
        "app_protocol": "nothing reads it",
    }

    @classmethod
    def short(cls, value: object) -> dict[str, Any]:
        if isinstance(value, int) and not isinstance(value, bool):
            return {"target": value}
        if isinstance(value, str) and (match := re.fullmatch(_PORT, value)):
            address = match["bracketed"] or match["address"]
            if ":" in (match["address"] or ""):
                raise Mistake(
                    f"{match['address']!r} before the ports is not an IPv4 address",
                    f'write an IPv6 address in brackets: "[{address}]{value[len(address) :]}"',
                )
            parts = {
                "target": match["target"],
                "published": match["published"],
                "host_ip": address,
                "protocol": (match["protocol"] or "tcp").lower(),
            }
            return {name: part for name, part in parts.items() if part}
        raise ValueError(f'expected "[ADDRESS:][HOST_PORT:]PORT[/tcp|/udp]", found {value!r}')

    def check(self) -> Check:
        if self.published and len(self.target) > 1 and len(self.published) != len(self.target):
            yield (
                (),
                f"{len(self.published)} host ports for {len(self.target)} container ports",
                "give ranges of the same length",
            )

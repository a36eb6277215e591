"""Rules about ports of the host."""

import ipaddress
from collections.abc import Iterator

from msgspec import Struct

from stackctl.errors import Problem
from stackctl.spec.lint.members import Member, Path, members, together
from stackctl.spec.model import Port, Stack
from stackctl.spec.values import PortRange

_DEFAULT_ADDRESS = "127.0.0.1"


class Binding(Struct, frozen=True):
    """Ports of the host that a service takes for itself."""

    path: Path
    member: Member
    address: str
    ports: PortRange
    protocol: str

    def overlaps(self, other: "Binding") -> bool:
        return (
            self.protocol == other.protocol
            and max(self.ports.first, other.ports.first) <= min(self.ports.last, other.ports.last)
            and _same_address(self.address, other.address)
        )


def duplicate_ports(stack: Stack) -> Iterator[Problem]:
    """A port of the host is published twice.

    The second container could not start. `0.0.0.0` takes the port of every IPv4 address, `[::]` that of every IPv6
    address; tcp and udp are apart; services that no profile starts together may share a port. Where the engine is to
    choose from a range, it finds a free one.

    Fix: publish one of them elsewhere. Containers of the stack reach each other without any published port.
    """
    seen: list[Binding] = []
    for binding in _bindings(stack):
        other = next((each for each in seen if _clash(each, binding)), None)
        seen.append(binding)
        if other:
            port = max(binding.ports.first, other.ports.first)
            protocol = "" if binding.protocol == "tcp" else f"/{binding.protocol}"
            who = f"{other.member.name} and {binding.member.name} both publish"
            if other.member.name == binding.member.name:
                who = f"{binding.member.name} publishes twice"
            yield Problem(
                binding.path,
                f'{who} port {port}{protocol} of the host: one of them would stop at "port is already allocated"',
                f"{_free(stack, port)} is free in this file",
            )


def _bindings(stack: Stack) -> Iterator[Binding]:
    for member in members(stack):
        for index, port in enumerate(member.service.ports):
            if port.published and not _engine_chooses(port):
                address = port.host_ip or _DEFAULT_ADDRESS
                yield Binding((*member.path, "ports", index), member, address, port.published, port.protocol)


def _engine_chooses(port: Port) -> bool:
    return port.published is None or (len(port.target) == 1 and len(port.published) > 1)


def _clash(one: Binding, other: Binding) -> bool:
    return one.overlaps(other) and together(one.member.service, other.member.service)


def _same_address(one: str, other: str) -> bool:
    try:
        a, b = ipaddress.ip_address(one), ipaddress.ip_address(other)
    except ValueError:
        return one == other
    return a == b or (a.version == b.version and (a.is_unspecified or b.is_unspecified))


def _free(stack: Stack, port: int) -> int:
    """The next port that nothing in the stack asks for."""
    taken = [binding.ports for binding in _bindings(stack)]
    while any(ports.first <= port <= ports.last for ports in taken):
        port += 1
    return port

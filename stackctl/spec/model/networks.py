"""The networks of a stack, and how services take part in them."""

import ipaddress
import re
from collections.abc import Mapping

from msgspec import Struct

from stackctl.spec.model.keys import Check, external_has_no_settings, key, pair
from stackctl.spec.structure import Annotated
from stackctl.spec.text.parts import Text
from stackctl.spec.values import Address, Subnet, read_address


class NetworkUse(Struct, frozen=True, kw_only=True):
    """How a service takes part in a network."""

    aliases: Annotated[tuple[str, ...], key("Further names it answers to on this network.")] = ()
    ipv4_address: Annotated[Address | None, key("Its address, within a subnet of the network.")] = None
    ipv6_address: Annotated[Address | None, key("Its IPv6 address, within a subnet of the network.")] = None
    link_local_ips: Annotated[tuple[Address, ...], key("Further addresses, such as 169.254.8.8.")] = ()
    mac_address: Annotated[str | None, key("Its hardware address.")] = None
    driver_opts: Annotated[Mapping[str, Text], key("Options of the driver for this place.")] = {}
    priority: Annotated[int, key("The network with the highest one is joined first.")] = 0
    gw_priority: Annotated[
        int, key("The network with the highest one is its way out (engine 28 and later).", since=(1, 48))
    ] = 0
    interface_name: Annotated[
        str | None, key("The name of the interface in the container (engine 28.1 and later).", since=(1, 49))
    ] = None

    @property
    def addresses(self) -> tuple[tuple[str, Address], ...]:
        """The addresses that it asks for in the subnets of the network, each with its key."""
        both = (("ipv4_address", self.ipv4_address), ("ipv6_address", self.ipv6_address))
        return tuple((name, address) for name, address in both if address)

    def check(self) -> Check:
        for name, address, version in (
            ("ipv4_address", self.ipv4_address, 4),
            ("ipv6_address", self.ipv6_address, 6),
        ):
            if address and read_address(address)[1] != version:
                yield (name,), f"{address} is an address of the other version", ""
        if self.mac_address and not re.fullmatch(r"[0-9a-fA-F]{2}([:-][0-9a-fA-F]{2}){5}", self.mac_address):
            yield (
                ("mac_address",),
                f"expected six pairs of digits, such as 02:42:ac:11:00:09, found {self.mac_address!r}",
                "",
            )


class IpamConfig(Struct, frozen=True, kw_only=True):
    """Addresses of a network."""

    subnet: Annotated[Subnet | None, key("The addresses of the network: 172.28.0.0/16.")] = None
    ip_range: Annotated[Subnet | None, key("The part of the subnet from which containers get addresses.")] = (
        None
    )
    gateway: Annotated[Address | None, key("The address of the way out.")] = None
    aux_addresses: Annotated[
        Mapping[str, Address], key("Addresses that the engine gives to nobody, by name of who has them.")
    ] = {}

    def check(self) -> Check:
        if self.subnet is None:
            if self.gateway or self.ip_range or self.aux_addresses:
                yield (), "addresses without a subnet", 'add subnet = "…"'
            return
        whole = ipaddress.ip_network(self.subnet)
        if self.gateway and ipaddress.ip_address(self.gateway) not in whole:
            yield ("gateway",), f"{self.gateway} is outside of the subnet {self.subnet}", ""
        for name, address in self.aux_addresses.items():
            if ipaddress.ip_address(address) not in whole:
                yield ("aux_addresses", name), f"{address} is outside of the subnet {self.subnet}", ""
        if self.ip_range:
            part = ipaddress.ip_network(self.ip_range)
            if part.version != whole.version or not part.subnet_of(whole):  # type: ignore[arg-type]
                yield ("ip_range",), f"{self.ip_range} is outside of the subnet {self.subnet}", ""


class Ipam(Struct, frozen=True, kw_only=True):
    """How a network gets its addresses."""

    driver: Annotated[str | None, key("The driver that manages them (default).")] = None
    config: Annotated[tuple[IpamConfig, ...], key("Its subnets.")] = ()
    options: Annotated[Mapping[str, Text], key("Options of the driver.")] = {}


class Network(Struct, frozen=True, kw_only=True):
    """A network of the stack."""

    name: Annotated[str | None, key("Its name, instead of PROJECT_KEY.")] = None
    external: Annotated[bool, key("It exists already and is neither created nor removed.")] = False
    internal: Annotated[bool, key("Without a way out of the host.")] = False
    attachable: Annotated[bool, key("Whether other containers may join it (Swarm).")] = False
    driver: Annotated[str | None, key("The network driver (bridge).")] = None
    driver_opts: Annotated[Mapping[str, Text], key("Options of the driver.")] = {}
    ipam: Annotated[Ipam | None, key("Its addresses; the engine chooses them if left out.")] = None
    enable_ipv4: Annotated[
        bool | None, key("Whether it has IPv4 addresses (yes; `false`: engine 28 and later).")
    ] = None
    enable_ipv6: Annotated[bool | None, key("Whether it has IPv6 addresses (no).")] = None
    labels: Annotated[Mapping[str, Text], key("Labels of the network.", listed=pair())] = {}

    def check(self) -> Check:
        if self.external:
            yield from external_has_no_settings(self, "network")

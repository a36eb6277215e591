"""The networks of a stack, and how services take part in them."""

from collections.abc import Mapping
from typing import Annotated, ClassVar

from msgspec import Struct

from stackctl.spec.model.keys import Check, external_has_no_settings, key, pair
from stackctl.spec.text.parts import Text


class NetworkUse(Struct, frozen=True, kw_only=True):
    """How a service takes part in a network."""

    aliases: Annotated[tuple[str, ...], key("Further names it answers to on this network.")] = ()

    NOT_DONE: ClassVar[Mapping[str, str]] = dict.fromkeys(
        (
            "ipv4_address",
            "ipv6_address",
            "mac_address",
            "priority",
            "gw_priority",
            "link_local_ips",
            "driver_opts",
            "interface_name",
        ),
        "fixed addresses and priorities are not done",
    )


class Network(Struct, frozen=True, kw_only=True):
    """A network of the stack."""

    name: Annotated[str | None, key("Its name, instead of PROJECT_KEY.")] = None
    external: Annotated[bool, key("It exists already and is neither created nor removed.")] = False
    internal: Annotated[bool, key("Without a way out of the host.")] = False
    attachable: Annotated[bool, key("Whether other containers may join it (Swarm).")] = False
    driver: Annotated[str | None, key("The network driver (bridge).")] = None
    driver_opts: Annotated[Mapping[str, Text], key("Options of the driver.")] = {}
    labels: Annotated[Mapping[str, Text], key("Labels of the network.", listed=pair())] = {}

    NOT_DONE: ClassVar[Mapping[str, str]] = {
        "ipam": "fixed subnets are not done",
        "enable_ipv4": "address families are not done",
        "enable_ipv6": "address families are not done",
    }

    def check(self) -> Check:
        if self.external:
            yield from external_has_no_settings(self, "network")

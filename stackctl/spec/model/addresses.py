"""Fixed addresses of a whole stack: subnets that overlap, addresses outside of them, and addresses given twice."""

import ipaddress
from collections.abc import Iterator, Mapping

from stackctl.spec.model.keys import Check
from stackctl.spec.model.networks import Network
from stackctl.spec.model.service import Job, Service

_Range = ipaddress.IPv4Network | ipaddress.IPv6Network


def wrong_addresses(networks: Mapping[str, Network], services: Mapping[str, Service]) -> Check:
    """A problem for each."""
    subnets = {name: [*_subnets(network)] for name, network in networks.items()}
    seen: list[tuple[str, _Range]] = []
    for name, found in subnets.items():
        for index, subnet in found:
            for other, taken in seen:
                if taken.overlaps(subnet):
                    yield (
                        ("networks", name, "ipam", "config", index, "subnet"),
                        f"{subnet} overlaps {taken} of network {other}",
                        "give each network addresses of its own",
                    )
            seen.append((name, subnet))
    owners: dict[tuple[str, str], str] = {}
    for name, service in services.items():
        where = "jobs" if isinstance(service, Job) else "services"
        for network, use in service.networks.items():
            for key, text in use.addresses:
                path = (where, name, "networks", network, key)
                ranges = [subnet for _, subnet in subnets.get(network, ())]
                declared = networks.get(network)
                if service.replicas > 1:
                    yield (
                        path,
                        f"{name} has {service.replicas} containers, and {text} is one address",
                        "leave it out",
                    )
                elif not ranges and not (declared and declared.external):
                    yield (
                        path,
                        f"the network {network} has no subnet of its own",
                        f'add ipam.config = [{{ subnet = "…" }}] to [networks.{network}]',
                    )
                elif ranges and not any(ipaddress.ip_address(text) in each for each in ranges):
                    yield (
                        path,
                        f"{text} is outside of {' and '.join(map(str, ranges))}, the addresses of {network}",
                        "",
                    )
                other = owners.setdefault((network, str(ipaddress.ip_address(text))), name)
                if other != name:
                    yield path, f"{other} has the address {text} in {network}, too", "give each its own"


def _subnets(network: Network) -> Iterator[tuple[int, _Range]]:
    for index, config in enumerate(network.ipam.config if network.ipam else ()):
        if config.subnet:
            yield index, ipaddress.ip_network(config.subnet)

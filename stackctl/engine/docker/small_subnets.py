"""Make a network in a small subnet of a pool. The engine refuses a subnet that another network has got; then the next one is tried."""

from __future__ import annotations

import socket
import struct
from ipaddress import IPv4Network, ip_network
from itertools import islice
from pathlib import Path

from msgspec.structs import replace

from stackctl.engine.docker import bodies, lifecycle
from stackctl.engine.transport.client import Client, RefusedError
from stackctl.planner.runs.subnets import candidates, prefix_for, unique_local
from stackctl.planner.world import labels
from stackctl.planner.world.desired import DesiredNetwork
from stackctl.spec.model.networks import Ipam, IpamConfig
from stackctl.spec.values import Subnet

_TRIES = 100
_OVERLAPS = ("pool overlaps", "overlapping ip", "already used on the host", "already being used")
"""What engines say of a subnet that another network has: Docker's pools, its bridges, Podman's CNI, its netavark."""


def create_network(client: Client, spec: DesiredNetwork, *, here: bool) -> tuple[str, str]:
    """Make the network in a subnet of `spec.pool` that is free; return its id, and a note or "". `here`: the engine runs on this
    machine, whose routes are spared.

    If nothing of the pool is free, the engine chooses. One call is made unless something collides.
    """
    seed = f"{spec.labels.get(labels.INSTANCE)} {spec.name}"
    taken = routes() if here else []
    ipv6 = (IpamConfig(subnet=Subnet(str(unique_local(seed)))),) if spec.enable_ipv6 else ()
    known = False
    for subnet in islice(candidates(spec.pool, prefix_for(spec.members), seed, taken), _TRIES):
        ipam = Ipam(config=(IpamConfig(subnet=Subnet(str(subnet))), *ipv6))
        try:
            return lifecycle.create_network(client, bodies.network(replace(spec, ipam=ipam))), ""
        except RefusedError as error:
            if not any(words in error.message.lower() for words in _OVERLAPS):
                raise
        if not known:
            taken += _of_networks(client)
            known = True
    return lifecycle.create_network(client, bodies.network(spec)), (
        f"no subnet of {spec.pool} is free, so the engine chose one of its own"
    )


def routes() -> list[IPv4Network]:
    """The networks to which this machine has a way of its own; none where the system has no such file (proc(5), /proc/net/route)."""
    try:
        rows = Path("/proc/net/route").read_text().splitlines()[1:]
    except OSError:
        return []
    found = []
    for row in rows:
        columns = row.split()
        address, mask = (socket.inet_ntoa(struct.pack("=I", int(columns[i], 16))) for i in (1, 7))
        if mask != "0.0.0.0":  # noqa: S104 - the default route leads everywhere
            found.append(IPv4Network((address, mask), strict=False))
    return found


def _of_networks(client: Client) -> list[IPv4Network]:
    """The subnets of all networks of the engine."""
    configs = [
        config
        for network in client.get("networks")
        for config in (network.get("IPAM") or {}).get("Config") or ()
    ]
    subnets = (ip_network(config["Subnet"], strict=False) for config in configs if config.get("Subnet"))
    return [subnet for subnet in subnets if isinstance(subnet, IPv4Network)]

"""Ask an engine for what must be known to put containers and networks back.

Field names are those of the Docker Engine API: GET /containers/ID/json and GET /networks.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from stackctl.engine.docker.made import shared_containers
from stackctl.engine.transport.client import WireClient
from stackctl.planner.world import labels
from stackctl.planner.world.arrangement import Arrangement, ContainerArrangement
from stackctl.planner.world.desired import USUAL_NETWORK_DRIVER, Attachment, DesiredNetwork
from stackctl.spec.model import Ipam, IpamConfig, NetworkUse

Row = Mapping[str, Any]


def arrangement(client: WireClient, containers: Collection[str], networks: Collection[str]) -> Arrangement:
    """Makes one call for each container, all at once, and one for the networks."""
    answers = client.ask_each(*((("containers", id_, "json"), {}) for id_ in containers))
    rows = client.get("networks") if networks else ()
    return Arrangement(
        containers={answer["Id"]: container(answer) for answer in answers if answer},
        networks={row["Id"]: network(row) for row in rows if row["Id"] in networks},
    )


def container(answer: Row) -> ContainerArrangement:
    policy = (answer.get("HostConfig") or {}).get("RestartPolicy") or {}
    places = (answer.get("NetworkSettings") or {}).get("Networks") or {}
    return ContainerArrangement(
        restart=policy.get("Name") or "no",
        restart_times=policy.get("MaximumRetryCount") or 0,
        networks={name: _place(name, place or {}, answer["Id"]) for name, place in places.items()},
        holders=shared_containers(answer),
    )


def _place(network: str, place: Row, container: str) -> Attachment:
    """What was asked for. An engine before API 1.45 adds the short id of the container to its aliases."""
    asked = place.get("IPAMConfig") or {}
    return Attachment(
        network,
        tuple(alias for alias in place.get("Aliases") or () if alias != container[:12]),
        tuple(place.get("Links") or ()),
        NetworkUse(
            ipv4_address=asked.get("IPv4Address") or None,
            ipv6_address=asked.get("IPv6Address") or None,
            link_local_ips=tuple(asked.get("LinkLocalIPs") or ()),
            driver_opts=place.get("DriverOpts") or {},
            gw_priority=place.get("GwPriority") or 0,
        ),
    )


def network(row: Row) -> DesiredNetwork:
    own = row.get("Labels") or {}
    ipam = row.get("IPAM") or {}
    return DesiredNetwork(
        key=own.get(labels.SERVICE, ""),
        name=row["Name"],
        driver=row.get("Driver") or USUAL_NETWORK_DRIVER,
        internal=bool(row.get("Internal")),
        attachable=bool(row.get("Attachable")),
        options=row.get("Options") or {},
        ipam=Ipam(
            driver=ipam.get("Driver") or None,
            config=tuple(_subnets(ipam)),
            options=ipam.get("Options") or {},
        ),
        enable_ipv4=row.get("EnableIPv4"),
        enable_ipv6=row.get("EnableIPv6"),
        labels=own,
        digest=own.get(labels.DIGEST, ""),
    )


def _subnets(ipam: Row) -> Iterator[IpamConfig]:
    for each in ipam.get("Config") or ():
        yield IpamConfig(
            subnet=each.get("Subnet") or None,
            ip_range=each.get("IPRange") or None,
            gateway=each.get("Gateway") or None,
            aux_addresses=each.get("AuxiliaryAddresses") or {},
        )

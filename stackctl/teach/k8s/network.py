"""Services: the names by which Pods reach each other, and their ports."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from stackctl.planner.world.desired import DesiredContainer
from stackctl.planner.world.probes import HttpProbe, ProtocolProbe, TcpProbe
from stackctl.spec.server import connection
from stackctl.spec.text.hosts import addresses
from stackctl.spec.values import PortRange
from stackctl.teach.compose.texts import Keys, without_none
from stackctl.teach.k8s.context import NAME, Exporting
from stackctl.teach.k8s.names import dns_name

Port = tuple[str, int]
"""The protocol in small letters, and the number."""
_LOCAL = r"(?:localhost|127\.0\.0\.1|\[::1\]):(\d{1,5})\b"


def named_by_others(export: Exporting) -> Mapping[str, frozenset[int]]:
    """The ports that the variables and commands of other services name, by host."""
    found: dict[str, set[int]] = {}
    for spec in export.desired.containers:
        texts = [text for text in spec.environment.values() if text]
        for text in (*texts, *(spec.command or ()), *(spec.entrypoint or ())):
            for address in addresses(text):
                for host in address.hosts:
                    name, _, port = host.partition(":")
                    number = (
                        int(port) if port else export.stack.known_images.scheme_ports.get(address.scheme, 0)
                    )
                    if 0 < number < 65536:
                        found.setdefault(name, set()).add(number)
    return {name: frozenset(ports) for name, ports in found.items()}


def ports(spec: DesiredContainer, named: Mapping[str, frozenset[int]]) -> tuple[Port, ...]:
    """The ports of a service on which others reach it, as far as the stack tells. `named`: those that other services name, by host."""
    found: dict[Port, None] = {}
    for port in spec.ports:
        found[port.protocol, port.target] = None
    for text in spec.settings.expose:
        numbers, _, protocol = text.partition("/")
        found.update({(protocol or "tcp", number): None for number in PortRange.parse(numbers).numbers})
    for probe in spec.probes:
        if isinstance(probe, TcpProbe | HttpProbe | ProtocolProbe):
            found["tcp", probe.port] = None
    known = connection(spec.settings)
    if known and known.port:
        found["tcp", known.port] = None
    for name in (spec.service, *aliases(spec)):
        found.update({("tcp", number): None for number in sorted(named.get(name, ()))})
    test = spec.healthcheck.test if spec.healthcheck else ()
    found.update(
        {
            ("tcp", int(number)): None
            for word in test
            for number in re.findall(_LOCAL, word)
            if 0 < int(number) < 65536
        }
    )
    return tuple(found)


def aliases(spec: DesiredContainer) -> tuple[str, ...]:
    """The further names that the file gives a service."""
    settings = spec.settings
    names = [name for use in settings.networks.values() for name in use.aliases]
    return tuple(dict.fromkeys([*([settings.container_name] if settings.container_name else []), *names]))


def in_network(spec: DesiredContainer) -> bool:
    """Whether others can reach the service by its name."""
    return spec.network_mode is None or spec.network_mode in ("bridge", "host")


def services(
    export: Exporting, spec: DesiredContainer, found: tuple[Port, ...], *, headless: bool
) -> Iterator[Keys]:
    """The Services of a service: one of its name, one of each alias."""
    if spec.kind == "job" or not in_network(spec):
        return
    name = dns_name(spec.service)
    if name != spec.service:
        export.say(
            spec,
            (),
            f"its host name is {name} in Kubernetes, not {spec.service}",
            f"write {name} where others reach it, or rename the service",
        )
    deploy = spec.settings.deploy
    headless = headless or not found or (deploy is not None and deploy.endpoint_mode == "dnsrr")
    yield _service(export, spec, name, found, headless=headless)
    for alias in aliases(spec):
        if _usable(export, spec, alias):
            yield _service(export, spec, alias, found, headless=headless)
    published = [port for port in spec.ports if port.protocol == "tcp"]
    for port in spec.ports:
        local = port.host_port or port.target
        place = f"port {port.published}" if port.published else "a port"
        export.say(
            spec,
            ("ports", port.index),
            f"a Service is reached within the cluster alone, not on {place} of a machine",
            f"kubectl port-forward service/{name} {local}:{port.target}; for everybody, write an Ingress or a Service of type LoadBalancer"
            if port in published
            else "write a Service of type LoadBalancer",
        )


def _usable(export: Exporting, spec: DesiredContainer, alias: str) -> bool:
    """Whether an alias can be the name of a Service. What hinders it is told."""
    key = ("container_name",) if alias == spec.settings.container_name else ("networks",)
    if alias == spec.service:
        return False
    if alias != dns_name(alias):
        export.say(spec, key, f"{alias} is no name of a Service", f"use {dns_name(alias)}, as an alias too")
        return False
    services = {dns_name(each.service): each.service for each in export.desired.containers}
    others = [each.service for each in export.desired.containers if alias in aliases(each)]
    if (owner := services.get(alias, others[0])) != spec.service:
        export.say(
            spec,
            key,
            f"{alias} is a name of {owner}, too, and a Service leads to one of them",
            "give each a name of its own",
        )
        return False
    return True


def _service(
    export: Exporting, spec: DesiredContainer, name: str, found: tuple[Port, ...], *, headless: bool
) -> Keys:
    listed = [
        without_none(
            {
                "name": f"{protocol}-{number}" if len(found) > 1 else None,
                "port": number,
                "protocol": protocol.upper() if protocol != "tcp" else None,
            }
        )
        for protocol, number in found
    ]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "labels": export.labels(spec.service)},
        "spec": without_none(
            {
                "clusterIP": "None" if headless else None,
                "selector": {NAME: dns_name(spec.service)},
                "ports": listed or None,
            }
        ),
    }


def networks_of(export: Exporting) -> None:
    """Tell what becomes of the networks of the stack."""
    several = len(export.desired.networks) > 1
    for network in export.desired.networks:
        if network.internal:
            export.report.say(
                ("networks", network.key, "internal"),
                "Pods reach the world outside of the cluster",
                "write a NetworkPolicy that allows no egress but to the Pods of the stack",
            )
        elif several and network.key in export.stack.networks:
            export.report.say(
                ("networks", network.key),
                "every Pod of the cluster reaches every other one",
                "write a NetworkPolicy for what must stay apart",
            )

"""Where the services of a running stack can be reached from this machine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from stackctl.errors import EngineError, dotted
from stackctl.planner.world.observed import (
    IPV4,
    IPV6,
    ObservedContainer,
    ObservedEngine,
    PublishedPort,
    is_here,
)
from stackctl.planner.world.replica import Replica
from stackctl.spec.choosing import table
from stackctl.spec.known import KnownImage
from stackctl.spec.model import Service, Stack
from stackctl.spec.server import connection


class ServicePlace(Struct, frozen=True):
    """Where a service can be reached from this machine."""

    published: Mapping[int, tuple[str, int]]
    """Host and port to connect to, by TCP port of the container."""
    address: str = ""
    """The container's own address; "" if it cannot be reached from here."""

    def at(self, port: int) -> tuple[str, int] | None:
        """Host and port to connect to for a port of the container; None if it cannot be reached from here."""
        return self.published.get(port) or ((self.address, port) if self.address else None)


def places(containers: Iterable[ObservedContainer], engine: ObservedEngine) -> dict[Replica, ServicePlace]:
    """The place of each container of a service that runs."""
    running = (c for c in containers if c.state == "running" and c.kind != "run")
    return {container.replica: _place(container, engine) for container in running}


def places_of_services(found: Mapping[Replica, ServicePlace]) -> dict[str, ServicePlace]:
    """The place of each service that runs: that of its lowest replica."""
    return {replica.service: found[replica] for replica in sorted(found, reverse=True)}


def planned_places(stack: Stack, host: str) -> dict[str, ServicePlace]:
    """The place of each service once it runs, at the TCP ports that the stack publishes under a known number. `host`: where the
    engine publishes them.
    """
    return {
        name: ServicePlace(
            {
                target: (host, published)
                for port in service.ports
                if port.published and port.protocol == "tcp" and len(port.target) == len(port.published)
                for target, published in zip(port.target.numbers, port.published.numbers, strict=True)
            }
        )
        for name, service in stack.everything.items()
    }


def server_port(service: Service) -> int | None:
    """The port of the known server, else the port that a check asks; None if there is neither."""
    if known := connection(service):
        return known.port
    check = service.healthcheck
    if check and check.http:
        return check.http.port
    return check.tcp if check else None


def default_port(service: Service, place: ServicePlace) -> int | None:
    """The port of the container that is meant if none is named: that of the server, else the first published one. None if there is none."""
    if (port := server_port(service)) is not None:
        return port
    written = (port.target.first for port in service.ports)
    return next((port for port in written if port in place.published), min(place.published, default=None))


def reach(name: str, service: Service, place: ServicePlace, target: int | None = None) -> tuple[str, int]:
    """Host and port to connect to for a port of a service; without a port, for its default port.

    Raises EngineError if it cannot be reached from here.
    """
    ports = dotted((table(service), name, "ports"))
    port = default_port(service, place) if target is None else target
    if port is None:
        raise EngineError(f"{name} does not publish any port", f"add one to {ports}")
    if found := place.at(port):
        return found
    raise EngineError(
        f"{name} does not publish port {port} where it can be reached from here", f"add it to {ports}"
    )


def url(
    name: str,
    service: Service,
    place: ServicePlace,
    path: str = "",
    *,
    target: int | None = None,
    scheme: str | None = None,
) -> str:
    """The address of a service, or of a path there, as a URL.

    The URL of a known server holds the login; a path replaces the database. A variant of its scheme (`postgresql+psycopg`)
    still means that server. Any other port or scheme gives `scheme://host:port/path`, with HTTP as the default scheme.

    Raises EngineError if the port cannot be reached from here.
    """
    host, port = reach(name, service, place, target)
    host = _bracketed(host)
    path = path if not path or path.startswith("/") else f"/{path}"
    known = connection(service)
    if known is None or target not in (None, known.port) or _family(scheme or known.scheme) != known.scheme:
        return f"{scheme or 'http'}://{host}:{port}{path}"
    known = replace(known, scheme=scheme or known.scheme)
    if not path:
        return known.url(host, port)
    query = f"?{known.query}" if known.query and known.user and "?" not in path else ""
    return replace(known, database="", query="").url(host, port) + path + query


def link(port: PublishedPort, known: KnownImage | None) -> str:
    """The address of a published port to click or type, with the scheme that the image is known to speak, else HTTP."""
    where = authority("localhost" if is_here(port.host_ip) else port.host_ip, port.published)
    if port.protocol != "tcp":
        return f"{where}/{port.protocol}"
    if known and known.port == port.target:
        return f"{known.scheme}://{where}" if known.scheme else where
    return f"{'https' if port.target in (443, 8443) else 'http'}://{where}"


def without_twins(ports: Iterable[PublishedPort]) -> list[PublishedPort]:
    """The ports, without those of IPv6 that are published at every address of IPv4, too. An engine may give the two different
    numbers, and localhost means IPv4 first: there the number for IPv6 may belong to another container.
    """
    ports = tuple(ports)
    everywhere = {(port.target, port.protocol) for port in ports if port.host_ip == IPV4}
    return [port for port in ports if port.host_ip != IPV6 or (port.target, port.protocol) not in everywhere]


def authority(host: str, port: int) -> str:
    """`127.0.0.1:5432`, `[::1]:5432`"""
    return f"{_bracketed(host)}:{port}"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _family(scheme: str) -> str:
    """`postgresql+psycopg` → `postgresql`: the scheme without the driver (SQLAlchemy)."""
    return scheme.partition("+")[0]


def published_at(ports: Iterable[PublishedPort], engine: ObservedEngine) -> Mapping[int, tuple[str, int]]:
    """Host and port to connect to, by TCP port of the container. IPv4 wins over IPv6."""
    found: dict[int, tuple[str, int]] = {}
    for port in sorted(ports, key=lambda port: ":" in port.host_ip):
        host = engine.reach(port.host_ip)
        if port.protocol == "tcp" and host:
            found.setdefault(port.target, (host, port.published))
    return found


def own_addresses(network_mode: str, joined: Iterable[str], engine: ObservedEngine) -> tuple[str, ...]:
    """The container's own addresses that can be reached from here. `joined` are its addresses in its networks."""
    if network_mode == "host":
        return (engine.reach(""),)
    return tuple(filter(None, joined)) if engine.reaches_containers else ()


def _place(container: ObservedContainer, engine: ObservedEngine) -> ServicePlace:
    joined = (one.address for one in container.networks)
    own = own_addresses(container.network_mode, joined, engine)
    return ServicePlace(published_at(container.ports, engine), own[0] if own else "")

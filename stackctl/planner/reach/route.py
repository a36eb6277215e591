"""The way from one service to another, or to a host outside of the stack: which of its links hold, and which one is broken.

Facts in, a verdict out. `stackctl reach` collects the facts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from msgspec import Struct

from stackctl.errors import dotted
from stackctl.planner.reach.ends import AskedPort, End, Heard, declared_ports, published_ports
from stackctl.planner.reach.listening import Listener
from stackctl.planner.world.observed import Joined, ObservedContainer, ObservedNetwork
from stackctl.spec.choosing import table
from stackctl.spec.model import Service, Stack

HOST = "host.docker.internal"
"""The usual name of the machine that the engine runs on."""

Name = Literal["address", "client", "server", "network", "name", "listens", "answers"]
State = Literal["ok", "broken", "unknown"]
Cause = Literal[
    "localhost",  # a value of the client says localhost, and means the server
    "client",  # the client does not run
    "down",  # the server does not run
    "mode",  # one of the two is in no network that has names
    "network",  # the two have no network in common
    "internal",  # no network of the client has a way out
    "name",  # the client does not know the name
    "other",  # the name leads to another container
    "unhealthy",  # the server is not ready, and does not listen
    "silent",  # the server listens on no port
    "loopback",  # the server listens on 127.0.0.1 only
    "address",  # the server listens on the address of another network only
    "published",  # the port is the one on the host, not the one in the container
    "port",  # the server listens on other ports
    "refused",  # all of that holds, and there is no connection
    "unasked",  # nobody could ask
]


class RouteLink(Struct, frozen=True):
    """A link of the way. `hint`: what to type or to change if it is broken."""

    name: Name
    state: State
    text: str
    cause: Cause | None = None
    hint: str = ""


class RouteVerdict(Struct, frozen=True, kw_only=True):
    """Whether the client reaches a port of the server. `port` is None if no port is known."""

    client: str
    host: str
    port: int | None
    links: tuple[RouteLink, ...]

    @property
    def broken(self) -> RouteLink | None:
        """The first link that does not hold."""
        return next((link for link in self.links if link.state == "broken"), None)

    @property
    def cause(self) -> Cause | None:
        return self.broken.cause if self.broken else None

    @property
    def reachable(self) -> bool:
        return self.broken is None

    @property
    def target(self) -> str:
        return _at(self.host, self.port) if self.port else self.host


class Route(Struct, frozen=True, kw_only=True):
    """All that is known about the way to a service of the stack."""

    stack: Stack
    client: End
    server: End
    host: str
    """The name that the client asks for."""
    heard: Heard = Heard()
    networks: tuple[ObservedNetwork, ...] = ()
    owners: Mapping[str, ObservedContainer] = {}
    """The containers by their addresses."""

    @property
    def together(self) -> bool:
        """Whether both are in one network namespace: there localhost is the server as well."""
        return self.client.namespace == self.server.namespace

    @property
    def shared(self) -> tuple[Joined, ...]:
        """The server's places in the networks that both are in."""
        mine = {place.network_id or place.network for place in self.client.networks}
        return tuple(place for place in self.server.networks if (place.network_id or place.network) in mine)

    def service(self, end: End) -> Service | None:
        return self.stack.everything.get(end.name)

    def key(self, end: End, name: str) -> str:
        """The path of a key of a service in the file."""
        service = self.service(end)
        return dotted((table(service) if service else "services", end.name, name))


def verdict(route: Route, asked: AskedPort | None) -> RouteVerdict:
    """The verdict about one port. Without a port it tells whether the server listens at all."""
    port = asked.port if asked else None
    links = tuple(_links(route, asked))
    return RouteVerdict(client=route.client.name, host=route.host, port=port, links=links)


def _links(route: Route, asked: AskedPort | None) -> Iterator[RouteLink]:
    if asked and asked.use:
        yield _address(route, asked)
    yield _runs("client", "client", route.client)
    yield _runs("server", "down", route.server)
    if not (route.client.running and route.server.running):
        return
    network = _network(route)
    yield network
    name = _name(route) if network.state == "ok" else None
    if name:
        yield name
    answer = route.heard.answers.get(asked.port) if asked and name and name.state != "broken" else None
    listens = _listens(route, asked, connected=answer == "")
    yield listens
    if asked and name and name.state != "broken" and listens.state != "broken":
        yield _answers(route.client, f"{route.host}:{asked.port}", answer)


def _address(route: Route, asked: AskedPort) -> RouteLink:
    use, client, server = asked.use, route.client.name, route.server.name
    assert use is not None
    said = f"{use.source} says {use.host}{f':{use.port}' if use.port else ''}"
    if not use.loopback or route.together or route.client.mode == "host":
        return RouteLink("address", "ok", said)
    return RouteLink(
        "address",
        "broken",
        f"{said}: inside {client} that is {client} itself, not {server}",
        "localhost",
        f"write {route.host}:{asked.port} in {dotted(use.path)}",
    )


def _runs(name: Name, cause: Cause, end: End) -> RouteLink:
    container = end.container
    if container is None:
        return RouteLink(name, "broken", f"{end.name} has no container", cause, f"stackctl up {end.name}")
    logs, up = f"stackctl logs {end.name} shows why", f"stackctl up {end.name} starts it"
    match container.state:
        case "running":
            words = {"starting": ", but is not ready yet", "unhealthy": ", but its health check fails"}
            return RouteLink(name, "ok", f"{end.name} runs{words.get(container.health, '')}")
        case "paused":
            return RouteLink(name, "broken", f"{end.name} is paused", cause, f"stackctl unpause {end.name}")
        case "restarting":
            text = f"{end.name} ends and is started again and again"
            return RouteLink(name, "broken", _ended(text, container), cause, logs)
        case "exited" | "dead":
            text, hint = _ended(f"{end.name} has ended", container), f"{logs}; {up}"
            return RouteLink(name, "broken", text, cause, up if container.completed else hint)
    return RouteLink(name, "broken", f"{end.name} is {container.state}", cause, up)


def _ended(text: str, container: ObservedContainer) -> str:
    return text if container.exit_code is None else f"{text}, with exit code {container.exit_code}"


def _network(route: Route) -> RouteLink:
    client, server = route.client, route.server
    if route.together:
        together = f"{client.name} and {server.name} are in one network namespace"
        text = f"{client.name} asks itself" if client.name == server.name else together
        return RouteLink("network", "ok", text)
    for end, other in ((client, server), (server, client)):
        if end.mode in ("host", "none"):
            has = "has no network" if end.mode == "none" else "is on the network of the host"
            why = "does not know the names of services" if end is client else f"has no name for {other.name}"
            return RouteLink(
                "network",
                "broken",
                f"{end.name} {has} (network_mode {end.mode}), so it {why}",
                "mode",
                f"remove {route.key(end, 'network_mode')}{_way_by_the_host(end, server)}",
            )
    names = [place.network for place in route.shared]
    if names == ["bridge"]:
        return RouteLink(
            "network",
            "broken",
            f"{client.name} and {server.name} share only the engine's default network, which knows no names",
            "mode",
            f"remove {route.key(client, 'network_mode')} and {route.key(server, 'network_mode')}",
        )
    if names:
        return RouteLink("network", "ok", f"both are in {', '.join(names)}")
    return RouteLink(
        "network",
        "broken",
        f"{client.name} is in {_places(client)}, {server.name} is in {_places(server)}: no network in common",
        "network",
        _join(route),
    )


def _way_by_the_host(end: End, server: End) -> str:
    if end.mode == "none":
        return ""
    if end is server:
        return f', or ask {HOST}, with extra_hosts = ["{HOST}:host-gateway"] in the client'
    return f", or publish the port of {server.name} and ask 127.0.0.1"


def _places(end: End) -> str:
    return ", ".join(place.network for place in end.networks) or "no network"


def _join(route: Route) -> str:
    """How the client gets into a network of the server."""
    mine, theirs = _keys(route.service(route.client)), _keys(route.service(route.server))
    if both := [key for key in mine if key in theirs]:
        return f"the file puts both into {', '.join(both)}: stackctl up connects them"
    keys = {network.name: network.key for network in route.networks}
    there = [keys.get(place.network) or place.network for place in route.server.networks] or [*theirs]
    wanted = ", ".join(f'"{key}"' for key in (*mine, *there[:1]))
    return f"write {route.key(route.client, 'networks')} = [{wanted}]"


def _keys(service: Service | None) -> tuple[str, ...]:
    """The networks of a service, by their keys in the file."""
    if service is None or service.network_mode:
        return ()
    return tuple(service.networks) or ("default",)


def _name(route: Route) -> RouteLink:
    addresses, server = route.heard.addresses, route.server.name
    if addresses is None:
        return RouteLink("name", "unknown", f"nobody could ask what {route.host} is")
    if not addresses:
        return RouteLink(
            "name",
            "broken",
            f"{route.client.name} does not know the name {route.host}",
            "name",
            f"stackctl up --force-recreate {server} gives the container its names",
        )
    told = f"{route.host} is {', '.join(addresses)}"
    others = {a: route.owners[a] for a in addresses if a in route.owners}
    for address, other in others.items():
        if not route.together and (other.project, other.service) != (route.stack.project, server):
            return RouteLink(
                "name",
                "broken",
                f"{told}; {address} is the container {other.name}, not {server}",
                "other",
                f"two containers answer to {route.host} in one network: give one of them another name or network",
            )
    return RouteLink("name", "ok", told)


def _listens(route: Route, asked: AskedPort | None, *, connected: bool) -> RouteLink:
    server, sockets = route.server, route.server.listening
    if asked is None:
        return _without_port(server)
    port = asked.port
    target = published_ports(route.service(server), server.container).get(port, port)
    service = route.service(server)
    declared = declared_ports(service) if service else set()
    if connected or sockets is None:
        if not connected and target != port and port not in declared:
            return _published(route, asked, target)
        text = (
            f"{server.name} listens on port {port}"
            if connected
            else f"nobody could see where {server.name} listens"
        )
        return RouteLink("listens", "ok" if connected else "unknown", text)
    here = [each for each in sockets if each.port == port]
    told = f"{server.name} listens on {', '.join(map(str, here or sockets))}"
    addresses = {place.address for place in route.shared}
    if any(each.everywhere or each.address in addresses or route.together for each in here):
        return RouteLink("listens", "ok", told)
    if here:
        inside = all(each.loopback for each in here)
        why = "nobody outside of its container can connect" if inside else "that is in no network of both"
        return RouteLink(
            "listens",
            "broken",
            f"{told} only: {why}",
            "loopback" if inside else "address",
            f"let {server.name} listen on 0.0.0.0:{port}",
        )
    if target != port and any(each.port == target for each in sockets):
        return _published(route, asked, target)
    if itself := _itself(route, port):
        return itself
    health = server.container.health if server.container else ""
    if health in ("starting", "unhealthy") and (not sockets or port in declared):
        what = "is not ready yet" if health == "starting" else "is not healthy"
        text = f"{server.name} {what}, and does not listen on port {port}"
        return RouteLink("listens", "broken", text, "unhealthy", f"stackctl logs {server.name} shows why")
    if not sockets:
        return _without_port(server)
    outward = sorted(each.port for each in sockets if not each.loopback) or [sockets[0].port]
    text = f"{told}, not on port {port}"
    return RouteLink("listens", "broken", text, "port", _write(route, asked, outward[0]))


def _itself(route: Route, port: int) -> RouteLink | None:
    """A service asks itself for a port of another service. None if it does not."""
    name, sockets = route.server.name, route.server.listening or ()
    services = route.stack.everything.items()
    others = [other for other, service in services if other != name and port in declared_ports(service)]
    if route.client.name != name or route.client.mode == "host" or not others:
        return None
    where = f"which listens on {', '.join(map(str, sockets))}, not" if sockets else "which does not listen"
    text = f"inside {name} {route.host} is {name} itself, {where} on port {port}"
    hint = f"write {' or '.join(f'{other}:{port}' for other in others)}"
    return RouteLink("listens", "broken", text, "localhost", hint)


def _without_port(server: End) -> RouteLink:
    if server.listening is None:
        text = f"no port of {server.name} is known, and nobody could see where it listens"
        return RouteLink("listens", "broken", text, "unasked", f"name the port: {server.name}:PORT")
    hint = f"stackctl logs {server.name} shows what it does"
    return RouteLink("listens", "broken", f"{server.name} listens on no port", "silent", hint)


def _published(route: Route, asked: AskedPort, target: int) -> RouteLink:
    text = f"{asked.port} is the port of {route.server.name} on the host; between containers its port is {target}"
    return RouteLink("listens", "broken", text, "published", _write(route, asked, target))


def _write(route: Route, asked: AskedPort, port: int) -> str:
    there = f" in {dotted(asked.use.path)}" if asked.use else ""
    return f"write {route.host}:{port}{there}"


def _answers(client: End, target: str, answer: str | None) -> RouteLink:
    if answer == "":
        return RouteLink("answers", "ok", f"{target} accepts the connection of {client.name}")
    if answer is None:
        text = f"nobody could connect from inside {client.name}: neither its image nor another one here has a program for it"
        return RouteLink("answers", "broken", text, "unasked", "docker pull busybox")
    text = f"{target} does not accept the connection of {client.name}: {answer}"
    hint = "is there a firewall between the two, or does the server refuse the address of the client?"
    return RouteLink("answers", "broken", text, "refused", hint)


def _at(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


# The way to a host outside of the stack


class OutsideRoute(Struct, frozen=True, kw_only=True):
    """All that is known about the way to a host outside of the stack."""

    stack: Stack
    client: End
    host: str
    heard: Heard = Heard()
    machine: tuple[Listener, ...] | None = None
    """What listens on the engine's machine; None if it is not known."""


def outside_verdict(route: OutsideRoute, port: int) -> RouteVerdict:
    links = tuple(_outside_links(route, port))
    return RouteVerdict(client=route.client.name, host=route.host, port=port, links=links)


def _outside_links(route: OutsideRoute, port: int) -> Iterator[RouteLink]:
    client, host, addresses = route.client, route.host, route.heard.addresses
    yield _runs("client", "client", client)
    if not client.running:
        return
    yield _way_out(route)
    answer = route.heard.answers.get(port)
    if addresses == ():
        text = f"{client.name} does not know the name {host}"
        hint = "is the name right, and does the engine's machine know it?"
        if host == HOST:
            hint = f'write services.{client.name}.extra_hosts = ["{HOST}:host-gateway"]'
        yield RouteLink("name", "broken", text, "name", hint)
        return
    if addresses:
        yield RouteLink("name", "ok", f"{host} is {', '.join(addresses)}")
    if answer and host == HOST and route.machine is not None:
        yield _machine_listens(route.machine, port)
    yield _answers(client, _at(host, port), answer)


def _way_out(route: OutsideRoute) -> RouteLink:
    client, service = route.client, route.stack.everything.get(route.client.name)
    keys, networks = _keys(service), route.stack.networks
    path = dotted((table(service) if service else "services", client.name))
    if client.mode == "none":
        text = f"{client.name} has no network (network_mode none)"
        return RouteLink("network", "broken", text, "mode", f"remove {path}.network_mode")
    if keys and all(key in networks and networks[key].internal for key in keys):
        text = f"{client.name} is only in {', '.join(keys)}, which has no way out (internal)"
        return RouteLink(
            "network", "broken", text, "internal", f"add a network that has a way out to {path}.networks"
        )
    return RouteLink(
        "network",
        "ok",
        f"{client.name} is in {_places(client) if client.networks else 'the network of the host'}",
    )


def _machine_listens(machine: Iterable[Listener], port: int) -> RouteLink:
    found = [each for each in machine if each.port == port]
    told = f"this machine listens on {', '.join(map(str, found))}"
    if not found:
        text = f"nothing on this machine listens on port {port}"
        return RouteLink("listens", "broken", text, "silent", "start the program, or ask another port")
    if all(each.loopback for each in found):
        hint = f"let the program listen on 0.0.0.0:{port}, or on the gateway of the container's network"
        return RouteLink("listens", "broken", f"{told} only: containers cannot connect", "loopback", hint)
    return RouteLink("listens", "ok", told)

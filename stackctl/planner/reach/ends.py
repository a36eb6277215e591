"""What is known about the two ends of a way, and which port of the one the other asks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from stackctl.planner.reach.listening import Listener
from stackctl.planner.reach.places import server_port
from stackctl.planner.world.observed import Joined, ObservedContainer
from stackctl.spec.choosing import table
from stackctl.spec.lint.members import Member
from stackctl.spec.lint.subject import Subject
from stackctl.spec.lint.uses import Use
from stackctl.spec.lint.wiring import meant
from stackctl.spec.model import Service, Stack

_SHARED = "container:"


class End(Struct, frozen=True, kw_only=True):
    """A service at one end of the way. `container` is None if it has none."""

    name: str
    container: ObservedContainer | None = None
    networks: tuple[Joined, ...] = ()
    """Its places in networks. A container in the network of another one has the places of that one."""
    mode: str = ""
    """`host`, `none` or `container:ID`, if it shares a network namespace or has no network; else ""."""
    listening: tuple[Listener, ...] | None = None
    """The sockets in its network namespace; None if they are not known."""

    @property
    def running(self) -> bool:
        return self.container is not None and self.container.state == "running"

    @property
    def namespace(self) -> str:
        """What tells its network namespace from others: the host, or the id of the container that made it."""
        if self.container is None or self.mode == "none":
            return self.name
        return self.mode.removeprefix(_SHARED) or self.container.id

    @classmethod
    def of(
        cls,
        name: str,
        container: ObservedContainer | None,
        containers: Iterable[ObservedContainer] = (),
        listening: tuple[Listener, ...] | None = None,
    ) -> End:
        """`containers` are those whose network it may share."""
        if container is None:
            return cls(name=name)
        by_id, holder = {each.id: each for each in containers}, container
        while other := by_id.get(holder.network_mode.removeprefix(_SHARED)):
            holder = other
        mode = holder.network_mode
        if mode not in ("host", "none"):
            mode = "" if holder is container else f"{_SHARED}{holder.id}"
        return cls(name=name, container=container, networks=holder.networks, mode=mode, listening=listening)


class Heard(Struct, frozen=True, kw_only=True):
    """What the client hears when it asks. `addresses`: those of the name; None if nobody could ask. `answers`: by port, "" for a
    connection, else why there is none.
    """

    addresses: tuple[str, ...] | None = None
    answers: Mapping[int, str] = {}


class AskedPort(Struct, frozen=True):
    """A port of the server that the client asks, and the value that says so; None if no value does."""

    port: int
    use: Use | None = None


def ports_asked(
    stack: Stack, client: str, server: End, port: int | None = None, host: str = ""
) -> tuple[AskedPort, ...]:
    """The ports of the server that the values of the client name, also where they say localhost and mean the server. If they name
    none: the port that the server is known for, else those on which it listens. With `port` only that one.
    """
    found = {
        (number, use.loopback): AskedPort(number, use)
        for use, number in reversed([*_named(stack, client, server, host)])
        if port in (None, number)
    }
    if found:
        return tuple(reversed(found.values()))
    if known := port or known_port(stack.everything.get(server.name)):
        return (AskedPort(known),)
    sockets = server.listening or ()
    outward = {each.port for each in sockets if not each.loopback}
    return tuple(map(AskedPort, sorted(outward or {each.port for each in sockets})))


def _named(stack: Stack, client: str, server: End, host: str) -> Iterator[tuple[Use, int]]:
    """The values of the client that mean the server, each with the port of the server that it names."""
    service = stack.everything.get(server.name)
    names = {server.name.lower(), host.lower(), *(member(stack, server.name).hosts if service else ())}
    for use in Subject(stack).uses.get(client, ()):
        number = use.port or stack.known_images.scheme_ports.get(use.scheme, 0)
        if use.loopback:
            number = _meant_port(stack, client, server, use, number)
        else:
            number = (number or known_port(service)) if use.host in names else 0
        if number:
            yield use, number


def _meant_port(stack: Stack, client: str, server: End, use: Use, number: int) -> int:
    """The port of the server that localhost is meant to be; 0 if the client listens there itself, or if another service is meant."""
    own, service = stack.everything[client], stack.everything.get(server.name)
    if client == server.name or service is None or number in declared_ports(own):
        return 0
    if number == 0:
        port = known_port(service)
        return port if port and meant(use, {port: member(stack, server.name)}) else 0
    target = published_ports(service, server.container).get(number)
    if target is not None:
        return target
    listening = {each.port for each in server.listening or ()} | declared_ports(service)
    others = (each for name, each in stack.everything.items() if name not in (client, server.name))
    return number if number in listening and not any(number in declared_ports(each) for each in others) else 0


def known_port(service: Service | None) -> int:
    """The port that is meant if nobody names one; 0 if there is none."""
    if service is None:
        return 0
    if (port := server_port(service)) is not None:
        return port
    return next((port.target.first for port in service.ports if port.protocol == "tcp"), 0) or next(
        iter(_exposed(service)), 0
    )


def declared_ports(service: Service) -> set[int]:
    """The ports on which the service listens, by the file."""
    targets = {number for port in service.ports for number in port.target.numbers}
    known = known_port(service)
    return targets | {*_exposed(service)} | ({known} if known else set())


def _exposed(service: Service) -> Iterator[int]:
    for text in service.expose:
        first, _, last = text.partition("/")[0].partition("-")
        yield from range(int(first), int(last or first) + 1)


def published_ports(service: Service | None, container: ObservedContainer | None) -> Mapping[int, int]:
    """The port in the container by the port on the host."""
    written = {
        published: target
        for port in (service.ports if service else ())
        if port.published and port.protocol == "tcp" and len(port.published) == len(port.target)
        for published, target in zip(port.published.numbers, port.target.numbers, strict=True)
    }
    there = container.ports if container else ()
    return written | {port.published: port.target for port in there if port.protocol == "tcp"}


def member(stack: Stack, name: str) -> Member:
    service = stack.everything[name]
    return Member((table(service), name), name, service)

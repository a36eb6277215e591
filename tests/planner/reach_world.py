"""Stacks in which one service asks another, each with one mistake, on a small model of an engine: the facts that `reach` would find."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from plan_world import stack

from stackctl.planner.reach.ends import AskedPort, End, Heard, ports_asked
from stackctl.planner.reach.listening import Listener
from stackctl.planner.reach.route import Route, RouteVerdict, verdict
from stackctl.planner.world import labels
from stackctl.planner.world.observed import Joined, ObservedContainer, PublishedPort
from stackctl.spec.model import Stack

NAMES = ("web", "db", "queue", "search", "mail", "auth", "files", "cache")


@dataclass(frozen=True)
class Made:
    """A service, as the file says it and as it runs."""

    name: str
    port: int
    published: int
    image: str = "app"
    networks: tuple[str, ...] = ("default",)
    variables: tuple[tuple[str, str], ...] = ()
    mode: str = ""
    state: str = "running"
    health: str = ""
    exit_code: int | None = None
    listening: tuple[Listener, ...] = ()
    known_by_name: bool = True
    """Whether the engine's DNS tells its name."""
    firewall: bool = False

    @property
    def text(self) -> str:
        where = f'network_mode = "{self.mode}"' if self.mode else f"networks = {[*self.networks]}"
        values = "".join(f"\nenvironment.{name} = '{value}'" for name, value in self.variables)
        ports = "" if self.mode else f'\nports = ["{self.published}:{self.port}"]'
        return f'[services.{self.name}]\nimage = "{self.image}"\n{where}{ports}{values}\n'


@dataclass(frozen=True)
class World:
    """Services on an engine. The first one is the client, the second one the server."""

    services: tuple[Made, ...]
    strangers: tuple[ObservedContainer, ...] = ()
    removed: bool = False
    """Whether the server's container is gone."""
    blind: bool = False
    """Whether nobody can see the sockets."""
    typed: int | None = None
    """The port that the person names."""

    @property
    def client(self) -> Made:
        return self.services[0]

    @property
    def server(self) -> Made:
        return self.services[1]

    def with_client(self, **changes: object) -> World:
        return replace(self, services=(replace(self.client, **changes), *self.services[1:]))  # type: ignore[arg-type]

    def with_server(self, **changes: object) -> World:
        changed = replace(self.server, **changes)  # type: ignore[arg-type]
        return replace(self, services=(self.client, changed, *self.services[2:]))

    @property
    def stack(self) -> Stack:
        networks = "".join(f"[networks.{name}]\n" for name in ("back", "front", "far"))
        return stack("".join(each.text for each in self.services) + networks)

    def container(self, made: Made) -> ObservedContainer:
        at = self.services.index(made)
        running = made.state == "running"
        return ObservedContainer(
            id=f"id-{made.name}",
            name=f"shop-{made.name}-1",
            state=made.state,
            health=made.health,
            exit_code=made.exit_code,
            labels={labels.PROJECT: "shop", labels.SERVICE: made.name, labels.INSTANCE: "i"},
            ports=(PublishedPort(made.port, "tcp", "127.0.0.1", made.published),) if running else (),
            networks=()
            if made.mode
            else tuple(
                Joined(f"shop_{key}", f"net-{key}", f"10.{number}.0.{at + 2}" if running else "")
                for number, key in enumerate(made.networks)
            ),
            network_mode=made.mode,
        )

    def heard(self, ports: tuple[AskedPort, ...]) -> Heard:
        """What the client hears: the name is known in a network in common, and a port answers where a socket listens."""
        client, server = map(self.container, (self.client, self.server))
        mine = {place.network_id for place in client.networks}
        there = [place.address for place in server.networks if place.network_id in mine]
        if self.client.state != "running" or self.client.mode or self.server.mode:
            return Heard()
        if not there or self.server.state not in ("running", "paused") or not self.server.known_by_name:
            return Heard(addresses=())
        addresses = (*there, *(place.address for each in self.strangers for place in each.networks))
        takes = {
            each.port
            for each in self.server.listening
            if (each.everywhere or each.address in there) and not self.server.firewall
        }
        answers = {
            each.port: "" if each.port in takes or self.strangers else "connection refused" for each in ports
        }
        return Heard(addresses=addresses, answers=answers)

    def verdicts(self) -> tuple[RouteVerdict, ...]:
        containers = [
            self.container(each) for each in self.services if not (self.removed and each is self.server)
        ]
        by_name = {each.service: each for each in containers}
        client = End.of(self.client.name, by_name[self.client.name], containers)
        running = self.server.state == "running" and not self.removed
        sockets = self.server.listening if running and not self.blind else None
        server = End.of(self.server.name, by_name.get(self.server.name), containers, sockets)
        read = self.stack
        ports = ports_asked(read, client.name, server, self.typed)
        route = Route(
            stack=read,
            client=client,
            server=server,
            host=server.name,
            heard=self.heard(ports),
            owners={
                place.address: each
                for each in (*containers, *self.strangers)
                for place in each.networks
                if place.address
            },
        )
        return tuple(verdict(route, each) for each in ports or (None,))


def world(random: Random) -> World:
    """Services that all work: each listens on its port, and the client asks the server in one of the usual ways."""
    names = random.sample(NAMES, random.randint(2, 5))
    numbers = random.sample(range(1024, 9999), 3 * (len(names) + 1))
    servers = []
    for at, name in enumerate(names):
        port, published = numbers[3 * at], numbers[3 * at + 1]
        image = "app"
        if at == 0 and random.random() < 0.5:
            image, port = random.choice([("postgres:15", 5432), ("redis:7", 6379)])
        more = [Listener("127.0.0.1", numbers[3 * at + 2])] if random.random() < 0.3 else []
        networks = random.choice([("default",), ("back",), ("back", "front"), ("default", "back")])
        servers.append(
            Made(
                name,
                port,
                published,
                image,
                networks,
                listening=(Listener(random.choice(["0.0.0.0", "::"]), port), *more),
            )
        )
    server = servers[0]
    mine = (random.choice(server.networks), *(("own",) if False else ()))
    client = Made(
        "api", numbers[-1], numbers[-2], networks=mine, listening=(Listener("0.0.0.0", numbers[-1]),)
    )
    return asking(World((client, *servers)), server.name, server.port, random)


def asking(made: World, host: str, port: int, random: Random) -> World:
    """The client asks this host and port, in a URL or in two variables."""
    if random.random() < 0.4:
        values: tuple[tuple[str, str], ...] = (("SERVICE_DB_HOST", host), ("SERVICE_DB_PORT", str(port)))
    else:
        scheme = {"postgres:15": "postgresql", "redis:7": "redis"}.get(made.server.image, "http")
        values = (("TARGET_URL", f"{scheme}://{host}:{port}/x"),)
    return made.with_client(variables=values)


def _without_port(made: World, random: Random) -> World:
    image, port, variable = random.choice([("postgres:15", 5432, "DB_HOST"), ("redis:7", 6379, "REDIS_HOST")])
    listening = (Listener("0.0.0.0", port),)
    return made.with_server(image=image, port=port, listening=listening).with_client(
        variables=((variable, "localhost"),)
    )


def _loopback(made: World, random: Random) -> World:
    address = random.choice(["127.0.0.1", "::1", "127.0.1.1"])
    return made.with_server(listening=(Listener(address, made.server.port), *made.server.listening[1:]))


def _down(made: World, random: Random) -> World:
    if random.random() < 0.15:
        return replace(made, removed=True)
    state, code = random.choice(
        [
            ("exited", 0),
            ("exited", 1),
            ("exited", 137),
            ("restarting", 1),
            ("paused", None),
            ("created", None),
            ("dead", 255),
        ]
    )
    return made.with_server(state=state, exit_code=code)


def _wrong_port(made: World, random: Random) -> World:
    if random.random() < 0.5:
        return asking(made, made.server.name, made.server.port + 1, random)
    return made.with_server(listening=(Listener("0.0.0.0", made.server.port + 1), *made.server.listening[1:]))


def _stranger(made: World, random: Random) -> World:
    names = {labels.PROJECT: random.choice(["other", "shop"]), labels.SERVICE: "else", labels.INSTANCE: "i"}
    stranger = ObservedContainer(
        id="s", name="other-1", labels=names, networks=(Joined("shop_x", "net-x", "10.0.0.99"),)
    )
    return replace(made, strangers=(stranger,))


MISTAKES: dict[str, tuple[str | None, Callable[[World, Random], World]]] = {
    "none": (None, lambda made, _: made),
    "none, the port is typed": (None, lambda made, _: replace(made, typed=made.server.port)),
    "none, and no value names it": (None, lambda made, _: made.with_client(variables=())),
    "none, the server checks itself in vain": (None, lambda made, _: made.with_server(health="unhealthy")),
    "localhost": ("localhost", lambda made, random: asking(made, "localhost", made.server.port, random)),
    "127.0.0.1": ("localhost", lambda made, random: asking(made, "127.0.0.1", made.server.port, random)),
    "localhost and the port of the host": (
        "localhost",
        lambda made, random: asking(made, "localhost", made.server.published, random),
    ),
    "localhost, in a variable without a port": ("localhost", _without_port),
    "listens on 127.0.0.1": ("loopback", _loopback),
    "listens in another network": (
        "address",
        lambda made, _: made.with_server(listening=(Listener("10.9.0.2", made.server.port),)),
    ),
    "another network": ("network", lambda made, _: made.with_server(networks=("far",))),
    "the port of the host": (
        "published",
        lambda made, random: asking(made, made.server.name, made.server.published, random),
    ),
    "the port of the host, typed": ("published", lambda made, _: replace(made, typed=made.server.published)),
    "the port of the host, and blind": (
        "published",
        lambda made, _: replace(made, typed=made.server.published, blind=True),
    ),
    "another port": ("port", _wrong_port),
    "down": ("down", _down),
    "the client is down": ("client", lambda made, _: made.with_client(state="exited", exit_code=1)),
    "not healthy": (
        "unhealthy",
        lambda made, random: made.with_server(health=random.choice(["starting", "unhealthy"]), listening=()),
    ),
    "listens on nothing": ("silent", lambda made, _: made.with_server(listening=())),
    "the network of the host, client": ("mode", lambda made, _: made.with_client(mode="host")),
    "the network of the host, server": ("mode", lambda made, _: made.with_server(mode="host")),
    "no network": ("mode", lambda made, _: made.with_server(mode="none")),
    "a name that is lost": ("name", lambda made, _: made.with_server(known_by_name=False)),
    "a name that two have": ("other", _stranger),
    "a firewall": ("refused", lambda made, _: made.with_server(firewall=True)),
}


def causes(mistake: str, rounds: int) -> list[str | None]:
    """What is named as the cause in that many stacks with this mistake. Each broken link must tell a way out."""
    _, change = MISTAKES[mistake]
    named: list[str | None] = []
    for seed in range(rounds):
        random = Random(f"{mistake} {seed}")
        found = change(world(random), random).verdicts()
        assert all(link.hint for each in found for link in each.links if link.state == "broken")
        named.append(next((each.cause for each in found if not each.reachable), None))
    return named

"""Rules about how services reach each other: the right host, the right port, a network in common."""

import re
from collections.abc import Iterator, Mapping

from stackctl.errors import Problem
from stackctl.spec.lint.members import Member, Path
from stackctl.spec.lint.subject import Subject
from stackctl.spec.lint.uses import Kind, Use
from stackctl.spec.model import Port

_WEB = frozenset({"http", "https", "ws", "wss"})
_LONGEST_LABEL = 63
"""RFC 1035, 2.3.4."""

_WORDS: Mapping[str, str] = {
    "postgres": "DB|DATABASE|PG|POSTGRES|POSTGRESQL",
    "mysql": "DB|DATABASE|MYSQL|MARIADB",
    "mariadb": "DB|DATABASE|MYSQL|MARIADB",
    "mongo": "DB|DATABASE|MONGO|MONGODB",
    "redis": "REDIS|CACHE",
    "valkey": "VALKEY|REDIS|CACHE",
    "rabbitmq": "RABBIT|RABBITMQ|AMQP",
    "memcached": "MEMCACHE|MEMCACHED|CACHE",
}
"""The words in a variable's name that mean such a server, if the variable names no port."""


def loopback_hosts(subject: Subject) -> Iterator[Problem]:
    """A URL of a database or queue, or a variable such as `DB_HOST`, says `localhost`, but the server is another service.

    Inside a container, `localhost` is the container itself. The rule looks for a service of a known image that listens on
    that port. A URL with `http` is only a remark: a browser may open it, and for the browser `localhost` is right.

    Fix: write the service's name: `postgres:5432`.

    Evidence: Docker's own guide to Postgres explains it under "networking". In 53 public compose files, every `localhost` in a URL
    with `http` was for a browser, so such a URL is only a remark.
    """
    servers: dict[int, Member] = {}
    listening: dict[int, Member] = {}
    for member in subject.members:
        if (connection := member.connection) and member.networks and not member.service.profiles:
            servers.setdefault(connection.port, member)
        for published in member.service.ports:
            if len(published.target) == 1 and member.networks:
                listening.setdefault(published.target.first, member)
    for member in subject.members:
        if not member.networks:
            continue
        own = {published.target.first for published in member.service.ports}
        for use in subject.uses[member.name]:
            if not use.loopback or use.source in ("command", "entrypoint"):
                continue
            port = use.port or member.service.known_images.server_schemes.get(use.scheme, 0)
            if use.kind is Kind.server and use.scheme not in _WEB:
                other = servers.get(port) if port else meant(use, servers)
                if other and other.name != member.name and not _serves(member, other):
                    yield Problem(
                        use.path,
                        f'{use.source} in {member.name} says "{use.host}", which is {member.name} itself: '
                        f"{other.server and other.server.name} runs in another container, {other.name}",
                        f"use {other.name}:{port or (other.connection and other.connection.port)}",
                    )
            elif use.scheme in _WEB and port in listening and port not in own:
                other = listening[port]
                if other.name != member.name:
                    yield Problem(
                        use.path,
                        f'{use.source} says "{use.host}:{port}": inside {member.name} that is {member.name} itself, '
                        f"and {other.name} listens there",
                        f"if {member.name} opens it, and not a browser, use {other.name}:{port}",
                        severity="info",
                    )


def meant(use: Use, servers: Mapping[int, Member]) -> Member | None:
    """The only server that a variable without a port can mean."""
    fitting = [
        member
        for member in servers.values()
        if member.server
        and re.search(rf"(?i)(^|_)({_WORDS.get(member.server.name, '(?!)')})(_|$)", use.source)
    ]
    return fitting[0] if len(fitting) == 1 else None


def _serves(member: Member, other: Member) -> bool:
    """Whether the member runs such a server itself."""
    return bool(member.server and other.server and member.server.port == other.server.port)


def published_ports(subject: Subject) -> Iterator[Problem]:
    """A URL names the port that a service publishes on the host, instead of the port inside the container.

    In `ports = ["5433:5432"]`, 5433 is the port of your machine. Containers reach each other directly, and there the port is
    5432. If the image is not known, this is a warning: the program may listen on both ports.

    Fix: use the port of the container, the last one.

    Evidence: docker-library/postgres#167 and #525, immich-app/immich#2164, knadh/listmonk#2354.
    """
    for member, use, other in _dialled(subject):
        published = next((port for port in other.service.ports if _offset(port, use.port) is not None), None)
        if published is None or _listens(other, use.port):
            continue
        offset = _offset(published, use.port) or 0
        inside = published.target.first + min(offset, len(published.target) - 1)
        yield Problem(
            _place_of_port(member, use),
            f"{member.name} → {use.host}:{use.port}: {use.port} is the port on your machine "
            f'(ports = ["{use.port}:{inside}"]); between containers the port is {inside}',
            f"use {use.host}:{inside}",
            severity="error" if other.server else "warning",
        )


def wrong_ports(subject: Subject) -> Iterator[Problem]:
    """A URL of a database or queue names a port on which the server does not listen.

    The rule knows the port of known images, and options that change it, such as `--port`. It does not check a server with a
    configuration file, which may name another port.

    Fix: use the port of the server.

    Evidence: knadh/listmonk#2354.
    """
    for member, use, other in _dialled(subject):
        known, connection = other.server, other.connection
        if not known or not connection or use.scheme not in known.schemes or _is_configured(other):
            continue
        if _listens(other, use.port) or any(
            _offset(port, use.port) is not None for port in other.service.ports
        ):
            continue
        yield Problem(
            _place_of_port(member, use),
            f"{known.name} listens on {connection.port}; {member.name} dials {use.host}:{use.port}",
            f"use {use.host}:{connection.port}",
        )


def _dialled(subject: Subject) -> Iterator[tuple[Member, Use, Member]]:
    """Each host and port that a service names, with the other service that has the host."""
    for member in subject.members:
        if not member.networks:
            continue
        told: set[tuple[str, str, int]] = set()
        for use in subject.uses[member.name]:
            other = subject.owners.get(use.host)
            if use.port and other and other.name != member.name and not other.service.network_mode:
                if (use.source, use.host, use.port) not in told:
                    yield member, use, other
                told.add((use.source, use.host, use.port))


def _place_of_port(member: Member, use: Use) -> Path:
    return member.variable(use.port_source) if use.port_source else use.path


def _offset(port: Port, number: int) -> int | None:
    """At which place a published range holds the port; None if it does not."""
    if port.published and port.published.first <= number <= port.published.last:
        return number - port.published.first
    return None


def _listens(member: Member, number: int) -> bool:
    """Whether the service says, or its image is known, to listen on the port."""
    if (known := member.server) and (connection := member.connection):
        inside = (connection.port, *known.ports)
        if known.port == number and not known.port_from:
            return True
    else:
        inside = ()
    targets = (port.target for port in member.service.ports)
    exposed = (ports.partition("/")[0].split("-") for ports in member.service.expose)
    return (
        number in inside
        or any(target.first <= number <= target.last for target in targets)
        or any(int(ports[0]) <= number <= int(ports[-1]) for ports in exposed)
    )


def _is_configured(member: Member) -> bool:
    """Whether a file of the user may configure the server."""
    words = " ".join(member.command or ())
    sources = (mount.target for mount in member.service.volumes)
    return bool(re.search(r"\.conf|\.cnf|config", words)) or any(
        re.search(r"\.(conf|cnf|ini|ya?ml)$|/(conf|config|conf\.d)(/|$)|^/etc/", target) for target in sources
    )


def separate_networks(subject: Subject) -> Iterator[Problem]:
    """A service names another one in a URL or a host variable, but the two have no network in common.

    A service with `networks` joins only these networks. A service without `networks` joins the network `default`.

    Fix: give both the same network. `networks = ["back", "default"]` joins two.

    Evidence: one public script starts Redis outside the network of its clients, and another puts one service on a bridge while the
    other four are on the host's network.
    """
    defined = {*subject.stack.networks, "default"}
    for member, use, other in _named(subject):
        mode = other.service.network_mode
        if member.service.network_mode or (mode and mode.mode not in ("host", "none", "bridge")):
            continue
        if member.networks & other.networks or not (member.networks | other.networks) <= defined:
            continue
        there = f"has network_mode {mode}" if mode else f"is on {_listed(other.networks)}"
        yield Problem(
            use.path,
            f"{member.name} uses {other.name} ({use.source}), but {member.name} is on {_listed(member.networks)}, "
            f"and {other.name} {there}: they cannot see each other",
            f"add {_listed(other.networks)} to networks of {member.name}"
            if not mode
            else f"remove network_mode of {other.name}",
        )


def names_without_dns(subject: Subject) -> Iterator[Problem]:
    """A service with `network_mode` host, none or bridge names another service in a URL or a host variable.

    Docker's DNS knows the names of services only on networks of the stack. On the host's network and on Docker's default
    bridge even the right name fails.

    Fix: remove `network_mode`. On the host's network, publish the port of the other service and use `127.0.0.1`.

    Evidence: on the default bridge of Engine 20.10 the right name gives `bad address`. 4 of 49 public scripts use the host's
    network.
    """
    for member, use, other in _named(subject):
        mode = member.service.network_mode
        if mode and mode.mode in ("host", "none", "bridge") and use.host not in member.service.extra_hosts:
            yield Problem(
                use.path,
                f"{member.name} uses {other.name} ({use.source}), but with network_mode {mode} "
                "the names of services are not known",
                f"remove network_mode of {member.name}",
            )


def _named(subject: Subject) -> Iterator[tuple[Member, Use, Member]]:
    """Each other service that a service names, once."""
    for member in subject.members:
        told: set[str] = {member.name}
        for use in subject.uses[member.name]:
            other = subject.owners.get(use.host)
            if other and other.name not in told and not use.loopback:
                told.add(other.name)
                yield member, use, other


def _listed(names: frozenset[str]) -> str:
    return ", ".join(f'"{name}"' for name in sorted(names))


def illegal_hostnames(subject: Subject) -> Iterator[Problem]:
    """A web URL names a service whose name is not a legal hostname: it has a `_`, or more than 63 characters.

    Docker finds the name, but some programs refuse it (RFC 1123): Java's `URI` reads no host, Django answers
    "400 Bad Request".

    Fix: write `-` instead of `_`.

    Evidence: 16 such names in 6 public compose files; moby/moby#22057, http-kit/http-kit#336.
    """
    for member in subject.members:
        told: set[str] = set()
        for use in subject.uses[member.name]:
            if use.scheme not in _WEB or use.host in told or use.host not in subject.owners:
                continue
            told.add(use.host)
            if "_" in use.host or len(use.host) > _LONGEST_LABEL:
                yield Problem(
                    use.path,
                    f'{use.source} in {member.name} uses the host "{use.host}", which is not a legal hostname (RFC 1123): '
                    "Java and Django refuse it",
                    f'rename the service, or give it the alias "{use.host.replace("_", "-")[:_LONGEST_LABEL]}"',
                )


def advertised_localhost(subject: Subject) -> Iterator[Problem]:
    """Kafka tells its clients to reconnect to `localhost`, and another service is a client.

    A client asks the broker first, and then connects to the address that the broker advertises. Inside a container,
    `localhost` is the container itself. A broker that has two listeners can advertise one for each side.

    Fix: `KAFKA_ADVERTISED_LISTENERS = "INTERNAL://kafka:29092,HOST://localhost:9092"`, and a listener for each.

    Evidence: provectus/kafka-ui#2021, wurstmeister/kafka-docker#710; two of 49 public scripts.
    """
    clients: dict[str, Member] = {}
    for member, _, other in _named(subject):
        clients.setdefault(other.name, member)
    for member in subject.members:
        for name in ("KAFKA_ADVERTISED_LISTENERS", "KAFKA_CFG_ADVERTISED_LISTENERS"):
            value = member.service.resolved.get(name) or ""
            hosts = re.findall(r"://([^:/,\s]*)", value)
            client = clients.get(member.name)
            if client and hosts and all(host in ("localhost", "127.0.0.1") for host in hosts):
                yield Problem(
                    member.variable(name),
                    f'{member.name} tells {client.name} to reconnect to "localhost", which is {client.name} itself',
                    f"advertise two listeners: INTERNAL://{member.name}:29092,HOST://localhost:9092",
                )

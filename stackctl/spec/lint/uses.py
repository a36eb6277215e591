"""Find the hosts and ports that a service names: in URLs, and in variables whose name says that they hold a host."""

import re
from collections.abc import Iterator
from enum import IntEnum

from msgspec import Struct

from stackctl.spec.lint.members import Member, Path
from stackctl.spec.text.hosts import addresses

_HOST_VARIABLE = (
    "_HOST",
    "_HOSTNAME",
    "_SERVER",
    "_ADDR",
    "_BROKER",
    "_BROKERS",
    "_BOOTSTRAP_SERVERS",
    "_ENDPOINT",
)
_WITH_PORT = r"(?i)_(HOST|HOSTNAME|SERVER|ADDR)$"
"""The host may stand in such a variable, and its port in another one: `DB_HOST`, `DB_PORT`."""
_SERVER_WORD = (
    r"(?i)(^|_)(DB|DATABASE|PG|POSTGRES(QL)?|MYSQL|MARIADB|REDIS|VALKEY|CACHE|MEMCACHED?|MONGO(DB)?|RABBIT(MQ)?|AMQP|QUEUE|"
    r"BROKERS?|KAFKA|BOOTSTRAP_SERVERS|ZOOKEEPER|NATS|MQTT|ELASTIC(SEARCH)?|OPENSEARCH|CLICKHOUSE|CASSANDRA|NEO4J|"
    r"INFLUX(DB)?|MINIO|S3)(_|$)"
)
_FOR_BROWSERS = ("CORS", "ORIGIN", "ALLOWED", "PUBLIC", "EXTERNAL", "NO_PROXY", "REDIRECT", "CALLBACK")
_LABEL = r"(?i)[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?"
_NO_HOSTS = frozenset({"true", "false", "yes", "no", "on", "off", "none", "null"})
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "0.0.0.0"})  # noqa: S104


class Kind(IntEnum):
    """Why the host counts as a container of the stack. A higher number is more certain."""

    url = 1
    """The host stands in some URL, which may lead anywhere."""
    variable = 2
    """The variable's name says that it holds a host."""
    server = 3
    """The URL's scheme, or the variable's name, says that the host is a database or a queue."""


class Use(Struct, frozen=True):
    """A host that a value names. It is the machine itself, or has no dot: a name with a dot is not the name of a container."""

    path: Path
    source: str
    """The place, for people: the name of the variable, or `command`."""
    host: str
    kind: Kind
    scheme: str = ""
    """The scheme of the URL; "" outside of a URL."""
    port: int = 0
    """0 if the value names none."""
    port_source: str = ""
    """The variable that holds the port, if it is another one than `source`."""

    @property
    def loopback(self) -> bool:
        """Whether the host is the container itself."""
        return self.host in _LOOPBACK


def uses(member: Member) -> Iterator[Use]:
    for name, value in member.service.resolved.items():
        path = member.variable(name)
        kind = Kind.url
        if name.upper().endswith(_HOST_VARIABLE):
            kind = Kind.server if re.search(_SERVER_WORD, name) else Kind.variable
        found = [*_urls(member, value or "", path, name, kind)]
        yield from found
        if not found and value and kind > Kind.url:
            yield from _named_by_variable(member, name, value, kind)
    for key, words in (("command", member.command), ("entrypoint", member.entrypoint)):
        for word in words or ():
            yield from _urls(member, word, (*member.path, key), key, Kind.url)


def _named_by_variable(member: Member, name: str, value: str, kind: Kind) -> Iterator[Use]:
    other = re.sub(_WITH_PORT, "_PORT", name)
    port = member.service.resolved.get(other) or "" if other != name else ""
    elsewhere = int(port) if re.fullmatch("[0-9]{1,5}", port) else 0
    for host, written in _hosts(value):
        yield Use(
            member.variable(name),
            name,
            host,
            kind,
            port=written or elsewhere,
            port_source=other if elsewhere and not written else "",
        )


def _urls(member: Member, text: str, path: Path, source: str, least: Kind) -> Iterator[Use]:
    if any(word in source.upper() for word in _FOR_BROWSERS):
        return
    schemes = member.service.known_images.server_schemes
    for address in addresses(text):
        if address.scheme:
            kind = Kind.server if address.scheme in schemes else least
            for host, port in _hosts(",".join(address.hosts)):
                yield Use(path, source, host, kind, address.scheme, port)


def _hosts(text: str) -> Iterator[tuple[str, int]]:
    """The names and ports (0: none) in `host`, `host:port` and lists of these, in lower case: DNS ignores case."""
    for part in text.split(","):
        match = re.fullmatch(r"([^:/\s]+)(?::(\d{0,5}))?", part.strip())
        host = match[1].lower() if match else ""
        plain = re.fullmatch(_LABEL, host) and not host.isdigit() and host not in _NO_HOSTS
        if match and (plain or host in _LOOPBACK):
            yield host, int(match[2] or 0)

"""Which hosts the values of a service name: those in URLs, and those in variables that say they hold a host."""

import re
from collections.abc import Iterator
from enum import IntEnum

from msgspec import Struct

from stackctl.spec.known import server_schemes
from stackctl.spec.lint.members import Member, Path
from stackctl.spec.text.hosts import addresses

_HOST_VARIABLE = re.compile(
    r"_(HOST|HOSTNAME|SERVER|ADDR|BROKERS?|BOOTSTRAP_SERVERS|ENDPOINT)$", re.IGNORECASE
)
_SERVER_WORD = re.compile(
    r"(^|_)(DB|DATABASE|PG|POSTGRES(QL)?|MYSQL|MARIADB|REDIS|VALKEY|CACHE|MEMCACHED?|MONGO(DB)?|RABBIT(MQ)?|AMQP|QUEUE|"
    r"BROKERS?|KAFKA|BOOTSTRAP_SERVERS|ZOOKEEPER|NATS|MQTT|ELASTIC(SEARCH)?|OPENSEARCH|CLICKHOUSE|CASSANDRA|NEO4J|"
    r"INFLUX(DB)?|MINIO|S3)(_|$)",
    re.IGNORECASE,
)
_FOR_BROWSERS = re.compile(r"CORS|ORIGIN|ALLOWED|PUBLIC|EXTERNAL|NO_PROXY|REDIRECT|CALLBACK", re.IGNORECASE)
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?", re.IGNORECASE)
_NO_HOSTS = frozenset({"localhost", "true", "false", "yes", "no", "on", "off", "none", "null"})


class Kind(IntEnum):
    """How sure it is that the host is meant to be a container of the stack."""

    url = 1
    """A URL of any kind, which may lead anywhere."""
    variable = 2
    """The variable says that it holds a host."""
    server = 3
    """The URL's scheme, or the variable, says that it is a database or a queue."""


class Use(Struct, frozen=True):
    """A host that a value names, always a single label: a name with a dot is not a container's."""

    path: Path
    source: str
    """What people call the place: the variable, or `command`."""
    host: str
    kind: Kind


def uses(member: Member) -> Iterator[Use]:
    for name, value in member.service.resolved.items():
        path = member.variable(name)
        kind = Kind.url
        if _HOST_VARIABLE.search(name):
            kind = Kind.server if _SERVER_WORD.search(name) else Kind.variable
        found = [*_urls(value or "", path, name, kind)]
        yield from found
        if not found and value and kind > Kind.url:
            yield from (Use(path, name, host, kind) for host in _hosts(value))
    for key, words in (("command", member.command), ("entrypoint", member.entrypoint)):
        for word in words or ():
            yield from _urls(word, (*member.path, key), key, Kind.url)


def _urls(text: str, path: Path, source: str, least: Kind) -> Iterator[Use]:
    if _FOR_BROWSERS.search(source):
        return
    for address in addresses(text):
        if address.scheme:
            kind = Kind.server if address.scheme in server_schemes() else least
            yield from (Use(path, source, host, kind) for host in _hosts(",".join(address.hosts)))


def _hosts(text: str) -> Iterator[str]:
    """The names in `host`, `host:port` and lists of them, in lower case, as DNS compares them."""
    for part in text.split(","):
        match = re.fullmatch(r"([^:/\s]+)(?::\d*)?", part.strip())
        host = match[1].lower() if match else ""
        if _LABEL.fullmatch(host) and not host.isdigit() and host not in _NO_HOSTS:
            yield host

"""Find the hosts that a service names: in URLs, and in variables whose name says that they hold a host."""

import re
from collections.abc import Iterator
from enum import IntEnum

from msgspec import Struct

from stackctl.spec.known import server_schemes
from stackctl.spec.lint.members import Member, Path
from stackctl.spec.text.hosts import addresses

_HOST_VARIABLE = r"(?i)_(HOST|HOSTNAME|SERVER|ADDR|BROKERS?|BOOTSTRAP_SERVERS|ENDPOINT)$"
_SERVER_WORD = (
    r"(?i)(^|_)(DB|DATABASE|PG|POSTGRES(QL)?|MYSQL|MARIADB|REDIS|VALKEY|CACHE|MEMCACHED?|MONGO(DB)?|RABBIT(MQ)?|AMQP|QUEUE|"
    r"BROKERS?|KAFKA|BOOTSTRAP_SERVERS|ZOOKEEPER|NATS|MQTT|ELASTIC(SEARCH)?|OPENSEARCH|CLICKHOUSE|CASSANDRA|NEO4J|"
    r"INFLUX(DB)?|MINIO|S3)(_|$)"
)
_FOR_BROWSERS = r"(?i)CORS|ORIGIN|ALLOWED|PUBLIC|EXTERNAL|NO_PROXY|REDIRECT|CALLBACK"
_LABEL = r"(?i)[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?"
_NO_HOSTS = frozenset({"localhost", "true", "false", "yes", "no", "on", "off", "none", "null"})


class Kind(IntEnum):
    """Why the host counts as a container of the stack. A higher number is more certain."""

    url = 1
    """The host stands in some URL, which may lead anywhere."""
    variable = 2
    """The variable's name says that it holds a host."""
    server = 3
    """The URL's scheme, or the variable's name, says that the host is a database or a queue."""


class Use(Struct, frozen=True):
    """A host that a value names. It has no dot: a name with a dot is not the name of a container."""

    path: Path
    source: str
    """The place, for people: the name of the variable, or `command`."""
    host: str
    kind: Kind


def uses(member: Member) -> Iterator[Use]:
    for name, value in member.service.resolved.items():
        path = member.variable(name)
        kind = Kind.url
        if re.search(_HOST_VARIABLE, name):
            kind = Kind.server if re.search(_SERVER_WORD, name) else Kind.variable
        found = [*_urls(value or "", path, name, kind)]
        yield from found
        if not found and value and kind > Kind.url:
            yield from (Use(path, name, host, kind) for host in _hosts(value))
    for key, words in (("command", member.command), ("entrypoint", member.entrypoint)):
        for word in words or ():
            yield from _urls(word, (*member.path, key), key, Kind.url)


def _urls(text: str, path: Path, source: str, least: Kind) -> Iterator[Use]:
    if re.search(_FOR_BROWSERS, source):
        return
    for address in addresses(text):
        if address.scheme:
            kind = Kind.server if address.scheme in server_schemes() else least
            yield from (Use(path, source, host, kind) for host in _hosts(",".join(address.hosts)))


def _hosts(text: str) -> Iterator[str]:
    """The names in `host`, `host:port` and lists of these, in lower case: DNS ignores case."""
    for part in text.split(","):
        match = re.fullmatch(r"([^:/\s]+)(?::\d*)?", part.strip())
        host = match[1].lower() if match else ""
        if re.fullmatch(_LABEL, host) and not host.isdigit() and host not in _NO_HOSTS:
            yield host

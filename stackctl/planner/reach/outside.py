"""The environment of a process outside the stack: the variables of the containers, with addresses that work on this machine."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from msgspec import Struct

from stackctl.errors import EngineError, Problem
from stackctl.planner.reach.places import ServicePlace, authority, default_port, reach, url
from stackctl.planner.world.naming import Naming
from stackctl.spec.model import Service, Stack
from stackctl.spec.text.hosts import HOST, Hosts, replaced
from stackctl.spec.text.parts import Reference, filled

_HOST_KEY = (
    rf"(?ia)(?P<before>^|[\s;&?:])(?P<key>(?:host(?:name)?|server|data source)\s*=\s*'?)(?P<host>{HOST})"
    r"(?P<quote>'?)(?P<after>[\s;&]|$)"
)
_PORT_KEY = r"(?ia)(?<![\w.-])(?P<key>port\s*=\s*'?)(?P<port>\d{1,5})(?!\w)"
"""The host and the port of a connection in keywords, as libpq, PDO and ADO.NET write it: `host=db port=5432`."""
_HOST_VARIABLE = r"(?i)(.*)(HOST|HOSTNAME|SERVER|ADDR|ADDRESS)"

_LEAST_PORT = 21
"""Outside of a URL, a lower number is the version of an image, not a port: `redis:7`."""


def service_env(name: str, stack: Stack, places: Mapping[str, ServicePlace]) -> dict[str, str]:
    """The variables of a service's container, with addresses of the stack replaced by addresses that work on this machine.

    An address that cannot be reached from here stays as it is.
    """
    own = _own(stack.everything[name])
    return own | _Outside(stack, places, _names(stack)).changes(own)


def stack_env(stack: Stack, places: Mapping[str, ServicePlace]) -> dict[str, str]:
    """The variables with which a process finds the whole stack.

    These are NAME_HOST, NAME_PORT and NAME_URL for every service that can be reached, and each variable of a service that holds
    such an address, whether that service runs or not. A variable that has different values in two services is left out. The
    variables of `tests.environment` win over these; one whose services cannot all be reached is left out.
    """
    outside = _Outside(stack, places, _names(stack))
    named = _agreed(outside.named(name) for name in stack.everything)
    own = [_own(service) for service in stack.everything.values()]
    changes = [outside.changes(each) for each in own]
    said = _agreed(each | change for each, change in zip(own, changes, strict=True))
    changed = dict.fromkeys(variable for change in changes for variable in change)
    kept = {name: value for name, value in named.items() if name not in changed or name in said}
    return kept | {name: said[name] for name in changed if name in said} | env_of_tests(stack, places)[0]


def env_of_tests(
    stack: Stack, places: Mapping[str, ServicePlace]
) -> tuple[dict[str, str], tuple[Problem, ...]]:
    """The variables of `tests.environment`, with addresses that work on this machine; and what cannot be reached from here: a
    variable that refers to it is left out.
    """
    found: dict[str, str] = {}
    problems = []
    for name, text in stack.tests.environment.items():
        try:
            found[name] = filled(text, lambda reference: _outside(reference, stack, places))
        except EngineError as error:
            problems.append(Problem(("tests", "environment", name), error.message, error.hint))
    return found | _Outside(stack, places, _names(stack)).changes(found), tuple(problems)


def _outside(reference: Reference, stack: Stack, places: Mapping[str, ServicePlace]) -> str:
    """The value of a reference to an address. Raises EngineError if the service cannot be reached from this machine."""
    name = reference.service
    service, place = stack.everything[name], places.get(name, ServicePlace({}))
    if reference.attribute == "url":
        return url(name, service, place)
    host, port = reach(name, service, place)
    return host if reference.attribute == "host" else str(port)


class _Outside(Struct, frozen=True):
    """A stack seen from this machine. `names`: the service that has a name within the stack."""

    stack: Stack
    places: Mapping[str, ServicePlace]
    names: Mapping[str, str]

    def named(self, name: str) -> dict[str, str]:
        """The variables that are named after a service."""
        service, place = self.stack.everything[name], self.places.get(name)
        port = default_port(service, place) if place else None
        found = place.at(port) if place and port else None
        if not place or not found:
            return {}
        prefix = re.sub(r"[^A-Za-z0-9]", "_", name).upper()
        return {
            f"{prefix}_HOST": found[0],
            f"{prefix}_PORT": str(found[1]),
            f"{prefix}_URL": url(name, service, place),
        }

    def changes(self, environment: Mapping[str, str]) -> dict[str, str]:
        """The variables that hold addresses of the stack, with addresses that work on this machine."""
        changed: dict[str, str] = {}
        for variable, value in environment.items():
            if value.lower() in self.names:
                found = self._host_and_port(variable, value, environment)
                if all(changed.get(name, text) == text for name, text in found.items()):
                    changed |= found
            elif (text := replaced(self._keywords(value), self._hosts)) != value:
                changed[variable] = text
        return changed

    def _host_and_port(self, variable: str, name: str, environment: Mapping[str, str]) -> dict[str, str]:
        """A variable whose value is only a host's name, if the variable's name says so, and the variable of its port."""
        match = re.fullmatch(_HOST_VARIABLE, variable)
        if match is None:
            return {}
        beside = match[1] + ("PORT" if match[2].isupper() else "port")
        port = environment.get(beside, "")
        found = self._find(name, port) if re.fullmatch(r"[0-9]{0,5}", port) else None
        return {variable: found[0], beside: str(found[1])} if found else {}

    def _hosts(self, address: Hosts) -> str:
        return ",".join(self._host(host, address.scheme) for host in address.hosts)

    def _host(self, text: str, scheme: str) -> str:
        name, _, port = text.partition(":")
        if port and not scheme and int(port) < _LEAST_PORT:
            return text
        found = self._find(name, port, scheme)
        return authority(*found) if found else text

    def _keywords(self, value: str) -> str:
        host, port = re.search(_HOST_KEY, value), re.search(_PORT_KEY, value)
        found = self._find(host["host"], port["port"] if port else "") if host else None
        if host is None or found is None:
            return value
        separator = host["after"] or {"": " ", "?": "&", ":": ";"}.get(host["before"], host["before"])
        more = "" if port else f"{separator}port={found[1]}"
        text = f"{host['before']}{host['key']}{found[0]}{host['quote']}{more}{host['after']}"
        value = re.sub(_PORT_KEY, lambda match: f"{match['key']}{found[1]}", value, count=1)
        return re.sub(_HOST_KEY, lambda _: text, value, count=1)

    def _find(self, name: str, port: str, scheme: str = "") -> tuple[str, int] | None:
        """Host and port to connect to, for a name and a port within the stack. Without a port: the port of the scheme, or the
        known port of the service.
        """
        service = self.names.get(name.lower())
        place = self.places.get(service) if service else None
        if not service or not place:
            return None
        number = int(port) if port else self.stack.known_images.scheme_ports.get(scheme)
        if not port and number not in place.published:
            number = default_port(self.stack.everything[service], place) or number
        return place.at(number) if number and number < 65536 else None


def _own(service: Service) -> dict[str, str]:
    return {variable: value for variable, value in service.resolved.items() if value is not None}


def _names(stack: Stack) -> dict[str, str]:
    """The service by each of its names within the stack, in lower case: DNS ignores case. "" for a name that several have."""
    naming = Naming(stack, instance="")
    found: dict[str, str] = {}
    for name, service in stack.everything.items():
        aliases = (alias for use in service.networks.values() for alias in use.aliases)
        for each in (naming.container(name), service.hostname, *aliases):
            if each:
                found[each.lower()] = name if found.get(each.lower(), name) == name else ""
    return found | {name.lower(): name for name in stack.everything}


def _agreed(environments: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """The variables that have the same value in every environment."""
    values: dict[str, set[str]] = {}
    for environment in environments:
        for variable, value in environment.items():
            values.setdefault(variable, set()).add(value)
    return {variable: next(iter(found)) for variable, found in values.items() if len(found) == 1}

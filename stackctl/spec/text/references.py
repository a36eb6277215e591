"""References such as `${services.db.url}`: what one service must know about another stands in the file once.

Interpolation makes each reference a pending part of its text. `resolve` puts in the values once the environment of every
service is known.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from msgspec import structs

from stackctl.errors import Key, Problem
from stackctl.spec.graph import Walk
from stackctl.spec.known import Connection, KnownImage
from stackctl.spec.model import Dependency, Service, Stack, Tests
from stackctl.spec.structure import Mistake
from stackctl.spec.text.interpolate import Flaw, Special
from stackctl.spec.text.parts import Reference, Text, filled, pending
from stackctl.spec.values import Command, HealthTest, Variable
from stackctl.spelling import Guesses

ATTRIBUTES = ("url", "host", "port", "user", "password", "database")

_LOGIN = ("user", "password", "database")
_OUTSIDE = ("tests", "environment")
"""The table whose programs run outside of the stack: its addresses are known once the stack runs, or its ports are chosen."""

_WRITTEN = r"(?s)services\.(.+)\.([^.]+)"


def marker(names: Collection[str]) -> Callable[[tuple[Key, ...]], Special]:
    """The `Special` of each key path, for a tree whose services have these names. It recognises `${services.…}`."""
    guesses = Guesses()
    return lambda path: lambda inner: _mark(inner, path, names, guesses)


def _mark(
    inner: str, path: tuple[Key, ...], names: Collection[str], guesses: Guesses
) -> Reference | Flaw | None:
    if not inner.startswith("services."):
        return None
    match = re.fullmatch(_WRITTEN, inner)
    if match is None or match[2] not in ATTRIBUTES:
        hint = guesses.did_you_mean(match[2], ATTRIBUTES) if match else ""
        expected = f"expected ${{services.NAME.ATTRIBUTE}} with one of {', '.join(ATTRIBUTES)}"
        return Flaw(f"{expected}, found ${{{inner}}}", hint, rule="SC112")
    if path[:2] != _OUTSIDE and (
        path[0] not in ("services", "jobs")
        or not (path[2:3] in (("environment",), ("command",)) or path[2:4] == ("healthcheck", "test"))
    ):
        return Flaw("references work in environment, command and healthcheck.test only", rule="SC112")
    if match[1] not in names:
        return Flaw(
            f"no service {match[1]!r} in this stack", guesses.did_you_mean(match[1], names), rule="SC101"
        )
    return Reference(match[1], match[2])


def references(tree: Mapping[str, Any]) -> Iterator[tuple[tuple[Key, ...], Reference]]:
    """The references of an interpolated tree, with their key paths."""
    waiting: list[tuple[tuple[Key, ...], Any]] = [((), tree)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, dict):
            waiting += (((*path, key), item) for key, item in value.items())
        elif isinstance(value, list):
            waiting += (((*path, n), item) for n, item in enumerate(value))
        elif isinstance(value, Text):
            yield from ((path, reference) for reference in pending(value))


def resolve(stack: Stack, tree: Mapping[str, Any]) -> tuple[Stack, list[Problem]]:
    """Put in the values of all references. A service that refers to another then depends on it.

    Addresses in the environment of tests stay pending: see `_OUTSIDE`.
    """
    found = [*references(tree)]
    if not found:
        return stack, []
    everything = stack.everything
    referred: dict[str, dict[str, None]] = {name: {} for name in everything}
    for path, reference in found:
        if path[:2] == _OUTSIDE:
            continue
        if (owner := str(path[1])) in everything and reference.service in everything:
            referred[owner][reference.service] = None
    values = _Values()
    # A service comes after those it refers to. A circle has no such order: it is reported as a circle of dependencies.
    for name in Walk({name: [*others] for name, others in referred.items()}).order:
        service = _fill(everything[name], values.get)
        if name in stack.services:
            values.add(name, service)
            service = _fill(service, values.get)  # its references to itself
        everything[name] = _wait_for(service, referred[name].keys() - {name})

    def login(reference: Reference) -> str | None:
        return values.get(reference) if reference.attribute in _LOGIN else None

    tests = {name: Text.parse(filled(text, login)) for name, text in stack.tests.environment.items()}
    problems = [
        Problem(path, str(mistake), mistake.hint, rule="SC112")
        for path, reference in found
        if (path[:2] != _OUTSIDE or reference.attribute in _LOGIN)
        and (mistake := values.mistakes.get(reference))
    ]
    services = {name: everything[name] for name in stack.services}
    jobs: Any = {name: everything[name] for name in stack.jobs}
    return structs.replace(stack, services=services, jobs=jobs, tests=Tests(environment=tests)), problems


class _Values:
    """The values of references that are known so far. `mistakes`: why a reference has no value."""

    def __init__(self) -> None:
        self.mistakes: dict[Reference, Mistake] = {}
        self._known: dict[Reference, str] = {}
        self._services: dict[str, tuple[KnownImage, Connection] | Mistake] = {}

    def add(self, name: str, service: Service) -> None:
        """Add a service whose references to other services have their values."""
        image = service.known
        if image is None:
            what = f"the image {service.image!r}" if service.image else "the image built"
            self._services[name] = Mistake(
                f"nothing is known of {what} for service {name!r}", "write the value out"
            )
        else:
            command = service.command.argv if service.command else None
            self._services[name] = image, image.connection(service.resolved, command)

    def get(self, reference: Reference) -> str | None:
        """The value of a reference; None while its service is not known.

        A reference without a value gives the empty text. The problem stands where the reference is written.
        """
        if reference.service not in self._services:
            return None
        if reference not in self._known:
            try:
                self._known[reference] = self._attribute(reference)
            except Mistake as mistake:
                self._known[reference] = ""
                self.mistakes[reference] = mistake
        return self._known[reference]

    def _attribute(self, reference: Reference) -> str:
        name, attribute = reference.service, reference.attribute
        known = self._services[name]
        if isinstance(known, Mistake):
            raise known
        image, connection = known
        login = {
            "user": connection.user,
            "password": connection.password.reveal() if connection.password else "",
            "database": connection.database,
        }
        needed = login.values() if attribute == "url" else [login.get(attribute, "")]
        if any(any(pending(text)) for text in needed):
            raise Mistake(f"the {attribute} of service {name!r} needs itself", "write the value out")
        match attribute:
            case "url":
                return connection.url(name)
            case "host":
                return name
            case "port":
                return str(connection.port)
        if not login[attribute]:
            raise Mistake(f"the {attribute} of service {name!r} is not set", _where_set(image, attribute))
        return login[attribute]


def _where_set(image: KnownImage, attribute: str) -> str:
    sources = (
        image.database
        if attribute == "database"
        else [s for login in image.logins for s in getattr(login, attribute)]
    )
    variables = [source[1:] for source in sources if source.startswith("$")]
    return f"set {' or '.join(variables)} in its environment" if variables else f"{image.name} has none"


def _fill(service: Service, value: Callable[[Reference], str | None]) -> Service:
    """The service with values for its references. A reference without a value stays pending."""

    def fill(text: str) -> str:
        return filled(text, value)

    environment = {
        name: Variable(each.text and fill(each.text)) for name, each in service.environment.items()
    }
    check = service.healthcheck
    if check and check.test:
        check = structs.replace(check, test=HealthTest(tuple(map(fill, check.test.test))))
    return structs.replace(
        service,
        environment=environment,
        resolved={name: text and fill(text) for name, text in service.resolved.items()},
        command=service.command and Command(tuple(map(fill, service.command.argv))),
        healthcheck=check,
    )


def _wait_for(service: Service, others: Collection[str]) -> Service:
    missing = {name: Dependency() for name in sorted(others) if name not in service.depends_on}
    return structs.replace(service, depends_on={**service.depends_on, **missing}) if missing else service

"""`${services.db.url}` and the like: what one service needs to know of another, written once.

Interpolation leaves each reference marked in the text. When every service's environment is known, `resolve` puts the values
in. The marks are NUL characters: `toml.parse` admits none, so that an escaped `$${services.db.url}` stays what it says.
"""

import contextlib
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from msgspec import Struct, structs

from stackctl.errors import Key, Problem
from stackctl.secret import Secret
from stackctl.spec.known import Connection, KnownImage, known_image
from stackctl.spec.model import Dependency, Service, Stack
from stackctl.spec.structure import Mistake
from stackctl.spec.text.interpolate import Flaw, Special
from stackctl.spelling import Guesses

ATTRIBUTES = ("url", "host", "port", "user", "password", "database")

_WRITTEN = re.compile(r"services\.(.+)\.([^.]+)", re.DOTALL)
_MARKED = re.compile("\0([^\0]*)\0([^\0]*)\0")
_FIELDS = ("environment", "resolved", "command", "healthcheck")


def marker(names: Collection[str]) -> Callable[[tuple[Key, ...]], Special]:
    """What interpolation asks about `${services.…}` in a tree whose services have these names."""
    guesses = Guesses()
    return lambda path: lambda inner: _mark(inner, path, names, guesses)


def _mark(inner: str, path: tuple[Key, ...], names: Collection[str], guesses: Guesses) -> str | Flaw | None:
    if not inner.startswith("services."):
        return None
    match = _WRITTEN.fullmatch(inner)
    if match is None or match[2] not in ATTRIBUTES:
        hint = guesses.did_you_mean(match[2], ATTRIBUTES) if match else ""
        expected = f"expected ${{services.NAME.ATTRIBUTE}} with one of {', '.join(ATTRIBUTES)}"
        return Flaw(f"{expected}, found ${{{inner}}}", hint, rule="SC112")
    if path[0] not in ("services", "jobs") or not (
        path[2:3] in (("environment",), ("command",)) or path[2:4] == ("healthcheck", "test")
    ):
        return Flaw("references work in environment, command and healthcheck.test only", rule="SC112")
    if match[1] not in names:
        return Flaw(
            f"no service {match[1]!r} in this stack", guesses.did_you_mean(match[1], names), rule="SC101"
        )
    return f"\0{match[1]}\0{match[2]}\0"


def references(tree: Mapping[str, Any]) -> Iterator[tuple[tuple[Key, ...], str, str]]:
    """The references of an interpolated tree: key path, service, attribute."""
    waiting: list[tuple[tuple[Key, ...], Any]] = [((), tree)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, dict):
            waiting += (((*path, key), item) for key, item in value.items())
        elif isinstance(value, list):
            waiting += (((*path, n), item) for n, item in enumerate(value))
        elif isinstance(value, str):
            yield from ((path, service, attribute) for service, attribute in _MARKED.findall(value))


def resolve(stack: Stack, tree: Mapping[str, Any]) -> tuple[Stack, list[Problem]]:
    """Put the values of all references in, and let the services that refer to others depend on them."""
    values = _Values(stack)
    problems = []
    implied: dict[str, set[str]] = {}
    for path, service, attribute in references(tree):
        try:
            values.get(service, attribute)
        except Mistake as mistake:
            problems.append(Problem(path, str(mistake), mistake.hint, rule="SC112"))
        owner = str(path[1])
        if service != owner:
            implied.setdefault(owner, set()).add(service)

    def finish(services: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name: _finish(service, values, implied.get(name, set())) for name, service in services.items()
        }

    stack = structs.replace(stack, services=finish(stack.services), jobs=finish(stack.jobs))
    return stack, problems


class _Values(Struct, frozen=True):
    """The attributes of the services of a stack, by the table of known images."""

    stack: Stack

    def get(self, name: str, attribute: str, asked: tuple[str, ...] = ()) -> str:
        """One attribute of a service. `asked`: the services whose attributes need this one.

        Raises:
            Mistake: the image is not known, or the attribute is not set or needs itself.
        """
        if name in asked:
            return ""  # services that need each other, which is a circle of dependencies and reported as such
        service = self.stack.services.get(name)
        if service is None:
            return ""  # it could not be read, which is reported already
        image = known_image(service.image) if service.image else None
        if image is None:
            what = f"the image {service.image!r}" if service.image else "the image built"
            raise Mistake(f"nothing is known of {what} for service {name!r}", "write the value out")
        connection = self._connection(name, service, image, asked)
        match attribute:
            case "url":
                return connection.url(name)
            case "host":
                return name
            case "port":
                return str(connection.port)
            case "user" if connection.user:
                return connection.user
            case "password" if connection.password:
                return connection.password.reveal()
            case "database" if connection.database:
                return connection.database
        raise Mistake(f"the {attribute} of service {name!r} is not set", _where_set(image, attribute))

    def _connection(
        self, name: str, service: Service, image: KnownImage, asked: tuple[str, ...]
    ) -> Connection:
        """How the service is reached; its own settings may in turn be references."""
        connection = image.connection(service.resolved, service.command.argv if service.command else None)
        asked = (*asked, name)
        password = connection.password
        return structs.replace(
            connection,
            user=self.fill(connection.user, asked),
            password=password and Secret(self.fill(password.reveal(), asked)),
            database=self.fill(connection.database, asked),
        )

    def fill(self, text: str, asked: tuple[str, ...] = ()) -> str:
        """Replace the marks of a text. One without a value becomes the empty text: it is reported where it is written.

        Raises:
            Mistake: the text is a setting of the service it refers to.
        """

        def value(match: re.Match[str]) -> str:
            name, attribute = match.groups()
            if asked[-1:] == (name,):
                raise Mistake(f"the {attribute} of service {name!r} needs itself", "write the value out")
            with contextlib.suppress(Mistake):
                return self.get(name, attribute, asked)
            return ""

        return _MARKED.sub(value, text)


def _where_set(image: KnownImage, attribute: str) -> str:
    sources = (
        image.database
        if attribute == "database"
        else [s for login in image.logins for s in getattr(login, attribute)]
    )
    variables = [source[1:] for source in sources if source.startswith("$")]
    return f"set {' or '.join(variables)} in its environment" if variables else f"{image.name} has none"


def _finish(service: Service, values: _Values, implied: Collection[str]) -> Service:
    changes = {name: _replace(getattr(service, name), values.fill) for name in _FIELDS}
    missing = {name: Dependency() for name in sorted(implied) if name not in service.depends_on}
    return structs.replace(service, **changes, depends_on={**service.depends_on, **missing})


def _replace(value: Any, fill: Callable[[str], str]) -> Any:
    """Apply `fill` to every text in frozen data."""
    match value:
        case str():
            return fill(value) if "\0" in value else value
        case tuple():
            return tuple(_replace(item, fill) for item in value)
        case Mapping():
            return {key: _replace(item, fill) for key, item in value.items()}
    if isinstance(value, Struct):
        found = {name: _replace(getattr(value, name), fill) for name in value.__struct_fields__}
        return structs.replace(value, **found)
    return value

"""What is known about an image: where it listens, what it needs, where it keeps data, how clients log in.

The facts stand in tables, which `known_images` reads. Facts about official images come from their pages in docker-library/docs.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Literal
from urllib.parse import quote

from msgspec import Struct, structs

from stackctl.secret import Secret
from stackctl.spec.image_ref import ImageRef
from stackctl.spec.text.parts import Part, Text, cut, parts, words

Environment = Mapping[str, str | None]
"""A container's variables. None means that the variable is removed."""
Source = str
"""Where a value comes from: the variable `$NAME`, the option `--option *` of the command, or the text itself."""

_SHELLS = frozenset({"sh", "bash", "ash", "dash"})


class Connection(Struct, frozen=True):
    """How a client reaches a server and logs in, read from the server's settings."""

    scheme: str
    port: int
    user: str = ""
    password: Secret | None = None
    database: str = ""
    query: str = ""

    def url(self, host: str, port: int | None = None) -> str:
        """The URL with every part percent-encoded (RFC 3986), or `host:port` for a server that has no scheme.

        The URL holds the login, except for HTTP: HTTP clients take the login separately.
        """
        where = f"{host}:{port or self.port}"
        if not self.scheme:
            return where
        user, password = _quoted(self.user), _quoted(self.password.reveal()) if self.password else []
        login = [*user, *([Part(":"), *password] if self.password else []), Part("@")]
        if self.scheme == "http" or not (self.user or self.password):
            login = []
        query = f"?{self.query}" if self.query and login else ""
        path = [Part("/"), *_quoted(self.database)] if self.database or query else []
        return Text.of([Part(f"{self.scheme}://"), *login, Part(where), *path, Part(query)])


def _quoted(text: str) -> list[Part]:
    return [structs.replace(part, text=quote(part.text, safe="")) for part in parts(text)]


class Login(Struct, frozen=True):
    """A user that the image creates, and the password."""

    user: tuple[Source, ...] = ()
    password: tuple[Source, ...] = ()


class KnownImage(Struct, frozen=True, kw_only=True):
    """One table of a `known.toml`, for one major version."""

    name: str
    """What people call the server: the name of stackctl's table that describes it, else that of the user's."""
    images: tuple[str, ...]
    """The image's repositories, without registry and tag."""
    programs: tuple[str, ...] = ()
    """The programs that start the server."""
    port: int
    """The port on which the server listens by default."""
    port_from: tuple[Source, ...] = ()
    ports: tuple[int, ...] = ()
    """Further ports on which it listens by default, or may listen for the same purpose."""
    schemes: frozenset[str] = frozenset()
    """The schemes of URLs that lead to it."""
    protocol: str = ""
    """The protocol to ask whether the server is ready; empty if its configuration decides the port."""
    probe: tuple[str, ...] = ()
    """A command of the image that asks the same, with places for {port}, {user} and {database}."""
    scheme: str = ""
    """The scheme of the server's URLs; empty if clients take `host:port`."""
    query: str = ""
    """The query of the server's URLs if there is a user."""
    logins: tuple[Login, ...] = ()
    """Logins that the image may create. Clients use the first one whose user has a value."""
    database: tuple[Source, ...] = ()
    required: tuple[tuple[str, ...], ...] = ()
    """Groups of variables. At least one variable of each group must be set, else the server refuses to start. `NAME=value`
    means that the variable must have that value.
    """
    variables: frozenset[str] = frozenset()
    """All variables that the image reads; empty if it reads every variable with some prefix."""
    boot: int = 0
    """Seconds that its first start may take on a slow machine; 0 for a server that starts at once."""
    data: tuple[str, ...] = ()
    """The directories where the server keeps its data. If the tag does not tell the version, those of all versions."""
    every_data: tuple[str, ...] = ()
    """The directories where the server of any version keeps its data."""
    data_from: tuple[Source, ...] = ()
    initial: frozenset[str] = frozenset()
    """The variables that the image reads only while the data directory is empty."""
    opens: Literal["", "own", "older", "previous", "any"] = ""
    """Which data the server opens, by the major version that wrote them; "" if this is not known.

    own: only data of its own version. older: also of older versions. previous: also of the version before it. any: of every
    version. The server converts data of another version that it opens.
    """
    in_tests: tuple[str, ...] = ()
    """Options of the server's command that make it faster where no data must outlive a crash of the machine."""
    version_from: tuple[Source, ...] = ()
    """Variables set by the image that tell its version."""
    version: int | None = None
    """The major version of the server, if `like` tells it; None: the image's tag tells it."""
    data_if: tuple[Source, ...] = ()
    """If given: the server keeps data only if at least one of these options is on (neither empty nor `no`)."""

    def runs_server(self, command: Sequence[str] | None, entrypoint: Sequence[str] | None = None) -> bool:
        """Whether a container with this command and entrypoint (None: the image's) runs the server.

        `postgres -c x=y`, `-c x=y` and `sh -c "… && postgres"` do, `bash` and `pg_dump` do not.
        """
        if entrypoint:
            first, *rest = entrypoint
            if not _is_entrypoint(first):
                return self._starts([*entrypoint, *(command or ())])
            command = [*rest, *(command or ())]
        return not command or command[0].startswith("-") or self._starts(command)

    def command_in_tests(self, command: Sequence[str]) -> tuple[str, ...]:
        """The command that starts the server, with the options of `in_tests`. The command's own options come later, so they win.

        A script stays as it is.
        """
        words = list(itertools.takewhile(lambda word: not word.startswith("-"), command))
        if _script(command) or (words and not self._is_server(words[-1])):
            return (*command,)
        return (*words, *self.in_tests, *command[len(words) :])

    def _starts(self, argv: Sequence[str]) -> bool:
        if script := _script(argv):
            starts = re.findall(r"(?:^|[;&|\n(])\s*(?:(?:exec|then|do|else)\s+)*([^\s;&|]+)", script)
            return any(self._is_server(word) or _is_entrypoint(word) for word in starts)
        program = next((word for word in argv if not _is_entrypoint(word)), None)
        # Redis and Valkey: a command that is only the path of a configuration starts the server with it.
        return program is None or self._is_server(program) or program.endswith(".conf")

    def _is_server(self, word: str) -> bool:
        return PurePosixPath(word).name in self.programs

    def connection(self, environment: Environment, command: Sequence[str] | None = None) -> Connection:
        """How clients reach the server of a container with these variables and this command."""
        find = _Finder(environment, command)
        user, password = next(
            (
                (user, find(login.password))
                for login in self.logins
                if (user := find(login.user)) or not login.user
            ),
            ("", ""),
        )
        port = re.search(r"(?:^|:)([1-9][0-9]{0,4})$", find(self.port_from))
        return Connection(
            scheme=self.scheme,
            port=int(port[1]) if port and int(port[1]) < 65536 else self.port,
            user=user,
            password=Secret(password) if password else None,
            database=find(self.database),
            query=self.query,
        )

    def accounts(self, environment: Environment, command: Sequence[str] | None = None) -> Mapping[str, str]:
        """The passwords of the users that the image creates, by user. A password is "" if it is not known."""
        find = _Finder(environment, command)
        found: dict[str, str] = {}
        for login in self.logins:
            user, password = find(login.user), find(login.password)
            if user or (password and not login.user):
                found.setdefault(user, password)
        return found

    def ready(self, environment: Environment, command: Sequence[str] | None = None) -> tuple[str, ...]:
        """A command that ends with 0 in the container once the server is ready; () if there is none."""
        connection = self.connection(environment, command)
        return tuple(
            word.format(port=connection.port, user=connection.user, database=connection.database)
            for word in self.probe
        )

    def data_paths(self, environment: Environment, command: Sequence[str] | None = None) -> tuple[str, ...]:
        """The directories where the server of such a container may keep its data. () if it keeps none, or if that is not known."""
        find = _Finder(environment, command)
        if self.data_if and all(find((source,)) in ("", "no") for source in self.data_if):
            return ()
        if path := find(self.data_from):
            return (path,) if re.fullmatch(r"/[^{}*]+", path) else ()
        return self.data

    def every_data_path(
        self, environment: Environment, command: Sequence[str] | None = None
    ) -> tuple[str, ...]:
        """The directories where the server of any version keeps its data."""
        return structs.replace(self, data=self.every_data).data_paths(environment, command)

    def holds(self, mount: str, path: str) -> bool:
        """Whether a mount holds data of the path: the mount is the path itself, or lies within it, such as `…/mnesia` of
        RabbitMQ.

        A mount above the path holds the data only if the settings name the path. At the image's own path it does not: the
        image declares a volume there, which hides the mount.
        """
        mount, path = mount.rstrip("/"), path.rstrip("/")
        return f"{mount}/".startswith(f"{path}/") or (
            path not in self.data and f"{path}/".startswith(f"{mount}/")
        )

    def is_of(self, ref: str) -> bool:
        """Whether the reference names an image of this table."""
        return ImageRef.parse(ref).repository.rpartition("library/")[2] in self.images

    def version_of(self, ref: str) -> int | None:
        """The major version of the server in an image of this table; None if the tag tells none."""
        return major_version(ref) if self.version is None else self.version

    def major(self, environment: Environment) -> int | None:
        """The major version that the variables of the image tell. MariaDB writes `1:10.11.2+maria`, which means 10."""
        found = re.match(r"(?:\d+:)?(\d+)", _Finder(environment, None)(self.version_from))
        return int(found[1]) if found else None

    def opens_data_of(self, before: int, after: int) -> bool:
        """Whether a server of the major version `after` opens data of the major version `before`."""
        match self.opens:
            case "older":
                return before <= after
            case "previous":
                return before in (after - 1, after)
            case "any":
                return True
        return before == after

    def missing(self, environment: Environment) -> tuple[tuple[str, ...], ...]:
        """The groups of `required` in which no variable is set."""

        def given(variable: str) -> bool:
            name, _, wanted = variable.partition("=")
            value = environment.get(name)
            return value == wanted if wanted else bool(value)

        return tuple(group for group in self.required if not any(map(given, group)))


def major_version(ref: str) -> int | None:
    """The major version that the tag of a reference tells: `15-alpine` → 15; None if it tells none. An image that is built on
    Postgres names the version of Postgres: `0.8.0-pg17` → 17.
    """
    tag = ImageRef.parse(ref).tag
    match = re.search(r"\bpg(\d{1,4})", tag) or re.match(r"v?(\d{1,4})", tag)
    return int(match[1]) if match else None


class _Finder:
    """Finds the values of sources in the variables and the command of one container."""

    def __init__(self, environment: Environment, command: Sequence[str] | None) -> None:
        self.environment = environment
        self.words = _words(command or ())

    def __call__(self, sources: Sequence[Source]) -> str:
        """The value of the first source that has one, else ""."""
        return next((value for source in sources if (value := self.value_of(source))), "")

    def value_of(self, source: Source) -> str:
        if source.startswith("$"):
            return self.environment.get(source[1:]) or ""
        if not source.endswith(" *"):
            return source
        value = self.option(source.removesuffix(" *"))
        variable = re.fullmatch(r"\$\{?(\w+)\}?", value)  # the shell of the container replaces it
        return (self.environment.get(variable[1]) or "") if variable else value

    def option(self, name: str) -> str:
        for word, following in itertools.pairwise([*self.words, ""]):
            if word == name:
                return following
            if word.startswith(f"{name}="):
                return cut(word, len(name) + 1)
        return ""


def _words(argv: Sequence[str]) -> list[str]:
    script = _script(argv)
    if script is None:
        return [*argv]
    try:
        return [*words(script)]
    except ValueError:
        return script.split()


def _script(argv: Sequence[str]) -> str | None:
    """The script of `sh -c SCRIPT`; None for any other command."""
    if len(argv) > 2 and PurePosixPath(argv[0]).name in _SHELLS and re.fullmatch(r"-\w*c", argv[1]):
        return argv[2]
    return None


def _is_entrypoint(word: str) -> bool:
    """Whether the program prepares something and then runs the rest of the command."""
    return PurePosixPath(word).name in ("docker-entrypoint.sh", "entrypoint.sh", "tini", "dumb-init", "--")

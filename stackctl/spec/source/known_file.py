"""Read the user's own known.toml: the same tables as in stackctl's, checked, each mistake with its place."""

import re
import string
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal, Self

from msgspec import Struct

from stackctl.errors import Problem
from stackctl.spec.image_ref import ImageRef, is_reference
from stackctl.spec.known_images import KnownImages, names_of_tables, protocols, table_of
from stackctl.spec.model.keys import Check, key
from stackctl.spec.source import toml
from stackctl.spec.source.locate import Source, place_all
from stackctl.spec.structure import Annotated, Mistake, structure
from stackctl.spelling import did_you_mean

_FILLED_IN = ("port", "user", "database")


class Repository(Struct, frozen=True):
    """The name of an image, without its registry and its tag: `acme/postgres`."""

    name: str

    SCHEMA: ClassVar[dict[str, Any]] = {"type": "string"}

    @classmethod
    def parse(cls, value: object) -> Self:
        if not isinstance(value, str) or not is_reference(value):
            raise Mistake(f'expected the name of an image such as "acme/postgres", found {value!r}')
        image = ImageRef.parse(value)
        if value != image.repository:
            raise Mistake(
                f"{value!r} has a registry, a tag or a digest, and these do not count",
                f'write "{image.repository}"',
            )
        return cls(value)


class ProbeWord(Struct, frozen=True):
    """A word of a command. `{port}`, `{user}` and `{database}` are filled in; a brace that stays is written twice: `{{`, `}}`."""

    text: str

    SCHEMA: ClassVar[dict[str, Any]] = {"type": "string"}

    @classmethod
    def parse(cls, value: object) -> Self:
        hint = "{port}, {user} and {database} are filled in; write a brace that stays twice: {{ and }}"
        if not isinstance(value, str):
            raise Mistake(f"expected a word of a command, found {value!r}", hint)
        try:
            fields = [field for _, field, *_ in string.Formatter().parse(value) if field is not None]
        except ValueError as error:
            raise Mistake(f"a brace is alone in {value!r}", hint) from error
        if wrong := next((field for field in fields if field not in _FILLED_IN), None):
            raise Mistake(f"nothing is filled in for {{{wrong}}}", hint)
        return cls(value)


class DataPath(Struct, frozen=True):
    """A directory in the container, with its whole path: `/var/lib/acme`."""

    path: str

    SCHEMA: ClassVar[dict[str, Any]] = {"type": "string"}

    @classmethod
    def parse(cls, value: object) -> Self:
        if not isinstance(value, str) or not value.startswith("/"):
            raise Mistake(f'expected a directory of the container such as "/var/lib/acme", found {value!r}')
        return cls(value)


def _version(name: str) -> None:
    if not re.fullmatch("[0-9]{1,4}", name):
        raise ValueError(f"{name!r} is not a major version: write a number")


class LoginTable(Struct, frozen=True, kw_only=True):
    """A user that the image creates, and the password."""

    user: Annotated[tuple[str, ...], key("Where the user's name comes from.")] = ()
    password: Annotated[tuple[str, ...], key("Where the password comes from.")] = ()


class Facts(Struct, frozen=True, kw_only=True):
    """What a later major version changes: its keys replace those of the table."""

    programs: Annotated[tuple[str, ...], key("The programs that start the server.")] = ()
    port: Annotated[int | None, key("The port on which the server listens by default.")] = None
    port_from: Annotated[tuple[str, ...], key("Where another port is set.")] = ()
    ports: Annotated[tuple[int, ...], key("Further ports on which it may listen.")] = ()
    schemes: Annotated[
        Mapping[str, int],
        key(
            "The schemes of URLs that lead to it, each with the port of a URL that names none; 0 if there is none."
        ),
    ] = {}
    protocol: Annotated[
        str | None, key("The protocol in which stackctl asks whether the server is ready; one that it knows.")
    ] = None
    probe: Annotated[
        tuple[ProbeWord, ...],
        key(
            "A command that ends with 0 in the container once the server is ready. It needs `protocol` beside it."
        ),
    ] = ()
    scheme: Annotated[str, key("The scheme of the server's URLs; left out if clients take `host:port`.")] = ""
    query: Annotated[str, key("The query of the server's URLs if there is a user.")] = ""
    logins: Annotated[
        tuple[LoginTable, ...], key("Users that the image creates. Clients use the first that is set.")
    ] = ()
    database: Annotated[tuple[str, ...], key("Where the database's name comes from.")] = ()
    required: Annotated[
        tuple[tuple[str, ...], ...],
        key(
            "Groups of variables; the server refuses to start unless one of each group is set (`NAME`, or `NAME=value`)."
        ),
    ] = ()
    variables: Annotated[
        tuple[str, ...], key("All variables that the image reads; left out if it reads any.")
    ] = ()
    boot: Annotated[int | None, key("Seconds that its first start may take on a slow machine.")] = None
    data: Annotated[tuple[DataPath, ...], key("The directories where it keeps its data.")] = ()
    data_from: Annotated[tuple[str, ...], key("Where another data directory is set.")] = ()
    data_if: Annotated[
        tuple[str, ...], key("If given: it keeps data only if one of these options is on.")
    ] = ()
    initial: Annotated[
        tuple[str, ...], key("The variables that it reads only while its data directory is empty.")
    ] = ()
    opens: Annotated[
        Literal["own", "older", "previous", "any"] | None,
        key("Which data it opens, by the major version that wrote them."),
    ] = None
    in_tests: Annotated[
        tuple[str, ...],
        key("Options of its command in stacks of tests, where no data must outlive the machine."),
    ] = ()
    version_from: Annotated[tuple[str, ...], key("Variables set by the image that tell its version.")] = ()

    def check(self) -> Check:
        for name, number in (("port", self.port), *(("ports", port) for port in self.ports)):
            if number is not None and not 0 < number < 65536:
                yield (name,), f"expected a port from 1 to 65535, found {number}", ""
        if self.protocol is not None and self.protocol not in (known := protocols()):
            hint = did_you_mean(
                self.protocol, known, "leave it out, and write a healthcheck in the stack.toml"
            )
            yield (
                ("protocol",),
                f"stackctl cannot ask in the protocol {self.protocol!r}; it can in {', '.join(sorted(known))}",
                hint,
            )


class ImageTable(Facts, frozen=True, kw_only=True):
    """What is known about one image or several. `like` takes all facts of an image that stackctl knows; other keys replace them."""

    images: Annotated[tuple[Repository, ...], key("The images, without registry and tag.")]
    like: Annotated[
        str | None,
        key(
            "An image that stackctl knows: `postgres`, or `postgres:17` if your tags do not tell the server's version."
        ),
    ] = None
    since: Annotated[
        Mapping[str, Facts], key("What later major versions change, by version.", keys=_version)
    ] = {}

    def check(self) -> Check:
        yield from super().check()
        if not self.images:
            yield ("images",), "no image is named", 'write images = ["acme/postgres"]'
        if self.like is None and self.port is None:
            yield (
                (),
                "the key 'port' is missing",
                'like = "postgres" takes it from an image that stackctl knows',
            )
        if self.like is not None and table_of(self.like) is None:
            hint = did_you_mean(
                self.like.partition(":")[0], names_of_tables(), f"it knows {', '.join(names_of_tables())}"
            )
            yield ("like",), f"stackctl knows no image {self.like!r}", hint


def known_images(source: Source) -> tuple[KnownImages, list[Problem]]:
    """The images of a user's file, and its mistakes, with their places."""
    tree, problems = toml.parse(source)
    tables = {name: table for name, table in tree.items() if not name.startswith("x-")}
    for name, table in tables.items():
        problems += structure(ImageTable, table, (name,))[1]
    problems = problems or list(_twice(tables))
    return KnownImages({} if problems else tables), list(place_all(problems, [source]))


def _twice(tables: Mapping[str, Mapping[str, Any]]) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for name, table in tables.items():
        for index, image in enumerate(table["images"]):
            if seen.setdefault(image, name) != name:
                yield Problem(
                    (name, "images", index),
                    f"{image} is also an image of [{seen[image]}]",
                    "name each image in one table",
                    rule="SC112",
                )

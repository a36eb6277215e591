"""The images that are known: those of stackctl's own `known.toml`, and those of the user's file of that name."""

from __future__ import annotations

import functools
import re
import tomllib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from msgspec import Struct, structs

from stackctl.spec.image_ref import ImageRef
from stackctl.spec.known import KnownImage, Login, major_version

Table = Mapping[str, Any]
"""A table of a `known.toml`, as it is written."""

_WEB = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_NOT_FACTS = frozenset({"starter", "like", "since"})
"""Keys of a table that no `KnownImage` has."""


class KnownImages(Struct, frozen=True, dict=True):
    """Which images are known. An image of the user's tables is not looked for in stackctl's."""

    own: Mapping[str, Table] = {}
    """The tables of the user's known.toml, by name."""

    def of(self, ref: str) -> KnownImage | None:
        """What is known about an image; None if it is not known. Registry and digest of the reference do not matter."""
        if ref not in self._found:
            self._found[ref] = self._of(ref)
        return self._found[ref]

    @cached_property
    def server_schemes(self) -> Mapping[str, int]:
        """The schemes of URLs that lead to a known server, with the port of a URL that names none; 0 if there is no default."""
        tables = [
            *_in_one_line("schemes").values(),
            *(table.get("schemes", {}) for table in self.own.values()),
        ]
        return {scheme: port for schemes in tables for scheme, port in schemes.items()}

    @cached_property
    def scheme_ports(self) -> Mapping[str, int]:
        """The port of a URL that names none, by its scheme."""
        return _WEB | {scheme: port for scheme, port in self.server_schemes.items() if port}

    @cached_property
    def _found(self) -> dict[str, KnownImage | None]:
        """What was found before."""
        return {}

    @cached_property
    def _own_names(self) -> Mapping[str, str]:
        """The name of the user's table, by repository."""
        return {image: name for name, table in self.own.items() for image in table["images"]}

    def _of(self, ref: str) -> KnownImage | None:
        # A mirror of Docker Hub's official images keeps `library/` in their names.
        repository = ImageRef.parse(ref).repository.rpartition("library/")[2]
        version = major_version(ref)
        if own := self._own_names.get(repository):
            return _own_image(own, self.own[own], version)
        name = _names().get(repository)
        return _known(name, version) if name else None

    def __repr__(self) -> str:
        return f"KnownImages({', '.join(self.own)})"


BUILT_IN = KnownImages()
"""The images that stackctl knows by itself."""


def starters() -> Mapping[str, Table]:
    """The services that `stackctl init` can write, by the name of the known image."""
    tables = {name: _table(name) for name in _sections()}
    return {name: table["starter"] for name, table in tables.items() if "starter" in table}


def table_of(ref: str) -> str | None:
    """The name of the table of stackctl's known.toml that an image, or the name of a server, leads to."""
    repository = ImageRef.parse(ref).repository
    return repository if repository in _sections() else _names().get(repository)


def names_of_tables() -> tuple[str, ...]:
    """The names of the tables of stackctl's known.toml."""
    return tuple(_sections())


def protocols() -> frozenset[str]:
    """The protocols in which stackctl can ask whether a server is ready."""
    return frozenset(_in_one_line("protocol").values())


@functools.cache
def _sections() -> dict[str, str]:
    """The text of each table with its subtables. Only the tables that are needed are parsed: to parse all takes a tenth of a
    short run.
    """
    text = Path(__file__).with_name("known.toml").read_text(encoding="utf-8")
    sections: defaultdict[str, str] = defaultdict(str)
    for part in re.split(r"^(?=\[)", text, flags=re.MULTILINE)[1:]:
        sections[re.split(r"[].]", part.lstrip("["), maxsplit=1)[0]] += part
    return sections


@functools.cache
def _table(name: str) -> Table:
    table: Table = tomllib.loads(_sections()[name])[name]
    return table


@functools.cache
def _names() -> dict[str, str]:
    """The name of the table, by repository."""
    return {image: name for name, images in _in_one_line("images").items() for image in images}


def _in_one_line(key: str) -> dict[str, Any]:
    """The value of a key by table. The key stands in one line, as `images` and `schemes` do, so no table must be parsed."""
    values = ((name, text.partition(f"\n{key} = ")[2]) for name, text in _sections().items())
    lines = (f"{name} = {value.splitlines()[0]}\n" for name, value in values if value)
    return tomllib.loads("".join(lines))


@functools.cache
def _known(name: str, version: int | None) -> KnownImage:
    return _image(
        name, _layers(_table(name), version), _layers(_table(name), None), exact=version is not None
    )


def _own_image(name: str, table: Table, version: int | None) -> KnownImage:
    """An image of a user's table. `like` names the server, and its version if the user's tags do not tell that."""
    like = table.get("like", "")
    server = table_of(like) if like else None
    fixed = major_version(like)

    def layers(of_server: int | None, own: int | None) -> list[Table]:
        below = _layers(_table(server), of_server) if server else []
        if "data" in table:
            below = [{key: value for key, value in layer.items() if key != "data"} for layer in below]
        return [*below, *_layers(table, own)]

    asked = version if fixed is None else fixed
    image = _image(server or name, layers(asked, version), layers(None, None), exact=asked is not None)
    return structs.replace(image, version=fixed)


def _layers(table: Table, version: int | None) -> list[Table]:
    """The table, then what replaces its keys up to that major version; up to the newest one if the version is not known."""
    since = sorted(table.get("since", {}).items(), key=lambda item: int(item[0]))
    return [table, *(changed for first, changed in since if version is None or int(first) <= version)]


def _image(name: str, layers: Sequence[Table], all_layers: Sequence[Table], *, exact: bool) -> KnownImage:
    """What the layers say, the last one first. Unless the version is exact, the data may be where any version keeps them."""
    table = {key: value for layer in layers for key, value in layer.items() if key not in _NOT_FACTS}
    lists = {key: tuple(value) for key, value in table.items() if isinstance(value, list)}
    every = _paths(all_layers)
    special = {
        "logins": tuple(
            Login(**{part: tuple(sources) for part, sources in login.items()})
            for login in table.get("logins", ())
        ),
        "required": tuple(map(tuple, table.get("required", ()))),
        "schemes": frozenset(table.get("schemes", ())),
        "variables": frozenset(table.get("variables", ())),
        "initial": frozenset(table.get("initial", ())),
        "data": tuple(table.get("data", ())) if exact else every,
        "every_data": every,
    }
    return KnownImage(**{"name": name, **table, **lists, **special})


def _paths(layers: Sequence[Table]) -> tuple[str, ...]:
    """The data paths of all layers, the newest ones first."""
    return tuple(dict.fromkeys(path for layer in reversed(layers) for path in layer.get("data", ())))

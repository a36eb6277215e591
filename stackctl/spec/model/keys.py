"""How a key is declared, and what several tables share: names, pairs and paths."""

import os
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from msgspec import Struct, structs

from stackctl.spec.structure import About
from stackctl.spec.text.parts import cut

Check = Iterable[tuple[tuple[str | int, ...], str, str]]


def key(doc: str, **metadata: Any) -> About:
    """Declare a key of a table, with the line of documentation that the schema and the reference show."""
    return About({"doc": doc, **metadata})


FILLED_IN = About({"toml": False})
"""Marks a field that is not a key: it is filled in after reading."""


def pair(separators: str = "=") -> Callable[[object], tuple[str, object]]:
    """A function that reads an item of a list that stands for a table: `NAME=value`, or `NAME` alone (None)."""

    def split(item: object) -> tuple[str, object]:
        if not isinstance(item, str) or not item:
            raise ValueError(f'expected "NAME{separators[0]}value", found {item!r}')
        name = re.split(f"[{separators}]", item, maxsplit=1)[0]
        return name, cut(item, len(name) + 1) if len(name) < len(item) else None

    return split


def lines_of_hosts(hosts: Mapping[str, str]) -> list[str]:
    """`name:address`, a line for each address; several addresses of a name are separated by commas."""
    return [
        f"{host}:{address.strip('[]')}"
        for host, addresses in hosts.items()
        for address in addresses.split(",")
    ]


def listed_name(item: object) -> tuple[str, object]:
    """Read an item of a list of names. Each item stands for a table with that key and no settings."""
    if not isinstance(item, str) or not item:
        raise ValueError(f"expected a name, found {item!r}")
    return item, {}


def resource_name(name: str) -> None:
    """Refuse what is not a name of a service, job, network or volume.

    Raises:
        ValueError: as its text says.
    """
    if not re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9._-]*", name):
        raise ValueError(
            f"{name!r} is not a name: use letters, digits, '.', '_' and '-', a letter or digit first"
        )


def home_is_known(place: str, path: str) -> Check:
    """A problem if the path begins with `~` or `~user` and this machine does not know the user."""
    user = path.partition("/")[0]
    if user.startswith("~") and os.path.expanduser(user) == user:  # noqa: PTH111 Path's own raises on ~nobody
        who = f"user {user[1:]!r}" if user != "~" else "home directory"
        yield (
            (place,),
            f"{path!r} is not a directory: there is no {who} on this machine",
            "write the whole path",
        )


def variable_names(environment: Iterable[str]) -> Check:
    """A problem for each name that no variable can have."""
    for name in environment:
        if not name or "=" in name or "\0" in name:
            yield ("environment", name), f"{name!r} is not a variable's name", ""


def external_has_no_settings(resource: Struct, what: str) -> Check:
    """A problem for each setting of an external network or volume: it is taken as it is."""
    for field in structs.fields(type(resource)):
        if field.name not in ("name", "external") and getattr(resource, field.name):
            yield (
                (field.name,),
                f"an external {what} is taken as it is: {field.name} has no effect",
                "leave it out",
            )

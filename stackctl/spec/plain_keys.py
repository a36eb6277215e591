"""The keys of a service that the engine takes as they are. Their metadata stand beside their declaration in the model.

| metadata | meaning |
|---|---|
| `body` | the key's line in the request that creates a container, such as `HostConfig.CapAdd`. The key counts for the digest |
| `sent` | writes the value as the request wants it; without it the value stays |
| `zero` | 0 is not the same as no value, so it counts for the digest |
| `since` | the first version of the engine's API that knows the key |
| `digest` | the key counts for the digest, but other code puts its value into the request |

A plain key may stand in a table of a service: `deploy.resources.limits.memory`. If several keys have one line, the first of them
gives the line its name. Their values are equal, or arrays, which are joined.
"""

import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from stackctl.spec.model import Service
from stackctl.spec.structure import deep_forms, deep_value, is_table, told
from stackctl.spec.values import ByteSize


class PlainKey(Struct, frozen=True):
    """A plain key. `optional`: the value may be None; then the image or the engine decides."""

    path: tuple[str, ...]
    """The path of the key below the service."""
    name: str
    """The name of the first key with the same line: `mem_limit`, `blkio_config.weight`."""
    body: str
    sent: Callable[[Any], Any]
    optional: bool
    zero: bool
    since: tuple[int, int]


def definition(service: Service) -> Iterator[tuple[str, Any]]:
    """The keys that count for the digest, with their values. Empty values do not count, but `false` of an optional key does."""
    found: dict[str, Any] = {}
    for key, value in given(service):
        plain = bare(value)
        if plain or plain is False or (key.zero and plain == 0):
            _add(found, key.name, plain)
    yield from found.items()


def lines(service: Service) -> Iterator[tuple[str, Any]]:
    """The lines of the request, such as `("HostConfig.CapAdd", ["NET_ADMIN"])`."""
    found: dict[str, Any] = {}
    for key, value in given(service):
        if key.body:
            _add(found, key.body, key.sent(value))
    yield from found.items()


def given(service: Service) -> Iterator[tuple[PlainKey, Any]]:
    """The plain keys that the file gives, with their values."""
    for key in _plain_keys():
        value = deep_value(service, key.path)
        if value or (key.optional and value is not None):
            yield key, value


def bodies() -> Mapping[str, str]:
    """The line of the request by name, such as `{"cap_add": "HostConfig.CapAdd"}`."""
    return {key.name: key.body for key in _plain_keys() if key.body}


def bare(value: Any) -> Any:
    """A value in the form that JSON takes."""
    match value:
        case ByteSize(size):
            return size
        case Struct() if is_table(type(value)):
            return [[name, bare(item)] for name, item in told(value).items()]
        case Struct():
            return str(value)
        case tuple():
            return [bare(item) for item in value]
        case Mapping():
            return [[key, bare(item)] for key, item in value.items()]
        case str():
            return str(value)
    return value


def _add(found: dict[str, Any], name: str, value: Any) -> None:
    found[name] = [*found[name], *value] if name in found and isinstance(value, list) else value


@functools.cache
def _plain_keys() -> tuple[PlainKey, ...]:
    names: dict[str, str] = {}
    found = []
    for path, form in deep_forms(Service):
        about = form.metadata
        body = about.get("body", "")
        if body or about.get("digest"):
            name = ".".join(path)
            name = names.setdefault(body, name) if body else name
            found.append(
                PlainKey(
                    path,
                    name,
                    body,
                    about.get("sent", bare),
                    form.optional,
                    "zero" in about,
                    about.get("since", (0, 0)),
                )
            )
    return tuple(found)

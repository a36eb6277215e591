"""The keys of a service that the engine takes as they are. Their metadata stand beside their declaration in the model.

| metadata | meaning |
|---|---|
| `body` | the key's line in the request that creates a container, such as `HostConfig.CapAdd`. The key counts for the digest |
| `sent` | writes the value as the request wants it; without it the value stays |
| `digest` | the key counts for the digest, but other code puts its value into the request |
"""

import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from msgspec import Struct, structs

from stackctl.spec.model import Service
from stackctl.spec.structure import forms
from stackctl.spec.values import ByteSize


class PlainKey(Struct, frozen=True):
    """A plain key. `optional`: the value may be None; then the image or the engine decides."""

    name: str
    body: str
    sent: Callable[[Any], Any]
    optional: bool


def definition(service: Service) -> Iterator[tuple[str, Any]]:
    """The keys that count for the digest, with their values. Empty values do not count, but `false` of an optional key does."""
    for key in _plain_keys():
        value = getattr(service, key.name)
        if not value and value is not False:
            continue
        value = bare(value)
        if value or (value is False and key.optional):
            yield key.name, value


def lines(service: Service) -> Iterator[tuple[str, Any]]:
    """The lines of the request, such as `("HostConfig.CapAdd", ["NET_ADMIN"])`."""
    for key in _plain_keys():
        value = getattr(service, key.name)
        if key.body and value is not None:
            yield key.body, key.sent(value)


def bodies() -> Mapping[str, str]:
    """The line of the request by key, such as `{"cap_add": "HostConfig.CapAdd"}`."""
    return {key.name: key.body for key in _plain_keys() if key.body}


def bare(value: Any) -> Any:
    """A value in the form that JSON takes."""
    match value:
        case ByteSize(size):
            return size
        case tuple():
            return [bare(item) for item in value]
        case Mapping():
            return [[key, bare(item)] for key, item in value.items()]
        case str():
            return str(value)
    return value


@functools.cache
def _plain_keys() -> tuple[PlainKey, ...]:
    defaults = {field.name: field.default for field in structs.fields(Service)}
    return tuple(
        PlainKey(
            form.attribute,
            form.metadata.get("body", ""),
            form.metadata.get("sent", bare),
            defaults[form.attribute] is None,
        )
        for form in forms(Service).values()
        if form.metadata.get("body") or form.metadata.get("digest")
    )

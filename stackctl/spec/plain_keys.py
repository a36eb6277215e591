"""The keys of a service that the engine takes as they are. What is said of such a key stands beside its declaration in the model.

`body` is its line in the request that creates a container, `HostConfig.CapAdd`; `sent` is how the value is written there, if not
as it is. A key with a line counts for the digest, and so does one with `digest`, whose value goes into the request by a way of
its own.
"""

import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from msgspec import Struct, structs

from stackctl.spec.model import Service
from stackctl.spec.structure import forms
from stackctl.spec.values import ByteSize


class PlainKey(Struct, frozen=True):
    """`optional`: the value may be None, which leaves the image's or the engine's own."""

    name: str
    body: str
    sent: Callable[[Any], Any]
    optional: bool


def definition(service: Service) -> Iterator[tuple[str, Any]]:
    """What counts for the digest, by key. An empty value is none; of an optional switch `false` tells, too."""
    for key in _plain_keys():
        value = bare(getattr(service, key.name))
        if value or (value is False and key.optional):
            yield key.name, value


def lines(service: Service) -> Iterator[tuple[str, Any]]:
    """The lines of the request, such as `("HostConfig.CapAdd", ["NET_ADMIN"])`."""
    for key in _plain_keys():
        value = getattr(service, key.name)
        if key.body and value is not None:
            yield key.body, key.sent(value)


def bare(value: Any) -> Any:
    """A value as JSON has it."""
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

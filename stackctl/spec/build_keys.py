"""The keys of `build` that a builder takes as they are. Their metadata stand beside their declaration in the model."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any, get_origin

from msgspec import Struct

from stackctl.spec.model import Build
from stackctl.spec.structure import forms


class BuildKey(Struct, frozen=True):
    """A key. `bake`: its name in a bake file, `classic`: its name among the parameters of the engine's own builder; "" for none."""

    name: str
    bake: str
    classic: str
    table: bool
    baked: Callable[[Any], Any]
    sent: Callable[[Any], Any]


def given(build: Build) -> Iterator[tuple[BuildKey, Any]]:
    """The keys that the file gives, with their values."""
    for key in _keys():
        if value := getattr(build, key.name):
            yield key, value


def for_buildkit(build: Build) -> list[str]:
    """The given keys that only BuildKit can do."""
    return [
        key.name
        for key, value in given(build)
        if key.name in _BUILDKIT
        or (key.bake and not key.classic and not (key.name == "platforms" and len(value) == 1))
    ]


_BUILDKIT = ("additional_contexts", "privileged", "provenance", "sbom", "secrets")


@functools.cache
def _keys() -> tuple[BuildKey, ...]:
    def plain(value: Any) -> Any:
        match value:
            case tuple():
                return [str(item) for item in value]
            case Mapping():
                return {name: str(item) for name, item in value.items()}
            case bool():
                return value
        return str(value)

    return tuple(
        BuildKey(
            form.attribute,
            form.metadata.get("bake", ""),
            form.metadata.get("classic", ""),
            get_origin(form.type) is Mapping,
            form.metadata.get("baked", plain),
            form.metadata.get("sent", plain),
        )
        for form in forms(Build).values()
    )

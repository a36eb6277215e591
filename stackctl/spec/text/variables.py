"""Which variables a stack's files mention, and where their values come from."""

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from stackctl.secret import veiled
from stackctl.spec.text.interpolate import Lookup, variables


class Mention(Struct, frozen=True):
    """A variable that the files mention. `value` and `source`: its value, and where it is set; None if it is not set.

    `default`: the value that the files give if it is not set; None if a mention has no default.
    """

    name: str
    value: str | None
    source: str | None
    default: str | None

    def __repr__(self) -> str:
        return veiled(self, "value")


def mentions(tree: Mapping[str, Any], lookup: Lookup) -> tuple[Mention, ...]:
    """Every variable that a tree mentions, sorted by name, including variables that are passed through to containers. The tree
    is one whose variables have not been replaced.
    """
    defaults: dict[str, list[str | None]] = {}
    for name, default in _found(tree, ""):
        defaults.setdefault(name, []).append(default)
    return tuple(
        Mention(
            name,
            lookup.get(name),
            next((source.name for source in lookup.sources if name in source.values), None),
            None if None in given else given[0],
        )
        for name, given in sorted(defaults.items())
    )


def _found(value: Any, key: str) -> Iterator[tuple[str, str | None]]:
    match value:
        case {"from_env": True}:
            yield key, None
        case dict():
            for name, item in value.items():
                yield from _found(item, name)
        case list():
            for item in value:
                if key in ("environment", "args") and isinstance(item, str) and "=" not in item:
                    yield item, None
                yield from _found(item, key)
        case str():
            yield from variables(value)

"""Lay one compose file over another by Compose's rules (Compose spec, 13-merge; compose-go, `override`). Both are canonical.

Mappings merge key by key, other values are replaced. Lists are joined; of two items that are about the same thing the later
one stays, at the place of the first. `!reset` removes a value, `!override` replaces one that would have been merged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import structs

from stackctl.spec.source.nodes import Path, YamlNode

_ANY = "*"
_SERVICE = ("services", _ANY)
_REPLACED: frozenset[Path] = frozenset(
    {
        (*_SERVICE, "command"),
        (*_SERVICE, "entrypoint"),
        (*_SERVICE, "healthcheck", "test"),
        (*_SERVICE, "ulimits", _ANY),
    }
)


def merged(below: YamlNode, over: YamlNode, path: Path = ()) -> YamlNode | None:
    """The value that `over` makes of `below`. None: nothing is left."""
    if over.tag == "!reset":
        return None
    if over.tag or path in _REPLACED or type(below.value) is not type(over.value):
        return settled(over)
    match over.value:
        case dict():
            return _mapping(below, over, path)
        case list():
            items = [*below.value, *filter(None, map(settled, over.value))]
            return over.holding(_unique(items, path))
    return over


def settled(node: YamlNode) -> YamlNode | None:
    """The value of a file that lies over nothing."""
    if node.tag == "!reset":
        return None
    value = node.value
    match value:
        case dict():
            value = {key: each for key, item in value.items() if (each := settled(item)) is not None}
        case list():
            value = [each for item in value if (each := settled(item)) is not None]
    return structs.replace(node, value=value, tag="")


def unique(node: YamlNode, path: Path = ()) -> YamlNode:
    """The value of one file without the items of lists that later items replace."""
    match node.value:
        case dict():
            return node.holding({key: unique(item, _below(path, key)) for key, item in node.value.items()})
        case list():
            return node.holding(_unique(node.value, path))
    return node


def _mapping(below: YamlNode, over: YamlNode, path: Path) -> YamlNode:
    if path == (*_SERVICE, "logging") and _differ(below.get("driver"), over.get("driver")):
        return over
    found = dict(below.value)
    for key, item in over.value.items():
        each = merged(found[key], item, _below(path, key)) if key in found else settled(item)
        if each is None:
            found.pop(key, None)
        else:
            found[key] = each
    return over.holding(found)


def _differ(one: YamlNode | None, other: YamlNode | None) -> bool:
    return one is not None and other is not None and one.value != other.value


def _below(path: Path, key: str) -> Path:
    """The pattern of the path: names that the user chooses count as `*`."""
    return (*path, _ANY if len(path) == 1 or (len(path) == 3 and path[2] in ("ulimits", "networks")) else key)


def _unique(items: list[YamlNode], path: Path) -> list[YamlNode]:
    key = _KEYS.get(path)
    if key is None:
        return items
    found: dict[object, YamlNode] = {}
    for item in items:
        found[key(item)] = item
    return [*found.values()]


def _text(item: YamlNode) -> object:
    return str(item.value)


def _of(*keys: str) -> Callable[[YamlNode], object]:
    """The key of a table: the value of the first of these keys that it has."""

    def read(item: YamlNode) -> object:
        found = next((each for key in keys if (each := item.get(key))), item)
        return str(found.value)

    return read


def _port(item: YamlNode) -> object:
    if not isinstance(item.value, dict):
        return _text(item)
    values: list[Any] = [
        str(each.value) if (each := item.get(key)) and each.value != "" else usual
        for key, usual in (("host_ip", "0.0.0.0"), ("published", ""), ("target", ""), ("protocol", "tcp"))  # noqa: S104
    ]
    return tuple(values)


_KEYS: Mapping[Path, Callable[[YamlNode], object]] = {
    **{(*_SERVICE, key): _text for key in (
        "cap_add", "cap_drop", "dns", "dns_opt", "dns_search", "expose", "label_file", "links", "profiles", "tmpfs",
    )},
    (*_SERVICE, "ports"): _port,
    (*_SERVICE, "volumes"): _of("target"),
    (*_SERVICE, "devices"): _of("target"),
    (*_SERVICE, "secrets"): _of("target", "source"),
    (*_SERVICE, "configs"): _of("target", "source"),
    (*_SERVICE, "env_file"): _of("path"),
    (*_SERVICE, "build", "tags"): _text,
    (*_SERVICE, "networks", _ANY, "aliases"): _text,
    (*_SERVICE, "networks", _ANY, "link_local_ips"): _text,
    ("networks", _ANY, "ipam", "config"): _of("subnet"),
}  # fmt: skip

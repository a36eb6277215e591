"""Give every value of a compose file its one form: lists that stand for mappings, short forms, single items, texts for numbers.

The walk follows the type hints of the model, so a new key needs nothing here. What the model cannot read stays as it is:
`structure` reports it. Where Compose's grammar of a short form is wider than that of a stack.toml, `_SHORT` says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, get_args, get_origin

from msgspec import structs

from stackctl.errors import Problem
from stackctl.spec.model import (
    ConfigSource,
    Dependency,
    Mount,
    Network,
    NetworkUse,
    Port,
    SecretSource,
    Stack,
    Volume,
)
from stackctl.spec.model.devices import Device
from stackctl.spec.model.limits import Ulimit
from stackctl.spec.source.nodes import Path, YamlNode
from stackctl.spec.structure import forms, is_table
from stackctl.spec.text.parts import Text
from stackctl.spec.values import Variable

_BOOLEANS = {
    **dict.fromkeys(("true", "y", "yes", "on"), True),
    **dict.fromkeys(("false", "n", "no", "off"), False),
}
"""The texts that Compose takes for a boolean where it wants one (YAML 1.1)."""


def canonical(tree: YamlNode, *, compose: bool = True) -> tuple[YamlNode, list[Problem]]:
    """The tree of a file in its one form, and a problem for each key that only a stack.toml has. If not `compose`, short forms have the
    meaning of a stack.toml, and its own keys are no problem.
    """
    walk = _Walk(compose=compose)
    return walk.table(Stack, tree, ()), walk.problems


class _Walk:
    def __init__(self, *, compose: bool) -> None:
        self.compose = compose
        self.problems: list[Problem] = []

    def value(self, hint: Any, node: YamlNode, path: Path, options: Mapping[str, Any]) -> YamlNode | None:
        """The value in its one form. None: the key counts as left out."""
        if node.tag == "!reset":
            return node
        if node.value is None:
            return None
        if is_table(hint):
            return self.table(hint, node, path)
        origin, arguments = get_origin(hint), get_args(hint)
        if origin is tuple:
            return self.array(arguments[0], node, path, options)
        if origin is Mapping:
            return self.mapping(arguments[1], node, path, options)
        return node.holding(_scalar(arguments or (hint,), node.value)) if self.compose else node

    def table(self, hint: type, node: YamlNode, path: Path) -> YamlNode:
        if self.compose and hint in _SHORT and type(node.value) is str and "$" in node.value:
            return node  # its variables are not replaced: nobody can tell where its parts end
        read = (_SHORT.get(hint) if self.compose else None) or getattr(hint, "short", None)
        if not isinstance(node.value, dict) and read and node.value is not None and hint not in _STAYS_SHORT:
            try:
                return _wrapped(node, read(node.value))
            except ValueError:
                return node
        if node.value is None:
            return node.holding({})
        if not isinstance(node.value, dict):
            return (
                node.holding(_scalar((int,), node.value)) if hint in _STAYS_SHORT and self.compose else node
            )
        found: dict[str, YamlNode] = {}
        for key, item in node.value.items():
            form = forms(hint).get(key)
            if form is None:
                if item.value is not None or item.tag:
                    found[key] = item
            elif form.metadata.get("own") and self.compose:
                self.own(item, (*path, key))
            elif (read_item := self.value(form.type, item, (*path, key), form.metadata)) is not None:
                found[key] = read_item
        if rewrite := _REWRITTEN.get(hint):
            rewrite(found)
        return node.holding(found)

    def own(self, node: YamlNode, path: Path) -> None:
        message = f"Compose has no key {path[-1]!r}: only a stack.toml has it"
        hint = "write a stack.toml (stackctl import compose.yaml), or take the key out"
        self.problems.append(Problem(path, message, hint, rule="SC112", place=node.place))

    def array(self, hint: Any, node: YamlNode, path: Path, options: Mapping[str, Any]) -> YamlNode:
        items = node.value
        if not isinstance(items, list):
            if not options.get("one"):
                return node
            items = [node]
        read = (self.value(hint, item, (*path, n), {}) for n, item in enumerate(items))
        return node.holding([item for item in read if item is not None])

    def mapping(self, hint: Any, node: YamlNode, path: Path, options: Mapping[str, Any]) -> YamlNode:
        items = node.value
        if isinstance(items, list) and (listed := options.get("listed")):
            pairs = _pairs(listed, hint if self.compose else None, items)
            items = _together(pairs, joined) if (joined := options.get("joined")) else dict(pairs)
        if not isinstance(items, dict):
            return node
        if self.compose and (joined := options.get("joined")):
            items = {
                key: item.holding(Text(joined.join(each.text for each in item.value)))
                if isinstance(item.value, list)
                else item
                for key, item in items.items()
            }
        found = {}
        for key, item in items.items():
            if item.value is None and not item.tag:
                empty: Any = None if hint in (Variable, NetworkUse) else {} if is_table(hint) else ""
                found[key] = item.holding(empty)
            elif (read := self.value(hint, item, (*path, key), {})) is not None:
                found[key] = read
        return node.holding(found)


def _pairs(
    listed: Callable[[object], tuple[str, object]], hint: Any, items: list[YamlNode]
) -> Iterator[tuple[str, YamlNode]]:
    for item in items:
        try:
            key, value = listed(item.value)
        except ValueError:
            yield str(item.value), item  # `structure` says what is wrong with it
        else:
            yield (
                key,
                _wrapped(item, _OF_A_NAME.get(hint, value)),
            )


def _together(pairs: Iterator[tuple[str, YamlNode]], joined: str) -> dict[str, YamlNode]:
    """The pairs; the values of a name that is there more than once in one text."""
    found: dict[str, YamlNode] = {}
    for name, node in pairs:
        before = found.get(name)
        found[name] = node.holding(Text(f"{before.text}{joined}{node.text}")) if before else node
    return found


_OF_A_NAME: Mapping[Any, Any] = {
    Dependency: {
        "condition": "service_started",
        "required": True,
    },  # whatever another file says of it (mergeDependsOn)
    NetworkUse: None,
}
"""What an item of a list of names stands for."""
_STAYS_SHORT = frozenset({Ulimit})
"""Tables whose short form, a number, Compose tells from the long one."""


def _wrapped(node: YamlNode, value: Any) -> YamlNode:
    """A value that a short form stands for. All of it has the place of the short form."""
    match value:
        case dict():
            return node.holding(
                {key: _wrapped(structs.replace(node, tag=""), item) for key, item in value.items()}
            )
        case list():
            return node.holding([_wrapped(structs.replace(node, tag=""), item) for item in value])
        case str() if not isinstance(value, Text):
            value = Text(value)  # its variables are replaced: the dollars in it are dollars
    return node.holding(value)


def _scalar(kinds: tuple[Any, ...], value: Any) -> Any:
    """A text as the boolean or number that is wanted. Compose reads texts so, with quotes and without."""
    if not isinstance(value, str) or str in kinds or not {bool, int, float}.issuperset(kinds):
        return value
    if bool in kinds:
        return _BOOLEANS.get(value.lower(), value)
    try:
        return int(value) if int in kinds else float(value)
    except ValueError:
        return value


def _port(value: object) -> Mapping[str, Any]:
    """A port, also with an IPv6 address without brackets: `::1:6000:6000`."""
    if isinstance(value, str) and value.count(":") > 2 and "[" not in value:
        address, published, target = value.rsplit(":", 2)
        value = f"[{address}]:{published}:{target}"
    return Port.short(value)


_BIND_OPTIONS = {
    **{
        option: {"propagation": option}
        for option in ("private", "rprivate", "shared", "rshared", "slave", "rslave")
    },
    "z": {"selinux": "z"},
    "Z": {"selinux": "Z"},
}


def _mount(value: object) -> Mapping[str, Any]:
    """A mount. Options that nobody knows, such as `cached`, have no effect, as in Compose. A missing directory of the host is made."""
    if not isinstance(value, str):
        return Mount.short(value)
    parts = value.split(":")
    options = parts.pop().split(",") if len(parts) == 3 else []
    table = Mount.short(":".join(parts))
    for option in options:
        if option in ("ro", "rw"):
            table["read_only"] = option == "ro"
        elif option == "nocopy" and table["type"] == "volume":
            table["volume"] = {"nocopy": True}
        elif option in _BIND_OPTIONS:
            table["bind"] = {**table.get("bind", {}), **_BIND_OPTIONS[option]}
    if table["type"] == "bind":
        table["bind"] = {"create_host_path": True, **table.get("bind", {})}
    elif len(parts) > 1 or len(parts[0]) > 2:
        table.setdefault("volume", {})
    return table


def _device(value: object) -> Mapping[str, Any]:
    """A device, in full: Compose says so of the short form."""
    given = Device.short(value)
    return {"target": given["source"], "permissions": "rwm", **given}


_SHORT: Mapping[Any, Callable[[object], Mapping[str, Any]]] = {Port: _port, Mount: _mount, Device: _device}


def _external(table: dict[str, YamlNode]) -> None:
    """`external: {name: NAME}` is the old form of `external: true` with `name`."""
    external = table.get("external")
    if external and isinstance(external.value, dict):
        name = external.get("name")
        table["external"] = external.holding(True)
        if name:
            table.setdefault("name", name)


_REWRITTEN: Mapping[type, Callable[[dict[str, YamlNode]], None]] = dict.fromkeys(
    (Network, Volume, SecretSource, ConfigSource), _external
)

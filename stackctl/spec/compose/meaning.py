"""Say in full what a compose file means where a stack.toml means something else. Nothing after it knows which of the two it was.

| left out | in Compose |
|---|---|
| the address of a port | on every address of the machine, IPv4 and IPv6 |
| `condition` | started |
| `init` | none |
| a check that stackctl knows for an image | none: healthy by its own check or the image's, else running |
| which network comes first | of several with one `priority`, the first by name |
| `pull_policy` beside `image` and `build` | missing: pulled first, and built if that fails |
| `create_host_path` | in the short form, and beside `bind`, a missing directory of the host is made |
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Collection

from stackctl.errors import Problem
from stackctl.spec.model.ports import EVERYWHERE
from stackctl.spec.source.nodes import Path, YamlNode
from stackctl.spec.unsupported import IGNORED_BY_COMPOSE

_NOT_READ_IN_PORTS = ("name", "app_protocol")


def explicit(tree: YamlNode) -> tuple[YamlNode, list[Problem]]:
    """The tree in which everything is said that Compose assumes, and notes about keys that have no effect."""
    problems: list[Problem] = []
    found = {key: item for key, item in tree.value.items() if not key.startswith("x-")}
    services = found.get("services")
    if services and isinstance(services.value, dict):
        found["services"] = services.holding(
            {
                name: _service(("services", name), service, problems)
                for name, service in services.value.items()
            }
        )
    for kind in ("secrets", "configs"):
        if (sources := found.get(kind)) and isinstance(sources.value, dict):
            used = _used(kind, services)
            found[kind] = sources.holding(
                {
                    name: source
                    for name, source in sources.value.items()
                    if name in used or not source.get("external")
                }
            )
    return tree.holding(found), problems


def _used(kind: str, services: YamlNode | None) -> set[object]:
    """The names of the secrets or configs that services have. Compose does not look at an external one that nobody uses."""
    tables = services.value.values() if services and isinstance(services.value, dict) else ()
    lists = [uses.value for service in tables if (uses := service.get(kind))]
    items = [item for each in lists if isinstance(each, list) for item in each]
    return {source.value for item in items if (source := item.get("source"))}


def _without(node: YamlNode, path: Path, keys: Collection[str], problems: list[Problem]) -> YamlNode:
    """The table without keys that have no effect, and a note about each."""
    if not isinstance(node.value, dict):
        return node
    for key, item in node.value.items():
        if key in keys:
            message = f"{key} has no effect: Compose ignores it, too"
            problems.append(Problem((*path, key), message, rule="SC112", severity="note", place=item.place))
    return node.holding({key: item for key, item in node.value.items() if key not in keys})


def _service(path: Path, node: YamlNode, problems: list[Problem]) -> YamlNode:
    node = _without(node, path, IGNORED_BY_COMPOSE, problems)
    if not isinstance(node.value, dict):
        return node
    service = {key: item for key, item in node.value.items() if not key.startswith("x-")}

    def assume(table: dict[str, YamlNode], key: str, value: object) -> None:
        table.setdefault(key, _assumed(node, value))

    assume(service, "init", False)
    assume(service, "builtin_check", False)
    if "image" in service and "build" in service:
        assume(service, "pull_policy", "missing")
    _each(service, "depends_on", lambda table: assume(table, "condition", "service_started"))
    _each(service, "volumes", _mount)
    if (networks := service.get("networks")) and isinstance(networks.value, dict):
        joined = {
            key: use.holding({}) if use.value is None else use for key, use in sorted(networks.value.items())
        }
        service["networks"] = networks.holding(joined)
    if ports := service.get("ports"):
        if (mode := service.get("network_mode")) and mode.value in ("host", "none"):
            message = f"ports are not published with network_mode {mode.value}"
            problems.append(
                Problem(
                    (*path, "ports"), message, "leave one of the two out", severity="note", place=ports.place
                )
            )
            del service["ports"]
        _each(service, "ports", lambda table: _port(table, ports))
    if (exposed := service.get("expose")) and isinstance(exposed.value, list):
        service["expose"] = exposed.holding([each for each in exposed.value if each.value != ""])
    if (check := service.get("healthcheck")) and (off := check.get("disable")) and off.value is True:
        service["healthcheck"] = check.holding({"disable": off})
    elif check and (test := check.get("test")):
        service["healthcheck"] = check.holding({**check.value, "test": _test(test, path, problems)})
    if (mode := service.get("network_mode")) and mode.value == "default":
        service["network_mode"] = mode.holding("bridge")  # the engine takes it so
    return node.holding(service)


def _assumed(near: YamlNode, value: object) -> YamlNode:
    return YamlNode(value, near.source, -1)


def _each(service: dict[str, YamlNode], key: str, change: Callable[[dict[str, YamlNode]], None]) -> None:
    """Change every table that stands in a list or a mapping of the service."""
    node = service.get(key)
    if node is None:
        return

    def changed(item: YamlNode) -> YamlNode:
        if not isinstance(item.value, dict):
            return item
        table = dict(item.value)
        change(table)
        return item.holding(table)

    match node.value:
        case dict():
            service[key] = node.holding({name: changed(item) for name, item in node.value.items()})
        case list():
            service[key] = node.holding([changed(item) for item in node.value])


def _test(test: YamlNode, path: Path, problems: list[Problem]) -> YamlNode:
    """A check of a shell without the words behind its line: they are the line's $0, $1 and so on, which next to none reads."""
    words = test.value if isinstance(test.value, list) else []
    if len(words) < 3 or words[0].value != "CMD-SHELL":
        return test
    message = f"the shell runs only {words[1].text!r}: the words behind it are no part of the line"
    hint = "write one line, or CMD instead of CMD-SHELL"
    problems.append(
        Problem((*path, "healthcheck", "test"), message, hint, severity="warning", place=test.place)
    )
    return test.holding(words[:2])


def _port(table: dict[str, YamlNode], near: YamlNode) -> None:
    for key in _NOT_READ_IN_PORTS:
        table.pop(key, None)
    if (published := table.get("published")) and published.value == "":
        del table["published"]
    if (protocol := table.get("protocol")) and isinstance(protocol.value, str):
        table["protocol"] = protocol.holding(protocol.value.lower())
    address = table.get("host_ip")
    if address is None or address.value == "":
        table["host_ip"] = _assumed(address or near, EVERYWHERE)


def _mount(table: dict[str, YamlNode]) -> None:
    target, bind, volume = table.get("target"), table.get("bind"), table.get("volume")
    table.pop("consistency", None)  # no engine reads it
    if target and target.text.startswith("/"):
        table["target"] = target.holding(posixpath.normpath(target.text))
    if volume and volume.value == {}:
        del table["volume"]
    if bind and (kind := table.get("type")) and kind.value == "volume":
        del table["bind"]  # selinux: stackctl does not relabel a volume
    elif bind and isinstance(bind.value, dict):
        table["bind"] = bind.holding({"create_host_path": _assumed(bind, True), **bind.value})

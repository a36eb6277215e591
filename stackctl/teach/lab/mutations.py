"""Mistakes that people make, one at a time: each function changes a correct stack in one place and gives every stack that results.

A stack is the plain tree of a stack.toml. A mutation is made only where the stack has something to break: a URL to mistype, a
volume to forget.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from stackctl.spec.known import KnownImage
from stackctl.spec.known_images import BUILT_IN

Tree = dict[str, Any]
Site = tuple[str, Tree]
"""What was changed, for people, and the changed stack."""

_SERVER_URL = r"((?:jdbc:)?(?:postgres\w*|mysql2?|mariadb|redis|valkey|mongodb|amqp|nats|mqtt)(?:\+\w+)?://(?:[^/\s@]*@)?)([\w.-]+)(:\d+)?"


def renamed_host(tree: Tree) -> Iterator[Site]:
    names = {*tree["services"], *tree.get("jobs", {})}
    for who, name, match in _urls(tree):
        host = match[2]
        wrong = host[:-2] + host[-1] + host[-2] if len(host) > 3 and host[-1] != host[-2] else f"{host}x"
        if wrong not in names:
            yield _with_variable(tree, who, name, f"{match[1]}{wrong}{match[3] or ''}", match)


def published_port(tree: Tree) -> Iterator[Site]:
    for who, name, match in _urls(tree):
        target = tree["services"][match[2]]
        known = _known(target)
        if match[3] and known and match[3] == f":{known.port}":
            wrong = known.port + 10000
            what, changed = _with_variable(tree, who, name, f"{match[1]}{match[2]}:{wrong}", match)
            changed["services"][match[2]]["ports"] = [f"{wrong}:{known.port}"]
            yield what, changed


def loopback(tree: Tree) -> Iterator[Site]:
    for who, name, match in _urls(tree):
        if _known(tree["services"][match[2]]):
            yield _with_variable(tree, who, name, f"{match[1]}localhost{match[3] or ''}", match)


def wrong_password(tree: Tree) -> Iterator[Site]:
    for who, name, match in _urls(tree):
        login = re.fullmatch(r"(.*://[^:@/]*:)([^@]+)@", match[1])
        if login and _known(tree["services"][match[2]]):
            yield _with_variable(tree, who, name, f"{login[1]}Wr0ng@{match[2]}{match[3] or ''}", match)


def no_volume(tree: Tree) -> Iterator[Site]:
    for who, index, _ in _data_mounts(tree):
        changed = copy.deepcopy(tree)
        del changed["services"][who]["volumes"][index]
        yield f"{who}: no volume", changed


def moved_volume(tree: Tree) -> Iterator[Site]:
    for who, index, path in _data_mounts(tree):
        for wrong in sorted({path.rpartition("/")[0] or "/wrong", "/var/lib/db"} - {path}):
            changed = copy.deepcopy(tree)
            mounts = changed["services"][who]["volumes"]
            source = (
                mounts[index]["source"] if isinstance(mounts[index], dict) else mounts[index].split(":")[0]
            )
            mounts[index] = f"{source}:{wrong}"
            yield f"{who}: volume at {wrong}", changed


def no_dependency(tree: Tree) -> Iterator[Site]:
    """Only dependencies that a variable or the command names: of no other can a file tell that it is missing."""
    for who, service in tree["services"].items():
        depends = [*(service.get("depends_on") or {})]
        for other in depends:
            if any(_waits_for(tree, each, other) for each in depends if each != other):
                continue
            texts = [*_environment(service).values(), *_words(service.get("command"))]
            if any(re.search(rf"(://|@){re.escape(other)}(?![\w.-])", text) for text in texts):
                changed = copy.deepcopy(tree)
                rest = changed["services"][who]["depends_on"]
                rest.remove(other) if isinstance(rest, list) else rest.pop(other)
                yield f"{who}: does not wait for {other}", changed


def _waits_for(tree: Tree, one: str, other: str) -> bool:
    service = {**tree["services"], **tree.get("jobs", {})}.get(one, {})
    return any(each == other or _waits_for(tree, each, other) for each in service.get("depends_on") or {})


def started_only(tree: Tree) -> Iterator[Site]:
    for who, service in tree["services"].items():
        depends = service.get("depends_on") or {}
        for other in depends:
            known = _known(tree["services"].get(other, {}))
            already = isinstance(depends, dict) and depends[other].get("condition") == "service_started"
            if known and known.protocol and not already:
                changed = copy.deepcopy(tree)
                table = {each: {} for each in depends} if isinstance(depends, list) else dict(depends)
                table[other] = {"condition": "service_started"}
                changed["services"][who]["depends_on"] = table
                yield f"{who}: waits only for the start of {other}", changed


def no_required_variable(tree: Tree) -> Iterator[Site]:
    for who, service in tree["services"].items():
        known = _known(service)
        needed = {name for group in (known.required if known else ()) for name in group}
        if needed & _environment(service).keys():
            changed = copy.deepcopy(tree)
            kept = {name: text for name, text in _environment(service).items() if name not in needed}
            changed["services"][who]["environment"] = kept
            yield f"{who}: no {', '.join(sorted(needed & _environment(service).keys()))}", changed


def misspelt_variable(tree: Tree) -> Iterator[Site]:
    for who, service in tree["services"].items():
        known = _known(service)
        environment = _environment(service)
        for name in sorted(environment.keys() & (known.variables if known else frozenset())):
            wrong = name[:-2] + name[-1] if len(name) > 6 else f"{name}S"
            changed = copy.deepcopy(tree)
            changed["services"][who]["environment"] = {
                wrong if each == name else each: text for each, text in environment.items()
            }
            yield f"{who}: {wrong}", changed


def misspelt_key(tree: Tree) -> Iterator[Site]:
    for who, service in tree["services"].items():
        for key in ("environment", "volumes", "depends_on", "ports", "command", "networks"):
            if key in service:
                changed = copy.deepcopy(tree)
                changed["services"][who][key[:-2] + key[-1]] = changed["services"][who].pop(key)
                yield f"{who}: {key[:-2] + key[-1]}", changed


def duplicate_port(tree: Tree) -> Iterator[Site]:
    published = [
        (who, port)
        for who, service in tree["services"].items()
        for port in service.get("ports", ())
        if isinstance(port, str) and re.fullmatch(r"\d+:\d+", port) and not service.get("profiles")
    ]
    for who, port in published:
        other = next((o for o, s in tree["services"].items() if o != who and not s.get("network_mode")), None)
        if other:
            changed = copy.deepcopy(tree)
            ports = changed["services"][other].setdefault("ports", [])
            ports.append(f"{port.split(':')[0]}:9999")
            yield f"{other}: port of {who}", changed


def no_network(tree: Tree) -> Iterator[Site]:
    used = {each for service in tree["services"].values() for each in service.get("networks") or ()}
    for name in tree.get("networks") or {}:
        if name in used and name != "default":
            changed = copy.deepcopy(tree)
            del changed["networks"][name]
            yield f"network {name}", changed


KINDS: Mapping[str, Callable[[Tree], Iterator[Site]]] = {
    "host renamed in a URL": renamed_host,
    "published port in a URL": published_port,
    "localhost in a URL": loopback,
    "wrong password in a URL": wrong_password,
    "volume forgotten": no_volume,
    "volume at another path": moved_volume,
    "depends_on forgotten": no_dependency,
    "waits for the start only": started_only,
    "required variable forgotten": no_required_variable,
    "variable misspelt": misspelt_variable,
    "key misspelt": misspelt_key,
    "port published twice": duplicate_port,
    "network not defined": no_network,
}
"""Mistakes that a rule can see."""


# Mistakes that no rule can see, because only the program knows what is right: they show at run time.


def inside_only(tree: Tree) -> Iterator[Site]:
    for who, service in tree["services"].items():
        for name, text in _environment(service).items():
            if text == "0.0.0.0":  # noqa: S104
                for wrong in ("127.0.0.1", "localhost", None):
                    yield _with_environment(tree, who, name, {name: wrong} if wrong else {})


def another_port_inside(tree: Tree) -> Iterator[Site]:
    for who, service in tree["services"].items():
        for index, port in enumerate(service.get("ports", ())):
            match = re.fullmatch(r"(\d+):(\d+)", str(port))
            for wrong in sorted({"80", "3000", "5000", "8000", "8080"} - {match[2]}) if match else ():
                assert match
                changed = copy.deepcopy(tree)
                changed["services"][who]["ports"][index] = f"{match[1]}:{wrong}"
                yield f"{who}: port {wrong} inside", changed


def renamed_variable(tree: Tree) -> Iterator[Site]:
    for who, service in tree["services"].items():
        for name, text in _environment(service).items() if _known(service) is None else ():
            for wrong in (f"APP_{name}", f"{name}S", name[0] + name[2] + name[1] + name[3:]):
                if wrong != name:
                    yield _with_environment(tree, who, name, {wrong: text})


def hidden_dependency(tree: Tree) -> Iterator[Site]:
    for section, who, other in _dependencies(tree):
        changed = copy.deepcopy(tree)
        service = changed[section][who]
        service["depends_on"].pop(other) if isinstance(service["depends_on"], dict) else service[
            "depends_on"
        ].remove(other)
        if not service["depends_on"]:
            del service["depends_on"]
        yield f"{who}: does not wait for {other}", changed


def job_started_only(tree: Tree) -> Iterator[Site]:
    for section, who, other in _dependencies(tree):
        if other in tree.get("jobs", {}):
            changed = copy.deepcopy(tree)
            depends = changed[section][who]["depends_on"]
            table = {each: {} for each in depends} if isinstance(depends, list) else dict(depends)
            table[other] = {"condition": "service_started"}
            changed[section][who]["depends_on"] = table
            yield f"{who}: waits only for the start of {other}", changed


def unkept_directory(tree: Tree) -> Iterator[Site]:
    for who, service in tree["services"].items():
        for index, mount in enumerate(service.get("volumes", ()) if _known(service) is None else ()):
            source, _, path = str(mount).partition(":")
            if source not in tree.get("volumes", {}):
                continue
            for wrong in (None, path, f"{source}:{path}-data", f"{source}:/data"):
                changed = copy.deepcopy(tree)
                mounts = changed["services"][who]["volumes"]
                mounts[index : index + 1] = [wrong] if wrong else []
                yield f"{who}: {wrong or 'nothing'} instead of {mount}", changed


UNSEEN: Mapping[str, Callable[[Tree], Iterator[Site]]] = {
    "listens on loopback only": inside_only,
    "another port inside": another_port_inside,
    "variable of the program misspelt": renamed_variable,
    "hidden dependency forgotten": hidden_dependency,
    "waits for the start of a job only": job_started_only,
    "directory not kept": unkept_directory,
}


def _dependencies(tree: Tree) -> Iterator[tuple[str, str, str]]:
    """Who waits for whom: section, service or job, the other."""
    for section in ("services", "jobs"):
        for who, service in tree.get(section, {}).items():
            for other in service.get("depends_on") or ():
                yield section, who, other


def _with_environment(tree: Tree, who: str, name: str, instead: Mapping[str, str]) -> Site:
    """The tree with one variable of a service replaced by others, at its place."""
    changed = copy.deepcopy(tree)
    environment: dict[str, str] = {}
    for each, text in _environment(tree["services"][who]).items():
        environment |= instead if each == name else {each: text}
    changed["services"][who]["environment"] = environment
    return f"{who}: {', '.join(f'{each}={text}' for each, text in instead.items()) or f'no {name}'}", changed


def _environment(service: Mapping[str, Any]) -> dict[str, str]:
    given = service.get("environment") or {}
    if isinstance(given, list):
        given = dict(each.split("=", 1) for each in given if "=" in each)
    return {name: str(text) for name, text in given.items()}


def _words(command: object) -> list[str]:
    return (
        [command] if isinstance(command, str) else [*map(str, command)] if isinstance(command, list) else []
    )


def _known(service: Mapping[str, Any]) -> KnownImage | None:
    image = service.get("image")
    return BUILT_IN.of(image) if image and "$" not in image and not service.get("build") else None


def _urls(tree: Tree) -> Iterator[tuple[str, str, re.Match[str]]]:
    """The URLs of servers in variables that name a service of the stack: service, variable, and the match."""
    for who, service in tree["services"].items():
        for name, text in _environment(service).items():
            match = re.search(_SERVER_URL, text)
            if match and match[2] in tree["services"] and match[2] != who:
                yield who, name, match


def _with_variable(tree: Tree, who: str, name: str, text: str, match: re.Match[str]) -> Site:
    changed = copy.deepcopy(tree)
    environment = _environment(tree["services"][who])
    environment[name] = match.string[: match.start()] + text + match.string[match.end() :]
    changed["services"][who]["environment"] = environment
    return f"{who}: {name}={text}", changed


def _data_mounts(tree: Tree) -> Iterator[tuple[str, int, str]]:
    for who, service in tree["services"].items():
        known = _known(service)
        command = tuple(_words(service.get("command"))) or None
        paths = known.data_paths(_environment(service), command) if known else ()
        for index, mount in enumerate(service.get("volumes") or ()):
            target = mount.get("target") if isinstance(mount, dict) else str(mount).split(":")[1:2]
            target = target[0] if isinstance(target, list) and target else target
            if target in paths:
                yield who, index, target

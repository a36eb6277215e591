"""A project as `docker compose config` prints it: from a tree with Compose's keys to the document."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from stackctl.spec.compose.said import YES, Context, Say, as_it_is, pairs
from stackctl.spec.compose.shapes import CONTAINER, FILE, MODEL, NETWORK, SERVICE, volume_of_project

_RESOURCES: Mapping[str, Say] = {
    "networks": NETWORK,
    "volumes": volume_of_project,
    "secrets": FILE,
    "configs": FILE,
    "models": MODEL,
}
_NAMESPACES = ("network_mode", "ipc", "pid", "uts", "cgroup")
_STARTED = {"condition": "service_started", "required": True}
_TABLES = ("environment", "labels", "annotations", "sysctls")


def composed(
    tree: Mapping[str, Any],
    context: Context,
    *,
    name: str,
    services: Collection[str] | None = None,
    environments: Mapping[str, Mapping[str, str | None]] | None = None,
) -> dict[str, Any]:
    """The document of a project. Networks, volumes and files that no service uses are left out.

    `tree` has Compose's keys, in short or long forms; its variables are filled in. `services` are the services that the document
    has; None: all. `environments` has the variables of each service with those of its `env_file`; without it they are those
    of `environment`.
    """
    given = {
        key: value for key, value in tree.get("services", {}).items() if services is None or key in services
    }
    said = {key: _service(given[key] or {}, context, (environments or {}).get(key)) for key in sorted(given)}
    document: dict[str, Any] = {"name": name, "services": said}
    for kind, say in _RESOURCES.items():
        known = {**({"default": None} if kind == "networks" else {}), **(tree.get(kind) or {})}
        used = {each for service in said.values() for each in _used(service, kind)}
        found = {
            key: say(_named(known[key], key, name, kind), context) for key in sorted(used & known.keys())
        }
        if found and (kind != "models" or context.yaml):
            document[kind] = found
    document |= {key: as_it_is(tree[key], context) for key in sorted(tree) if key.startswith("x-")}
    return document if context.yaml else {key: document[key] for key in sorted(document)}


def as_json(document: Mapping[str, Any]) -> str:
    """The JSON, as Go writes it. Each dollar is doubled, so that the document can be read as a compose.yaml."""
    written = json.dumps(document, indent=2, ensure_ascii=False).replace("$", "$$")
    for sign in "<>&\u2028\u2029":
        written = written.replace(sign, f"\\u{ord(sign):04x}")
    return written + "\n"


def _service(
    given: Mapping[str, Any], context: Context, environment: Mapping[str, str | None] | None
) -> dict[str, Any]:
    keys = {key: value for key, value in given.items() if key not in ("extends", "env_file")}
    if "network_mode" not in keys and "provider" not in keys:
        keys["networks"] = keys.get("networks") or {"default": None}
    keys["depends_on"] = dict(_dependencies(keys))
    if keys.get("pre_start"):
        keys["pre_start"] = [_before_start(hook, {**given, **keys}) for hook in keys["pre_start"]]
    if environment is not None:
        keys["environment"] = environment
    said: dict[str, Any] = SERVICE(keys, context)
    return said


def _dependencies(keys: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What a service depends on, also because it shares something of another service. What the file says itself comes last, and
    wins.
    """
    for each in keys.get("volumes_from") or ():
        if not each.startswith("container:"):
            yield each.partition(":")[0], _STARTED
    for link in keys.get("links") or ():
        yield link.partition(":")[0], {**_STARTED, "restart": True}
    for namespace in _NAMESPACES:
        kind, _, service = str(keys.get(namespace) or "").partition(":")
        if kind == "service":
            yield service, {**_STARTED, "restart": True}
    for service, dependency in pairs(keys.get("depends_on") or {}, "\0"):
        yield service, {**_STARTED, **(dependency or {})}


def _before_start(hook: Mapping[str, Any], keys: Mapping[str, Any]) -> dict[str, Any]:
    """A hook before the start: a container like that of the service, with what the hook says itself."""
    known = CONTAINER.order.split()
    shared = {key: value for key, value in keys.items() if key in known and key not in ("command", "volumes")}
    merged = {
        key: {**dict(pairs(shared[key])), **dict(pairs(hook[key]))}
        for key in _TABLES
        if shared.get(key) and hook.get(key)
    }
    return {**shared, **hook, **merged}


def _used(service: Mapping[str, Any], kind: str) -> Iterator[str]:
    """The names of the resources of a kind that a service uses."""
    found = service.get(kind, ())
    if kind in ("networks", "models"):
        yield from found
        return
    yield from (
        each["source"] for each in found if each.get("source") and each.get("type") in ("volume", None)
    )
    yield from (each["source"] for each in service.get("build", {}).get(kind, ()))


def _named(resource: Mapping[str, Any] | None, key: str, project: str, kind: str) -> dict[str, Any]:
    """A resource with its name. `external: {name: NAME}` is an older form of both keys."""
    found = dict(resource or {})
    external = found.get("external")
    if isinstance(external, Mapping):
        found |= {"external": True, **({"name": external["name"]} if "name" in external else {})}
    if found.get("name") is None and kind != "models":
        outside = str(found.get("external")).lower() in YES
        found["name"] = key if outside else f"{project}_{key}"
    return found

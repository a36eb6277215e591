"""The flags of networks and volumes, and of a container's place in a network, as tables of a stack.toml."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stackctl.convert.docker.flags import Divided
from stackctl.convert.unset import plain


def resource_settings(kind: str, given: Divided, note: Callable[[int, str], None]) -> dict[str, Any]:
    """What the flags of `network create` or `volume create` say. What has no place in a stack.toml is noted."""
    usual = "bridge" if kind == "network" else "local"
    found: dict[str, Any] = {}
    for option in given.options:
        key, _, value = option.value.partition("=")
        match option.name:
            case "driver" if option.value != usual:
                found["driver"] = option.value
            case "internal" | "attachable" if option.on:
                found[option.name] = True
            case "opt":
                found.setdefault("driver_opts", {})[plain(key)] = value
            case "ipv6" if option.on:
                found["enable_ipv6"] = True
            case "subnet":
                _ipam(found).append({"subnet": option.value})
            case "gateway" | "ip-range":
                _last(_ipam(found))[option.name.replace("-", "_")] = option.value
            case "aux-address":
                _last(_ipam(found)).setdefault("aux_addresses", {})[plain(key)] = value
            case "ipam-driver":
                found.setdefault("ipam", {})["driver"] = option.value
            case "ipam-opt":
                found.setdefault("ipam", {}).setdefault("options", {})[plain(key)] = value
            case "label":
                found.setdefault("labels", {})[plain(key)] = value
            case "driver" | "name" | "internal" | "attachable":
                pass
            case _:
                note(option.at, f"--{option.name} {plain(option.value)} of the {kind} is not imported")
    return found


def _ipam(settings: dict[str, Any]) -> list[dict[str, Any]]:
    """The subnets of a network."""
    found: list[dict[str, Any]] = settings.setdefault("ipam", {}).setdefault("config", [])
    return found


def _last(configs: list[dict[str, Any]]) -> dict[str, Any]:
    """The subnet that further options are about."""
    if not configs:
        configs.append({})
    return configs[-1]


def place(given: Divided) -> dict[str, Any]:
    """The addresses and options of a container in a network."""
    keys = {"ip": "ipv4_address", "ip6": "ipv6_address"}
    found: dict[str, Any] = {key: given.last(name) for name, key in keys.items() if given.last(name)}
    if local := given.all("link-local-ip"):
        found["link_local_ips"] = [option.value for option in local]
    pairs = [option.value.partition("=")[::2] for option in given.all("driver-opt")]
    if pairs:
        found["driver_opts"] = {plain(name): text for name, text in pairs}
    priority = given.last("gw-priority")
    return found | ({"gw_priority": int(priority)} if priority.lstrip("-").isdigit() else {})

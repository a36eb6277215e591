"""Ask an engine about itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stackctl.engine.docker.disk_usage import disk_usage
from stackctl.engine.transport.client import WireClient
from stackctl.planner.world.examined import USUAL_POOLS, ExaminedEngine, Pool

_PROXIES = {"HttpProxy": "HTTP_PROXY", "HttpsProxy": "HTTPS_PROXY"}


def examined(client: WireClient, *, podman: bool, sizes: bool) -> ExaminedEngine:
    info, networks = (found.body for found in client.ask_all((("info",), {}), (("networks",), {}))())
    pools = [Pool(pool["Base"], pool["Size"]) for pool in info.get("DefaultAddressPools") or ()]
    return ExaminedEngine(
        root=info.get("DockerRootDir") or "",
        warnings=tuple(info.get("Warnings") or ()),
        proxies=tuple(name for key, name in _PROXIES.items() if info.get(key)),
        pools=() if podman else tuple(pools) or USUAL_POOLS,
        subnets=tuple(_subnets(networks or ())),
        usage=_usage(disk_usage(client)) if sizes else None,
    )


def _subnets(networks: Any) -> Iterator[str]:
    for network in networks:
        for config in (network.get("IPAM") or {}).get("Config") or ():
            if config.get("Subnet"):
                yield config["Subnet"]


def _usage(answer: Any) -> dict[str, int] | None:
    """Bytes by what they are for; None if the engine has not counted."""
    if not answer:
        return None
    volumes = (volume.get("UsageData") or {} for volume in answer.get("Volumes") or ())
    return {
        "images": answer.get("LayersSize") or 0,
        "containers": sum(row.get("SizeRw") or 0 for row in answer.get("Containers") or ()),
        "volumes": sum(max(usage.get("Size") or 0, 0) for usage in volumes),
        "build cache": sum(row.get("Size") or 0 for row in answer.get("BuildCache") or ()),
    }

"""The containers of a project, for `ps`: Compose's table, Compose's JSON, and JSON of stackctl."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from stackctl.planner.reach.places import authority
from stackctl.planner.world.observed import ObservedContainer, PublishedPort
from stackctl.show.text.amounts import ago, iso
from stackctl.show.text.safe import one_line, shortened
from stackctl.show.text.style import PLAIN, Style
from stackctl.show.text.table import table
from stackctl.spec.output.redact import redacted

VERSION = 1
"""The version of the JSON; version 1 only ever gains keys."""
FIELDS = (
    "Command CreatedAt Engine ExitCode Health ID Image Labels LocalVolumes Mounts Name Names Networks Ports Project Publishers "
    "RunningFor Service Size State Status"
).split()
"""The keys of Compose's `ps --format json` (v5.6.1), which a template may name."""
TITLES = {
    "RunningFor": "CREATED",
    "CreatedAt": "CREATED AT",
    "ExitCode": "EXIT CODE",
    "LocalVolumes": "LOCAL VOLUMES",
}


def containers_text(
    containers: Iterable[ObservedContainer],
    *,
    style: Style = PLAIN,
    now: float | None = None,
    whole: bool = False,
) -> str:
    """Compose's table. `now` is in seconds since the epoch. `whole`: nothing is cut, even if the terminal is narrow."""
    now = time.time() if now is None else now
    cells = [
        [
            one_line(container.name),
            one_line(container.image),
            _command(container, whole=whole),
            one_line(container.service),
            ago(now - container.created),
            one_line(container.status),
            _ports(container.ports),
        ]
        for container in containers
    ]
    headers = ["NAME", "IMAGE", "COMMAND", "SERVICE", "CREATED", "STATUS", "PORTS"]
    return table(headers, cells, style.unbounded if whole else style, ("COMMAND", "CREATED", "IMAGE", "NAME"))


def containers_json(containers: Iterable[ObservedContainer], project: str) -> dict[str, Any]:
    """The containers as JSON, version 1."""
    return {
        "version": VERSION,
        "project": project,
        "containers": [
            {
                "service": container.service,
                "number": container.number,
                "kind": container.kind,
                "container": container.name,
                "id": container.id,
                "image": container.image,
                "image_id": container.image_id,
                "command": redacted(container.command),
                "state": container.state,
                "health": container.health,
                "exit_code": container.exit_code,
                "status": container.status,
                "created": iso(container.created),
                "ports": [
                    {
                        "host_ip": port.host_ip,
                        "published": port.published,
                        "target": port.target,
                        "protocol": port.protocol,
                    }
                    for port in container.ports
                ],
                "mounts": [
                    {"type": mount.type, "source": mount.name, "target": mount.target}
                    for mount in container.mounts
                ],
                "networks": [joined.network for joined in container.networks],
            }
            for container in containers
        ],
    }


def containers_as_compose(
    containers: Iterable[ObservedContainer], *, now: float | None = None, whole: bool = False
) -> list[Mapping[str, Any]]:
    """The objects of Compose's `ps --format json`, which a template may use as well."""
    now = time.time() if now is None else now
    return [_as_compose(container, now, whole=whole) for container in containers]


def _ports(ports: Iterable[PublishedPort]) -> str:
    """As the docker command writes them."""
    return ", ".join(
        f"{authority(port.host_ip, port.published)}->{port.target}/{port.protocol}" for port in ports
    )


def _command(container: ObservedContainer, *, whole: bool) -> str:
    """Cut as the docker command cuts it, in quotes."""
    if not container.command:
        return ""
    line = one_line(redacted(container.command))
    return json.dumps(line if whole else shortened(line, 20), ensure_ascii=False)


def _as_compose(container: ObservedContainer, now: float, *, whole: bool) -> dict[str, Any]:
    return {
        "Command": json.dumps(redacted(container.command), ensure_ascii=False),
        "CreatedAt": datetime.fromtimestamp(container.created, UTC).strftime("%Y-%m-%d %H:%M:%S +0000 UTC"),
        "Engine": "",
        "ExitCode": container.exit_code or 0,
        "Health": container.health,
        "ID": container.id if whole else container.id[:12],
        "Image": container.image,
        "Labels": ",".join(
            f"{key}={value}" for key, value in sorted(redacted(dict(container.labels)).items())
        ),
        "LocalVolumes": str(sum(mount.type == "volume" for mount in container.mounts)),
        "Mounts": ",".join(mount.name for mount in container.mounts),
        "Name": container.name,
        "Names": container.name,
        "Networks": ",".join(joined.network for joined in container.networks),
        "Ports": _ports(container.ports),
        "Project": container.project or "",
        "Publishers": [
            {
                "URL": port.host_ip,
                "TargetPort": port.target,
                "PublishedPort": port.published,
                "Protocol": port.protocol,
            }
            for port in container.ports
        ],
        "RunningFor": ago(now - container.created),
        "Service": container.service,
        "Size": "0B",
        "State": container.state,
        "Status": container.status,
    }

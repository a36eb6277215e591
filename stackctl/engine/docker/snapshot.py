"""The engine's lists → `Observed`. Values in, values out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from stackctl.planner.world import labels as names
from stackctl.planner.world.inspected import Inspected, InspectedMount, InspectedNetwork
from stackctl.planner.world.observed import (
    BuiltImage,
    ImageConfig,
    Joined,
    Mounted,
    Observed,
    ObservedContainer,
    ObservedEngine,
    ObservedNetwork,
    ObservedVolume,
    PublishedPort,
)
from stackctl.spec.image_ref import ImageRef

Json = Any
Row = Mapping[str, Json]

_HEALTH = r"\((?:health: )?(starting|healthy|unhealthy)\)"
_EXIT_CODE = r"(?:Exited|Restarting) \((\d+)\)"

_WITHOUT_DNS = ("bridge", "host", "none")
"""The networks in which an engine tells containers no names of others."""

_TRUE_CREATED_AT = (1, 42)
"""The first API version whose CreatedAt of a volume never changes (moby/moby#44719). Before, it is the time of the last
change in the volume's directory.
"""

_STATES: Mapping[str, str] = {
    "configured": "created",
    "initialized": "created",
    "stopping": "running",
    "stopped": "exited",
}
"""Podman's words for states → Docker's words."""


def observed(
    engine: ObservedEngine,
    *,
    time: float = 0.0,
    containers: Json,
    networks: Json,
    volumes: Json,
    images: Json,
) -> Observed:
    """One snapshot, from the answers to GET /containers/json?all=1, /networks, /volumes and /images/json."""
    known = tuple(map(network, networks or ()))
    ids = _unique_ids(known)
    return Observed(
        engine=engine,
        time=time,
        containers=tuple(container(row, ids) for row in containers or ()),
        networks=known,
        volumes=tuple(volume(row, engine.api) for row in (volumes or {}).get("Volumes") or ()),
        images=image_ids(images or ()),
        built={
            row["Id"]: BuiltImage(fingerprint, float(row.get("Created") or 0))
            for row in images or ()
            if (fingerprint := (row.get("Labels") or {}).get(names.BUILD))
        },
    )


def container(row: Row, network_ids: Mapping[str, str]) -> ObservedContainer:
    """`network_ids` fills in the ids of networks: Docker leaves them empty until the container's first start, and Podman 4 writes the
    name instead.
    """
    status = row.get("Status", "")
    state = row.get("State", "created").lower()
    code = re.match(_EXIT_CODE, status)
    joined = (row.get("NetworkSettings") or {}).get("Networks") or {}
    return ObservedContainer(
        id=row["Id"],
        name=_name(row),
        image=row.get("Image", ""),
        image_id=row.get("ImageID", ""),
        command=row.get("Command", ""),
        state=_STATES.get(state, state),
        health=_health(row, status),
        exit_code=int(code[1]) if code else None,
        status=status,
        created=float(row.get("Created", 0)),
        labels=row.get("Labels") or {},
        ports=tuple(
            PublishedPort(
                port["PrivatePort"], port.get("Type", "tcp"), port.get("IP", ""), port["PublicPort"]
            )
            for port in row.get("Ports") or ()
            if port.get("PublicPort")
        ),
        mounts=tuple(
            Mounted(
                mount.get("Type", ""),
                mount.get("Name") or mount.get("Source", ""),
                mount.get("Destination", ""),
            )
            for mount in row.get("Mounts") or ()
        ),
        networks=tuple(
            Joined(
                name,
                given
                if (given := place.get("NetworkID", "")) not in ("", name)
                else network_ids.get(name, ""),
                place.get("IPAddress", ""),
            )
            for name, place in joined.items()
        ),
        network_mode=(row.get("HostConfig") or {}).get("NetworkMode", ""),
    )


def network(row: Row) -> ObservedNetwork:
    return ObservedNetwork(
        id=row["Id"], name=row["Name"], driver=row.get("Driver", ""), labels=row.get("Labels") or {}
    )


def volume(row: Row, api: tuple[int, int]) -> ObservedVolume:
    """The label of stackctl tells when the volume was made. Without the label the engine tells, if its API version can be
    trusted (`_TRUE_CREATED_AT`). Otherwise the time is unknown: 0.
    """
    labels = row.get("Labels") or {}
    told = labels.get(names.CREATED, "")
    by_engine = epoch(row.get("CreatedAt")) if api >= _TRUE_CREATED_AT else 0.0
    return ObservedVolume(
        name=row["Name"],
        driver=row.get("Driver", ""),
        created=float(told) if told.isdecimal() else by_engine,
        mountpoint=row.get("Mountpoint", ""),
        labels=labels,
    )


def image_ids(rows: Iterable[Row]) -> dict[str, str]:
    """Image id by tag, by digest and by id. Podman writes `localhost/` or `docker.io/library/` before a name; people leave
    them out, so each such image is found under both names.
    """
    ids: dict[str, str] = {}
    for row in rows:
        ids[row["Id"]] = row["Id"]
        for ref in [*(row.get("RepoTags") or ()), *(row.get("RepoDigests") or ())]:
            if not ref.startswith("<none>"):
                ids[ref] = row["Id"]
                ids.setdefault(ImageRef.parse(ref.removeprefix("localhost/")).familiar, row["Id"])
    return ids


def image_config(answer: Row) -> ImageConfig:
    """What containers inherit from an image, from the answer to GET /images/REF/json."""
    config = answer.get("Config") or {}
    test: list[str] = (config.get("Healthcheck") or {}).get("Test") or []
    return ImageConfig(
        volumes=tuple(sorted(config.get("Volumes") or ())),
        entrypoint=tuple(config.get("Entrypoint") or ()),
        command=tuple(config.get("Cmd") or ()),
        environment=dict(line.split("=", 1) for line in config.get("Env") or () if "=" in line),
        healthcheck=bool(test) and test[0] != "NONE",
        tagged=max(epoch((answer.get("Metadata") or {}).get("LastTagTime")), 0.0),
    )


def inspected(answer: Row) -> Inspected:
    """One container, from the answer to GET /containers/ID/json."""
    config, host = answer.get("Config") or {}, answer.get("HostConfig") or {}
    name = str(answer.get("Name", "")).removeprefix("/")
    networks = (answer.get("NetworkSettings") or {}).get("Networks") or {}
    return Inspected(
        id=answer["Id"],
        name=name,
        state=(answer.get("State") or {}).get("Status", ""),
        pid=(answer.get("State") or {}).get("Pid", 0),
        command=(answer.get("Path", ""), *(answer.get("Args") or ())),
        user=config.get("User", ""),
        hostname=config.get("Hostname", ""),
        memory=host.get("Memory") or 0,
        cpus=_cpus(host),
        pids=max(host.get("PidsLimit") or 0, 0),
        mounts=tuple(
            InspectedMount(
                type=mount.get("Type", ""),
                name=mount.get("Name", ""),
                source=mount.get("Source", ""),
                target=mount.get("Destination", ""),
                read_only=not mount.get("RW", True),
            )
            for mount in answer.get("Mounts") or ()
        ),
        networks=tuple(
            InspectedNetwork(
                network=network,
                address=place.get("IPAddress", ""),
                prefix=place.get("IPPrefixLen", 0),
                gateway=place.get("Gateway", ""),
                mac=place.get("MacAddress", ""),
                names=() if network in _WITHOUT_DNS else _dns_names(name, place),
            )
            for network, place in networks.items()
        ),
        network_mode=host.get("NetworkMode", ""),
        tty=bool(config.get("Tty")),
        stdin_open=bool(config.get("OpenStdin")),
    )


def _dns_names(name: str, place: Row) -> tuple[str, ...]:
    """An engine before API 1.44 lists only the aliases; it finds a container by its name as well."""
    return tuple(dict.fromkeys(place.get("DNSNames") or [name, *(place.get("Aliases") or ())]))


def _cpus(host: Row) -> float:
    if host.get("NanoCpus"):
        return float(host["NanoCpus"]) / 1e9
    quota, period = host.get("CpuQuota") or 0, host.get("CpuPeriod") or 100_000
    return float(quota) / float(period) if quota > 0 else 0.0


def epoch(text: str | None) -> float:
    """RFC 3339 → seconds since the epoch; 0 for a text that is no time."""
    try:
        return datetime.fromisoformat(text or "").timestamp()
    except ValueError:
        return 0.0


def clock_ahead(info: Mapping[str, Any], asked: float, answered: float) -> float:
    """Seconds by which the engine's clock is ahead of this machine's. `asked` and `answered` are times on this machine."""
    clock = epoch(info.get("SystemTime"))
    return clock - (asked + answered) / 2 if clock else 0.0


def _name(row: Row) -> str:
    """The container's own name. Its other names come from legacy links and look like `/other/alias`."""
    names: list[str] = [name.removeprefix("/") for name in row.get("Names") or ()]
    return next((name for name in names if "/" not in name), str(row["Id"])[:12])


def _health(row: Row, status: str) -> str:
    """Since API 1.52 the health has its own field; before, it stands in the status: `Up 3 minutes (health: starting)`."""
    if health := row.get("Health"):
        return str(health.get("Status", "")).replace("none", "")
    found = re.search(_HEALTH, status)
    return str(found[1]) if found else ""


def _unique_ids(networks: Iterable[ObservedNetwork]) -> dict[str, str]:
    """Network id by name, for every name that only one network has."""
    ids: dict[str, list[str]] = {}
    for network in networks:
        ids.setdefault(network.name, []).append(network.id)
    return {name: found[0] for name, found in ids.items() if len(found) == 1}

"""One spelling for each value: what a stack.toml, a `docker run` and the engine write in different ways.

A usual value is left out, so that "not said" and "said as it is anyway" are equal.
"""

from __future__ import annotations

import os.path
import re
import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from stackctl.planner.same.side import KeyPath
from stackctl.planner.world import labels
from stackctl.planner.world.desired import (
    USUAL_GRACE,
    USUAL_NETWORK_DRIVER,
    USUAL_VOLUME_DRIVER,
    DesiredHealthcheck,
)
from stackctl.spec.image_ref import ImageRef
from stackctl.spec.values import ByteSize

Values = dict[KeyPath, Any]

USUAL: Mapping[KeyPath, Any] = {
    ("restart",): "no",
    ("init",): False,
    ("stop_grace_period",): float(USUAL_GRACE),
    ("healthcheck", "interval"): 30.0,
    ("healthcheck", "timeout"): 30.0,
    ("healthcheck", "retries"): 3,
    ("healthcheck", "start_period"): 0.0,
    ("healthcheck", "start_interval"): 5.0,
    ("driver",): None,
}
"""What the engine does where nothing is said (Docker Engine API, POST /containers/create)."""
_USUAL_DRIVERS = (USUAL_NETWORK_DRIVER, USUAL_VOLUME_DRIVER)
_WITHOUT: Mapping[str, Any] = {
    "logging.driver": "json-file",
    "runtime": "runc",
    "mem_swappiness": -1,
    "isolation": "default",
}
"""What the engine answers where nothing was said."""
UNTOLD = ("platform", "cgroup")
"""The keys of which an engine does not tell what somebody has asked for."""
_USUAL_SHM = 64 * 1024 * 1024
_FOREIGN = (labels.PREFIX, "com.docker.compose.")
"""Labels of programs, which nobody has written into a file."""
_EVERYWHERE = ("", "0.0.0.0", "::")  # noqa: S104 - read, not listened on


def without_usual(values: Mapping[KeyPath, Any]) -> Values:
    return {key: value for key, value in values.items() if value is not None and USUAL.get(key) != value}


def image(ref: str) -> str:
    """`docker.io/library/redis` is `redis:latest`."""
    return ImageRef.parse(ref).tagged


def dockerfile(context: Path, file: str) -> str:
    """The Dockerfile, relative to its context."""
    file = os.path.normpath(file)
    return str(Path(file).relative_to(context)) if Path(file).is_relative_to(context) else file


def own_labels(found: Mapping[str, str]) -> Values:
    return {("labels", name): str(text) for name, text in found.items() if not name.startswith(_FOREIGN)}


def ports(bindings: Iterable[tuple[str, str, str]]) -> Values:
    """From port with protocol, address and host port of each; a port that the engine chooses is `any`."""
    found: dict[str, set[str]] = {}
    for target, address, published in bindings:
        where = "0.0.0.0" if address in _EVERYWHERE else address  # noqa: S104 - read, not listened on
        found.setdefault(target, set()).add(f"{where}:{published or 'any'}")
    return {("ports", target): sorted(places) for target, places in found.items()}


def expose(exposed: Iterable[str], published: Collection[str]) -> Values:
    """Exposed ports with their protocols. A port that is published is exposed by that."""
    return {("expose", port): True for port in exposed if port not in published}


def plain(name: str, value: Any) -> Values:
    """A key that the engine takes as it is: `name` in the file, `value` as the request has it."""
    match name:
        case "extra_hosts":
            hosts: dict[str, list[str]] = {}
            for line in value or ():
                host, address = re.split("[:=]", line, maxsplit=1)
                hosts.setdefault(host, []).append(address)
            return {(name, host): ",".join(addresses) for host, addresses in hosts.items()}
        case "cap_add" | "cap_drop":
            value = sorted(cap.upper().removeprefix("CAP_") for cap in value or ())
        case "stop_signal":
            value = str(value or "").upper().removeprefix("SIG").replace("TERM", "")
        case "shm_size":
            value = 0 if value == _USUAL_SHM else value
        case "security_opt":
            value = sorted(option for option in value or () if option != "systempaths=unconfined")
        case "pids_limit":
            value = max(value or 0, 0)
        case "logging.options" | "sysctls" | "storage_opt" | "annotations":
            return {(*name.split("."), key): str(text) for key, text in (value or {}).items()}
        case _ if value == _WITHOUT.get(name):
            value = None
    return {tuple(name.split(".")): value} if value else {}


def shared(**modes: str | None) -> Values:
    """Whose memory and processes a container sees. `private` is what engines do."""
    return {(name,): mode for name, mode in modes.items() if mode and mode != "private"}


def healthcheck(check: DesiredHealthcheck | None) -> Values:
    """The check that the engine runs. Its test is the line that a shell gets."""
    if check is None:
        return {}
    values: Values = {("healthcheck", "test"): _test(check.test)}
    if check.test[:1] != ("NONE",):
        for name in ("interval", "timeout", "start_period", "start_interval"):
            values["healthcheck", name] = _seconds(getattr(check, name))
        values["healthcheck", "retries"] = check.retries
    return without_usual(values)


def _test(words: Sequence[str]) -> str | None:
    match [*words]:
        case []:
            return None
        case ["NONE", *_]:
            return "none"
        case ["CMD", *command]:
            return shlex.join(command)
    return words[-1]


def _seconds(value: float | None) -> float | None:
    return None if value is None else float(value)


def mount(kind: str, source: str = "", **settings: Any) -> dict[str, Any]:
    """Storage at one path of a container."""
    if kind == "tmpfs":
        settings |= _tmpfs(settings.pop("options", "") or "")
    settings["labels"] = {
        name: text for name, text in settings.get("labels", {}).items() if not name.startswith(_FOREIGN)
    }
    propagation = settings.pop("propagation", "")
    if propagation and propagation != "rprivate":
        settings["propagation"] = propagation
    return {"type": kind, "source": source} | {name: value for name, value in settings.items() if value}


def _tmpfs(options: str) -> dict[str, Any]:
    """The options of a tmpfs: `size` in bytes, `mode` as a number."""
    found: dict[str, Any] = {}
    others = []
    for option in filter(None, options.split(",")):
        name, _, value = option.partition("=")
        if name == "size" and not value.endswith("%"):
            found["size"] = ByteSize.parse(value).bytes
        elif name == "mode":
            found["mode"] = int(value, 8)
        elif option != "rw":
            others.append(option)
    return found | ({"options": ",".join(sorted(others))} if others else {})


def resource(definition: Mapping[str, Any]) -> Values:
    """The settings of a network or volume, from its definition (`world/definition.py`)."""
    values: Values = {}
    for name, value in definition.items():
        match name:
            case "options":
                values |= {("driver_opts", key): str(text) for key, text in value.items()}
            case "labels":
                values |= own_labels(value)
            case "driver" if value in _USUAL_DRIVERS:
                pass
            case _ if value:
                values[name,] = value
    return values


def expanded(ports: Iterable[str]) -> Iterator[str]:
    """`"8000-8002/udp"` → `8000/udp`, `8001/udp`, `8002/udp`."""
    for text in ports:
        numbers, _, protocol = text.partition("/")
        first, _, last = numbers.partition("-")
        yield from (f"{port}/{protocol or 'tcp'}" for port in range(int(first), int(last or first) + 1))

"""What was made, from the engine's answers: containers, networks and volumes in the form in which they are compared with a file.

Field names are those of the Docker Engine API: GET /containers/ID/json, /images/REF/json, /networks/ID, /volumes/NAME.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import structs

from stackctl.planner.same import normal
from stackctl.planner.same.normal import Values
from stackctl.planner.same.side import Generated, Thing, Unknown
from stackctl.planner.world import labels
from stackctl.planner.world.desired import DesiredHealthcheck
from stackctl.spec import plain_keys

Row = Mapping[str, Any]

_ENGINES_OWN = "bridge"
_WITHOUT_NAMES = ("none", "host", _ENGINES_OWN)
"""Networks that every engine has."""
_ANONYMOUS = "[0-9a-f]{64}"
_SET_BY_ENGINE = re.compile(r"com\.docker\.(network\.enable_ipv[46]|volume\.anonymous)")
"""Options that newer engines add to every network, and a label that they add to every anonymous volume."""


def container(answer: Row, image: Row | None, *, moved: bool, names: Mapping[str, str]) -> Thing:
    """A container as somebody asked for it. `image` is its image; `moved`: the image's name means another image now; `names` are
    the names of containers by id.
    """
    config, host = _part(answer, "Config"), _part(answer, "HostConfig")
    name = str(answer.get("Name", "")).removeprefix("/")
    own = config.get("Labels") or {}
    service = own.get(labels.SERVICE) or name
    image_config = _part(image or {}, "Config")
    inherited = _configured(image_config)
    values = {key: value for key, value in _configured(config).items() if inherited.get(key) != value}
    if ("entrypoint",) in values:  # then the image's command does not run, also if the same words do
        values["command",] = list(config.get("Cmd") or ())
    if image is not None:
        gone = inherited.keys() - _configured(config).keys()
        values |= {key: None for key in gone if key[0] == "environment"}
    values |= _hosted(answer, host, names)
    values["image",] = _image(config, own, service, moved=moved)
    published = host.get("PortBindings") or {}
    exposed = (config.get("ExposedPorts") or {}).keys() - (image_config.get("ExposedPorts") or {}).keys()
    values |= normal.expose(sorted(exposed), published)
    for path in config.get("Volumes") or {}:
        values.setdefault(("volumes", path), normal.mount("volume"))
    for path in (
        image_config.get("Volumes") or {}
    ):  # an unnamed volume there is the image's wish, whoever asked for it
        inherited["volumes", path] = normal.mount("volume")
        if values.get(("volumes", path)) == inherited["volumes", path]:
            del values["volumes", path]
    hostname = str(config.get("Hostname") or "")
    if answer["Id"].startswith(hostname) or re.match("host$|container:", host.get("NetworkMode", "")):
        values.pop(("hostname",), None)
    return Thing(
        kind="container",
        key=service,
        name=name,
        chosen=name != f"{own.get(labels.PROJECT)}-{service}-{own.get(labels.NUMBER, '1')}",
        values=values,
        inherited=None if image is None else inherited,
    )


def network(answer: Row) -> Thing:
    definition = {
        "driver": answer.get("Driver"),
        "internal": answer.get("Internal"),
        "attachable": answer.get("Attachable"),
        "options": _asked_for(_part(answer, "Options")),
        "labels": answer.get("Labels") or {},
        "enable_ipv6": answer.get("EnableIPv6"),
    }
    found = _resource("network", answer, definition)
    return structs.replace(found, values={**found.values, ("ipam",): Unknown()})


def volume(answer: Row) -> Thing:
    definition = {
        "driver": answer.get("Driver"),
        "options": answer.get("Options") or {},
        "labels": _asked_for(_part(answer, "Labels")),
    }
    return _resource("volume", answer, definition)


def networks_of(thing: Thing) -> list[str]:
    """The networks that a container is in, without those that every engine has."""
    return [str(key[1]) for key in thing.values if key[0] == "networks"]


def volumes_of(thing: Thing) -> list[str]:
    """The named volumes of a container."""
    mounts = (value for key, value in thing.values.items() if key[0] == "volumes")
    return [mount["source"] for mount in mounts if mount["type"] == "volume" and mount["source"]]


def shared_containers(answer: Row) -> tuple[str, ...]:
    """The ids of the containers whose network, memory, processes or volumes a container shares."""
    host = _part(answer, "HostConfig")
    modes = [str(host.get(name) or "").partition(":") for name in ("NetworkMode", "IpcMode", "PidMode")]
    sources = [source.partition(":")[0] for source in host.get("VolumesFrom") or ()]
    return tuple(dict.fromkeys([other for kind, _, other in modes if kind == "container"] + sources))


def _resource(kind: Any, answer: Row, definition: Mapping[str, Any]) -> Thing:
    own = answer.get("Labels") or {}
    name = str(answer["Name"])
    key = own.get(labels.SERVICE) or name
    return Thing(
        kind=kind,
        key=key,
        name=name,
        chosen=name != f"{own.get(labels.PROJECT)}_{key}",
        values=normal.resource(definition),
    )


def _image(config: Row, own: Mapping[str, str], service: str, *, moved: bool) -> Any:
    ref = normal.image(str(config.get("Image", "")))
    if ref == normal.image(f"{own.get(labels.PROJECT)}-{service}"):
        return Generated(ref)
    return f"{ref} (an older image of that name)" if moved else ref


def _configured(config: Row) -> Values:
    """What stands in a `Config`, which an image has as well."""
    lines = [line.partition("=") for line in config.get("Env") or ()]  # a name alone is no variable
    values: Values = {("environment", name): text for name, equals, text in lines if equals}
    values |= normal.own_labels(config.get("Labels") or {})
    values |= normal.healthcheck(_healthcheck(config.get("Healthcheck")))
    values["entrypoint",] = list(config.get("Entrypoint") or ())
    values["command",] = list(config.get("Cmd") or ())
    if (grace := config.get("StopTimeout")) is not None:
        values["stop_grace_period",] = float(grace)
    for name, line in plain_keys.bodies().items():
        if "." not in line:
            values |= normal.plain(name, config.get(line))
    return normal.without_usual(values)


def _hosted(answer: Row, host: Row, names: Mapping[str, str]) -> Values:
    """What stands in a `HostConfig`."""
    policy = host.get("RestartPolicy") or {}
    times = policy.get("MaximumRetryCount")
    values: Values = {
        ("restart",): (policy.get("Name") or "no") + (f":{times}" if times else ""),
        ("init",): bool(host.get("Init")),
        **normal.ports(
            (target, binding.get("HostIp", ""), binding.get("HostPort", ""))
            for target, bindings in (host.get("PortBindings") or {}).items()
            for binding in bindings or ()
        ),
        **{("volumes", target): mount for target, mount in _mounts(host)},
        **dict(_networks(answer)),
    }
    mode = _mode(host, "NetworkMode", names)
    values |= normal.shared(ipc=_mode(host, "IpcMode", names), pid=_mode(host, "PidMode", names))
    for source in host.get("VolumesFrom") or ():
        other, _, access = source.partition(":")
        values["volumes_from", names.get(other, other) + (":ro" if access == "ro" else "")] = True
    values |= dict.fromkeys(_links(answer), True)
    values |= _addresses(answer)
    if mode in ("none", "host") or mode.startswith("container:"):
        values["network_mode",] = mode
    elif _ENGINES_OWN in _part(_part(answer, "NetworkSettings"), "Networks"):
        values["network_mode",] = _ENGINES_OWN
    for name, line in plain_keys.bodies().items():
        part, *fields = line.split(".")
        if part == "HostConfig" and name not in normal.UNTOLD:
            found: Any = host
            for field in fields:
                found = (found or {}).get(field)
            values |= normal.plain(name, found)
    return normal.without_usual(values)


def _networks(answer: Row) -> Iterator[tuple[tuple[str, str], tuple[str, ...]]]:
    own = {answer["Id"][:12], _part(answer, "Config").get("Hostname")}  # the engine adds them
    name = str(answer.get("Name", "")).removeprefix("/")
    for network, place in _part(_part(answer, "NetworkSettings"), "Networks").items():
        if network not in _WITHOUT_NAMES:
            aliases = (place or {}).get("Aliases") or ()
            yield ("networks", network), tuple(dict.fromkeys((name, *(a for a in aliases if a not in own))))


def _mode(host: Row, line: str, names: Mapping[str, str]) -> str:
    """The mode, with the name of the container whose network, memory or processes it shares."""
    kind, _, other = str(host.get(line) or "").partition(":")
    return f"{kind}:{names.get(other, other[:12])}" if other else kind


def _addresses(answer: Row) -> Iterator[tuple[tuple[str, str], tuple[str, ...]]]:
    """The addresses that somebody has asked for, by network."""
    for network, place in _part(_part(answer, "NetworkSettings"), "Networks").items():
        asked = (place or {}).get("IPAMConfig") or {}
        if found := tuple(filter(None, (asked.get("IPv4Address"), asked.get("IPv6Address")))):
            yield ("addresses", network), found


def _links(answer: Row) -> Iterator[tuple[str, str]]:
    for place in _part(_part(answer, "NetworkSettings"), "Networks").values():
        yield from (("links", link) for link in (place or {}).get("Links") or ())


_RECURSIVE = (
    ("NonRecursive", "disabled"),
    ("ReadOnlyNonRecursive", "writable"),
    ("ReadOnlyForceRecursive", "readonly"),
)


def _mounts(host: Row) -> Iterator[tuple[str, dict[str, Any]]]:
    """The storage that was asked for, in each of the three ways in which a request may say it."""
    for line in host.get("Binds") or ():
        source, target, *modes = line.split(":")
        flags = [flag for mode in modes for flag in mode.split(",")]
        yield (
            target,
            normal.mount(
                "bind" if source.startswith("/") else "volume",
                "" if re.fullmatch(_ANONYMOUS, source) else source,
                read_only="ro" in flags,
                nocopy="nocopy" in flags,
                selinux=next((flag for flag in flags if flag in ("z", "Z")), ""),
                propagation=next(
                    (flag for flag in flags if re.fullmatch("r?(private|shared|slave)", flag)), ""
                ),
            ),
        )
    for mount in host.get("Mounts") or ():
        options = mount.get("TmpfsOptions") or {}
        yield (
            mount["Target"],
            normal.mount(
                mount["Type"],
                mount.get("Source", ""),
                read_only=mount.get("ReadOnly", False),
                nocopy=_part(mount, "VolumeOptions").get("NoCopy", False),
                propagation=_part(mount, "BindOptions").get("Propagation", ""),
                recursive=next(
                    (how for line, how in _RECURSIVE if _part(mount, "BindOptions").get(line)), ""
                ),
                labels=_asked_for(_part(_part(mount, "VolumeOptions"), "Labels")),
                subpath=_part(mount, "VolumeOptions").get("Subpath")
                or _part(mount, "ImageOptions").get("Subpath", ""),
                size=options.get("SizeBytes"),
                mode=options.get("Mode"),
            ),
        )
    for target, text in (host.get("Tmpfs") or {}).items():
        yield target, normal.mount("tmpfs", options=text)


def _healthcheck(check: Row | None) -> DesiredHealthcheck | None:
    if not check:
        return None
    return DesiredHealthcheck(
        test=tuple(check.get("Test") or ()),
        interval=_seconds(check.get("Interval")),
        timeout=_seconds(check.get("Timeout")),
        retries=check.get("Retries") or None,
        start_period=_seconds(check.get("StartPeriod")),
        start_interval=_seconds(check.get("StartInterval")),
    )


def _seconds(nanoseconds: int | None) -> float | None:
    return nanoseconds / 1e9 if nanoseconds else None


def _asked_for(texts: Row) -> Row:
    """Labels or options without those that the engine has added."""
    return {name: text for name, text in texts.items() if not _SET_BY_ENGINE.fullmatch(name)}


def _part(answer: Row, name: str) -> Row:
    found: Row = answer.get(name) or {}
    return found

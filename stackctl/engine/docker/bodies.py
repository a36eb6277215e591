"""Turn what should be there into the JSON that the Docker API takes. Values in, values out."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from typing import Any

from stackctl.planner.world import labels as names
from stackctl.planner.world.desired import (
    Attachment,
    DesiredContainer,
    DesiredHealthcheck,
    DesiredMount,
    DesiredNetwork,
    DesiredPort,
    DesiredVolume,
)
from stackctl.planner.world.inits import wants_init
from stackctl.planner.world.observed import ImageConfig
from stackctl.spec import plain_keys
from stackctl.spec.model import Ipam

Body = dict[str, Any]

_START_INTERVAL = (1, 44)
"""The first API version that knows `StartInterval` (Docker Engine API, version history)."""
_SIZE_OF_TERMINAL = (1, 42)
"""The first API version with which a container has a `ConsoleSize` on Linux."""
_MAC_OF_PLACE = (1, 44)
"""The first API version with which the hardware address belongs to the place in a network, not to the container."""
_INTERFACE = "com.docker.network.endpoint.ifname"
"""The option that names the interface of a container in a network."""
_ALL_PATHS = "systempaths=unconfined"


def network(spec: DesiredNetwork) -> Body:
    return {
        "Name": spec.name,
        "CheckDuplicate": True,  # without it an engine before API 1.44 may give two networks one name
        "Driver": spec.driver,
        "Internal": spec.internal,
        "Attachable": spec.attachable,
        "Options": dict(spec.options),
        "Labels": dict(spec.labels),
        **given(EnableIPv4=spec.enable_ipv4, EnableIPv6=spec.enable_ipv6, IPAM=_ipam(spec.ipam)),
    }


def _ipam(ipam: Ipam) -> Body | None:
    """None leaves the addresses to the engine."""
    if ipam == Ipam():
        return None
    config = [
        given(
            Subnet=each.subnet,
            IPRange=each.ip_range,
            Gateway=each.gateway,
            AuxiliaryAddresses=dict(each.aux_addresses) or None,
        )
        for each in ipam.config
    ]
    return {"Driver": ipam.driver or "default", "Config": config, "Options": dict(ipam.options)}


def volume(spec: DesiredVolume, *, created: int) -> Body:
    """`created` is the present time in seconds since the epoch. It has no fractions, because engines tell the age of
    containers in whole seconds: a container of the same second then counts as not older than its volume.
    """
    return {
        "Name": spec.name,
        "Driver": spec.driver,
        "DriverOpts": dict(spec.options),
        "Labels": {**spec.labels, names.CREATED: str(created)},
    }


def endpoint(network_id: str, place: Attachment) -> Body:
    """A container's place in a network. Several networks may have one name; the id says which one is meant."""
    use = place.use
    addresses = given(
        IPv4Address=use.ipv4_address,
        IPv6Address=use.ipv6_address,
        LinkLocalIPs=list(use.link_local_ips) or None,
    )
    options = {name: str(text) for name, text in use.driver_opts.items()}
    if use.interface_name:
        options[_INTERFACE] = use.interface_name
    return {"NetworkID": network_id, "Aliases": list(place.aliases)} | given(
        Links=list(place.links) or None,
        IPAMConfig=addresses or None,
        MacAddress=use.mac_address,
        DriverOpts=options or None,
        GwPriority=use.gw_priority or None,
    )


def container(
    spec: DesiredContainer,
    *,
    api: tuple[int, int],
    image: ImageConfig,
    network_id: str | None = None,
    replaces: str | None = None,
) -> Body:
    """The body of POST /containers/create. `network_id` is the id of the network `spec.networks[0]`."""
    body: Body = {
        "Image": spec.image,
        "Env": environment(spec.environment),
        "Labels": {**spec.labels, **({names.REPLACES: replaces} if replaces else {})},
        "ExposedPorts": _exposed(spec),
        "StopTimeout": spec.grace,
        "HostConfig": _host_config(spec, image, network_id),
    }
    entrypoint = spec.entrypoint
    if spec.command == () and entrypoint is None:
        entrypoint = image.entrypoint  # without an Entrypoint, an empty Cmd means the image's Cmd
    body |= given(
        Cmd=None if spec.command is None else list(spec.command),
        Entrypoint=None if entrypoint is None else list(entrypoint),
        Healthcheck=None if spec.healthcheck is None else healthcheck(spec.healthcheck, api),
    )
    for line, value in plain_keys.lines(spec.settings):
        *parts, name = line.split(".")
        functools.reduce(lambda table, part: table.setdefault(part, {}), parts, body)[name] = value
    if spec.attached:
        body["StdinOnce"] = True
    if spec.terminal_size and api >= _SIZE_OF_TERMINAL:
        body["HostConfig"]["ConsoleSize"] = [*spec.terminal_size]
    if network_id:
        body["NetworkingConfig"] = {"EndpointsConfig": {network_id: endpoint(network_id, spec.networks[0])}}
    if api < _MAC_OF_PLACE and spec.networks and (own := spec.networks[0].use.mac_address):
        body["MacAddress"] = own
    if api >= _MAC_OF_PLACE and (mac := body.pop("MacAddress", None)):
        places = body.setdefault("NetworkingConfig", {}).setdefault("EndpointsConfig", {})
        places.setdefault(network_id or spec.network_mode or "default", {})["MacAddress"] = mac
    _all_paths(body["HostConfig"])
    return body


def _all_paths(host: Body) -> None:
    """`systempaths=unconfined` is no option of the engine: the CLI asks for it with two empty lists."""
    options = host.get("SecurityOpt", [])
    if _ALL_PATHS in options:
        host["SecurityOpt"] = [option for option in options if option != _ALL_PATHS]
        host |= {"MaskedPaths": [], "ReadonlyPaths": []}


def environment(variables: Mapping[str, str | None]) -> list[str]:
    """`KEY=value`; a bare `KEY` removes the variable that the image sets."""
    return [name if value is None else f"{name}={value}" for name, value in variables.items()]


def restart_policy(policy: str, times: int) -> Body:
    return {"Name": policy, "MaximumRetryCount": times}


def _host_config(spec: DesiredContainer, image: ImageConfig, network_id: str | None) -> Body:
    relabelled = [mount for mount in spec.mounts if mount.selinux]
    # Before API 1.46, Mounts can give a tmpfs only a size and a mode.
    with_options = {mount.target: mount.tmpfs_options for mount in spec.mounts if mount.tmpfs_options}
    others = [mount for mount in spec.mounts if not (mount.selinux or mount.tmpfs_options)]
    return {
        "Init": wants_init(spec, image),
        "Binds": [_bind(mount) for mount in relabelled],
        "Mounts": [mount(each) for each in others],
        "PortBindings": _bindings(spec.ports),
        "RestartPolicy": restart_policy(spec.restart, spec.restart_times),
        **given(AutoRemove=spec.auto_remove or None),
        **given(
            NetworkMode=network_id or spec.network_mode,
            IpcMode=spec.ipc,
            PidMode=spec.pid,
            VolumesFrom=list(spec.volumes_from) or None,
            Tmpfs=with_options or None,
        ),
    }


def healthcheck(check: DesiredHealthcheck, api: tuple[int, int]) -> Body:
    """Durations are whole nanoseconds. An empty test keeps the test of the image."""
    return {"Test": list(check.test)} | given(
        Interval=nanoseconds(check.interval),
        Timeout=nanoseconds(check.timeout),
        Retries=check.retries,
        StartPeriod=nanoseconds(check.start_period),
        StartInterval=nanoseconds(check.start_interval) if api >= _START_INTERVAL else None,
    )


def nanoseconds(seconds: float | None) -> int | None:
    """A duration as engines take it."""
    return None if seconds is None else round(seconds * 1e9)


def _exposed(spec: DesiredContainer) -> dict[str, Body]:
    ports = [f"{port.target}/{port.protocol}" for port in spec.ports]
    if not (spec.network_mode or "").startswith("container:"):  # there the engine refuses exposed ports
        ports += [port for text in spec.settings.expose for port in _expanded(text)]
    return {port: {} for port in ports}


def _expanded(text: str) -> list[str]:
    """`"8000-8002/udp"` → `8000/udp`, `8001/udp`, `8002/udp`."""
    ports, _, protocol = text.partition("/")
    first, _, last = ports.partition("-")
    return [f"{port}/{protocol or 'tcp'}" for port in range(int(first), int(last or first) + 1)]


def _bindings(ports: Iterable[DesiredPort]) -> dict[str, list[Body]]:
    """An empty HostPort asks for any free port; a range asks for a free port within it."""
    bindings: dict[str, list[Body]] = {}
    for port in ports:
        binding = {"HostIp": port.host_ip, "HostPort": port.published}
        bindings.setdefault(f"{port.target}/{port.protocol}", []).append(binding)
    return bindings


def _bind(mount: DesiredMount) -> str:
    """A mount in the short form, which alone can ask for SELinux labels."""
    options = ["ro" if mount.read_only else "rw", mount.selinux, mount.propagation]
    return f"{mount.source}:{mount.target}:{','.join(filter(None, options))}"


_RECURSIVE: Mapping[str, Body] = {
    "": {},
    "enabled": {},
    "disabled": {"NonRecursive": True},
    "writable": {"ReadOnlyNonRecursive": True},
    "readonly": {"ReadOnlyForceRecursive": True},
}


def mount(mount: DesiredMount) -> Body:
    """A mount in the long form."""
    body: Body = {"Type": mount.type, "Target": mount.target, "ReadOnly": mount.read_only}
    body |= given(Source=mount.source or None)
    match mount.type:
        case "bind" if mount.propagation or mount.recursive:
            body["BindOptions"] = given(Propagation=mount.propagation or None) | _RECURSIVE[mount.recursive]
        case "image" if mount.subpath:
            body["ImageOptions"] = {"Subpath": mount.subpath}
        case "volume":
            body["VolumeOptions"] = {
                "NoCopy": mount.nocopy,
                "Labels": {**mount.own_labels, **({} if mount.source else mount.labels)},
            } | given(Subpath=mount.subpath or None)
        case "tmpfs":
            body["TmpfsOptions"] = given(SizeBytes=mount.tmpfs_size, Mode=mount.tmpfs_mode)
    return body


def given(**values: Any) -> Body:
    """The values that are not None."""
    return {name: value for name, value in values.items() if value is not None}

"""Turn what should be there on a Swarm into the JSON that the Docker API takes. Values in, values out.

A Swarm takes most keys of a container under another name (Docker Engine API, ServiceCreate). `TAKEN` tells which of the plain
keys of `spec/model/` it can take, by their lines in the request that creates a container.
"""

from __future__ import annotations

import base64
import functools
import json
import re
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from stackctl.engine.docker import bodies
from stackctl.engine.docker.bodies import Body, given, nanoseconds
from stackctl.planner.world.desired import DesiredMount, DesiredVolume
from stackctl.planner.world.inits import wants_init
from stackctl.planner.world.observed import ImageConfig
from stackctl.planner.world.swarm_desired import (
    Amounts,
    DesiredService,
    DesiredSwarmFile,
    Placing,
    Rollout,
    SwarmFileUse,
)
from stackctl.spec import plain_keys

_CREATE_MOUNTPOINT = (1, 42)
"""The first API version with which a Swarm makes the host path of a bind mount."""
_PRIVILEGES = (1, 44)
"""The first API version with which a Swarm takes no-new-privileges and the profiles of seccomp and AppArmor."""
_OOM_SCORE = (1, 46)


def _host(line: str) -> str:
    """`name:address` of a container → `address name` of a Swarm, as in /etc/hosts."""
    name, _, address = line.partition(":")
    return f"{address} {name}"


TAKEN: Mapping[str, tuple[str, Callable[[Any], Any]]] = MappingProxyType(
    {
        "Hostname": ("Hostname", str),
        "User": ("User", str),
        "WorkingDir": ("Dir", str),
        "StopSignal": ("StopSignal", str),
        "Tty": ("TTY", bool),
        "OpenStdin": ("OpenStdin", bool),
        "HostConfig.ReadonlyRootfs": ("ReadOnly", bool),
        "HostConfig.GroupAdd": ("Groups", list),
        "HostConfig.CapAdd": ("CapabilityAdd", list),
        "HostConfig.CapDrop": ("CapabilityDrop", list),
        "HostConfig.Sysctls": ("Sysctls", dict),
        "HostConfig.Ulimits": ("Ulimits", list),
        "HostConfig.OomScoreAdj": ("OomScoreAdj", int),
        "HostConfig.ExtraHosts": ("Hosts", lambda lines: [_host(line) for line in lines]),
        "HostConfig.Dns": ("DNSConfig.Nameservers", list),
        "HostConfig.DnsSearch": ("DNSConfig.Search", list),
        "HostConfig.DnsOptions": ("DNSConfig.Options", list),
        "HostConfig.Isolation": ("Isolation", str),
    }
)
"""By line of a container's request: the line in `ContainerSpec`, and what writes its value."""


def service(
    spec: DesiredService,
    *,
    api: tuple[int, int],
    image: ImageConfig,
    networks: Mapping[str, str],
    files: Mapping[str, str],
) -> Body:
    """The body of POST /services/create, and of an update, which takes the whole service.

    `networks` holds ids by name, `files` the ids of secrets and configs by name. What the spec does not say is said here, too:
    no default of an engine decides.
    """
    template = spec.template
    task: Body = {
        "ContainerSpec": _container(spec, api, image, files),
        "Resources": given(Limits=_amounts(spec.limits), Reservations=_amounts(spec.reservations)),
        "RestartPolicy": {
            "Condition": spec.restart.condition,
            "Delay": nanoseconds(spec.restart.delay),
            "MaxAttempts": spec.restart.max_attempts,
            "Window": nanoseconds(spec.restart.window),
        },
        "Placement": _placement(spec.placement),
        "ForceUpdate": spec.force,
        "Networks": [
            given(
                Target=networks[place.network],
                Aliases=list(place.aliases),
                DriverOpts={name: str(text) for name, text in place.use.driver_opts.items()} or None,
            )
            for place in template.networks
        ],
    }
    if template.network_mode == "host":
        task["Networks"] = [{"Target": "host"}]
    lines = dict(plain_keys.lines(template.settings))
    if driver := lines.get("HostConfig.LogConfig.Type"):
        options = lines.get("HostConfig.LogConfig.Config", {})
        task["LogDriver"] = {"Name": driver, "Options": options}
    body: Body = {
        "Name": spec.name,
        "Labels": dict(spec.labels),
        "TaskTemplate": task,
        "Mode": _mode(spec),
        "EndpointSpec": {
            "Mode": spec.endpoint_mode,
            "Ports": [
                given(
                    Protocol=port.protocol,
                    TargetPort=port.target,
                    PublishedPort=port.published,
                    PublishMode=port.mode,
                )
                for port in spec.ports
            ],
        },
    }
    if not spec.job:  # an engine refuses updates of jobs step by step
        body |= {"UpdateConfig": _rollout(spec.update), "RollbackConfig": _rollout(spec.rollback)}
    return body


def secret(file: DesiredSwarmFile) -> Body:
    """The body of POST /secrets/create. A secret with a driver has no content here."""
    driver = {"Name": file.driver, "Options": dict(file.driver_opts)} if file.driver else None
    return config(file) | given(Driver=driver) | ({"Data": ""} if driver else {})


def config(file: DesiredSwarmFile) -> Body:
    """The body of POST /configs/create."""
    return {
        "Name": file.name,
        "Labels": dict(file.labels),
        "Data": base64.b64encode(file.content.reveal().encode(errors="surrogateescape")).decode(),
    } | given(Templating={"Name": file.template_driver} if file.template_driver else None)


def _container(
    spec: DesiredService, api: tuple[int, int], image: ImageConfig, files: Mapping[str, str]
) -> Body:
    template = spec.template
    entrypoint = template.entrypoint
    if template.command == () and entrypoint is None:
        entrypoint = image.entrypoint  # without a Command, empty Args mean the image's command
    body: Body = {
        "Image": spec.image,
        "Labels": dict(spec.task_labels),
        "Env": sorted(bodies.environment(template.environment)),
        "StopGracePeriod": nanoseconds(template.grace),
        "Init": wants_init(template, image),
        "Mounts": _mounts(spec, api),
        "Secrets": [_use(use, files) for use in spec.files if use.section == "secrets"],
        "Configs": [_use(use, files) for use in spec.files if use.section == "configs"],
    } | given(
        Command=None if entrypoint is None else list(entrypoint),
        Args=None if template.command is None else list(template.command),
        Healthcheck=template.healthcheck and bodies.healthcheck(template.healthcheck, api),
    )
    lines = dict(plain_keys.lines(template.settings))
    if api < _OOM_SCORE:
        lines.pop("HostConfig.OomScoreAdj", None)
    for line, value in lines.items():
        if line in TAKEN:
            place, write = TAKEN[line]
            *parts, name = place.split(".")
            functools.reduce(lambda table, part: table.setdefault(part, {}), parts, body)[name] = write(value)
    if privileges := _privileges(lines.get("HostConfig.SecurityOpt", ()), api):
        body["Privileges"] = privileges
    return body


def _mounts(spec: DesiredService, api: tuple[int, int]) -> list[Body]:
    volumes = {volume.name: volume for volume in spec.volumes}
    found = [
        _mount(mount, volumes.get(mount.source) if mount.type == "volume" else None, api)
        for mount in spec.template.mounts
    ]
    size = dict(plain_keys.lines(spec.template.settings)).get("HostConfig.ShmSize")
    if size:  # a Swarm has no key for it
        found.append({"Type": "tmpfs", "Target": "/dev/shm", "TmpfsOptions": {"SizeBytes": size}})  # noqa: S108
    return found


def _mount(mount: DesiredMount, volume: DesiredVolume | None, api: tuple[int, int]) -> Body:
    """A volume is made by the node on which a task starts: the mount says with which driver and labels."""
    body = bodies.mount(mount)
    if volume and not volume.external:
        options = body["VolumeOptions"]
        options["Labels"] = {**volume.labels, **options["Labels"]}
        options["DriverConfig"] = {"Name": volume.driver, "Options": dict(volume.options)}
    if mount.type == "bind" and mount.create_host_path and api >= _CREATE_MOUNTPOINT:
        body.setdefault("BindOptions", {})["CreateMountpoint"] = True
    return body


def _use(use: SwarmFileUse, files: Mapping[str, str]) -> Body:
    kind = "Secret" if use.section == "secrets" else "Config"
    return {
        f"{kind}ID": files[use.name],
        f"{kind}Name": use.name,
        "File": {"Name": use.target, "UID": str(use.uid), "GID": str(use.gid), "Mode": use.mode},
    }


def _mode(spec: DesiredService) -> Body:
    match spec.mode:
        case "global":
            return {"Global": {}}
        case "global-job":
            return {"GlobalJob": {}}
        case "replicated-job":
            return {"ReplicatedJob": {"MaxConcurrent": spec.replicas, "TotalCompletions": spec.replicas}}
    return {"Replicated": {"Replicas": spec.replicas}}


def _rollout(rollout: Rollout) -> Body:
    return {
        "Parallelism": rollout.parallelism,
        "Delay": nanoseconds(rollout.delay),
        "FailureAction": rollout.failure_action,
        "Monitor": nanoseconds(rollout.monitor),
        "MaxFailureRatio": rollout.max_failure_ratio,
        "Order": rollout.order,
    }


def _placement(placing: Placing) -> Body:
    os, _, arch = placing.platform.partition("/")
    return {
        "Constraints": list(placing.constraints),
        "Preferences": [{"Spread": {"SpreadDescriptor": each}} for each in placing.spread],
        "MaxReplicas": placing.max_per_node,
        "Platforms": [{"OS": os, "Architecture": arch.partition("/")[0]}] if os else [],
    }


def _amounts(amounts: Amounts) -> Body | None:
    generic = [
        {"DiscreteResourceSpec": {"Kind": kind, "Value": number}} for kind, number in amounts.generic.items()
    ]
    return (
        given(
            NanoCPUs=amounts.nano_cpus or None,
            MemoryBytes=amounts.memory or None,
            Pids=amounts.pids or None,
            GenericResources=generic or None,
        )
        or None
    )


def _privileges(options: Iterable[str], api: tuple[int, int]) -> Body:
    """What `security_opt` says, as far as a Swarm can say it. An engine that does not know a part would not say so: it is left
    out, and the refusals of `deploy` name it.
    """
    found: Body = {}
    for option in options:
        name, value = (*re.split("[=:]", option, maxsplit=1), "")[:2]
        match name:
            case "label" if value == "disable":
                found.setdefault("SELinuxContext", {})["Disable"] = True
            case "label":
                part, _, said = value.partition(":")
                found.setdefault("SELinuxContext", {})[part.capitalize()] = said
            case "credentialspec":
                kind, _, said = value.partition("://")
                found["CredentialSpec"] = {kind.capitalize(): said}
            case "no-new-privileges" if api >= _PRIVILEGES:
                found["NoNewPrivileges"] = value != "false"
            case "seccomp" if api >= _PRIVILEGES:
                found["Seccomp"] = _seccomp(value)
            case "apparmor" if api >= _PRIVILEGES:
                found["AppArmor"] = {"Mode": "disabled" if value == "unconfined" else "default"}
    return found


def _seccomp(value: str) -> Body:
    """`unconfined`, or a profile in JSON."""
    if value == "unconfined":
        return {"Mode": "unconfined"}
    return {"Mode": "custom", "Profile": base64.b64encode(json.dumps(json.loads(value)).encode()).decode()}

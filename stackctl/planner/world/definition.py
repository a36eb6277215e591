"""The definition of a container, network or volume: the fields that its digest covers. If one changes, the object is another one.

Fields have the names of the file. A field with its default value is left out: so a new field of a later version changes no digest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import structs

from stackctl.planner.world.desired import (
    USUAL_GRACE,
    USUAL_NETWORK_DRIVER,
    USUAL_PROTOCOL,
    USUAL_VOLUME_DRIVER,
    DesiredContainer,
    DesiredNetwork,
    DesiredPort,
    DesiredVolume,
)
from stackctl.planner.world.digests import content_digest, hidden
from stackctl.spec import plain_keys
from stackctl.spec.model import Hook, InitHook
from stackctl.spec.structure import told

_ZERO_TELLS = ("interval", "timeout", "retries", "start_period", "start_interval")
"""Settings of a healthcheck for which 0 is not the same as no setting."""


def container_definition(container: DesiredContainer, inputs: str = "", instance: str = "") -> dict[str, Any]:
    """The definition of a container, with digests in the place of secrets; `inputs` is the digest of a job's input files. `instance`,
    that of the project, is the salt for secrets.

    It has no fields that only stackctl reads: dependencies, tcp, http and log checks. Nor does it have the container's name: a
    container with another name is renamed, not recreated.
    """
    service = container.settings
    plain: dict[str, Any] = {
        "image": container.image,
        "command": container.command,
        "entrypoint": container.entrypoint,
        "container_name": service.container_name,
        "network_mode": str(service.network_mode or ""),
        "ports": [_port_definition(port) for port in container.ports],
        "inputs": inputs,
        "pre_start": [_hook_definition(hook) for hook in service.pre_start],
        "post_start": [_hook_definition(hook) for hook in service.post_start],
    }
    if container.restart != "no":
        plain["restart"] = [container.restart, container.restart_times]
    if container.grace != USUAL_GRACE:
        plain["stop_grace_period"] = container.grace
    if container.healthcheck:
        plain["healthcheck"] = _telling(structs.asdict(container.healthcheck), keep=_ZERO_TELLS)
    definition = dict(plain_keys.definition(service))
    definition |= _telling(plain, keep=("command", "entrypoint", "stop_grace_period"))
    definition |= {f"environment.{name}": value for name, value in container.environment.items()}
    definition |= {f"labels.{name}": str(value) for name, value in service.labels.items()}
    for key, attachment in zip(service.joined or ("default",), container.networks, strict=False):
        use = service.networks.get(key)
        aliases = sorted(use.aliases) if use else []
        more = [[name, plain_keys.bare(value)] for name, value in told(attachment.use).items()]
        definition[f"networks.{key}"] = [attachment.network, *aliases, *([more] if more else [])]
    for mount in container.mounts:
        settings = structs.asdict(mount)
        del settings["labels"], settings["create_host_path"], settings["contents"]
        definition[f"volumes.{mount.target}"] = _telling(settings)
    for file in container.files:
        content = content_digest(file.content, instance)
        uses = definition.setdefault(f"{file.section}.{file.key}", [])
        uses.append([file.target, file.uid, file.gid, file.mode, content])
    return hidden(definition, instance)


def _port_definition(port: DesiredPort) -> dict[str, Any]:
    protocol = "" if port.protocol == USUAL_PROTOCOL else port.protocol
    return _telling(
        {"target": port.target, "protocol": protocol, "host_ip": port.host_ip, "published": port.published}
    )


def _hook_definition(hook: Hook | InitHook) -> dict[str, Any]:
    """`pre_stop` is not part of the definition: it is taken from the file when the container is stopped."""
    return _telling(
        {
            "image": hook.image if isinstance(hook, InitHook) else None,
            "command": list(hook.command.argv) if hook.command else None,
            "user": hook.user,
            "privileged": hook.privileged,
            "working_dir": hook.working_dir,
            "environment": {name: value.text for name, value in hook.environment.items()},
        }
    )


def network_definition(network: DesiredNetwork, labels: Mapping[str, str]) -> dict[str, Any]:
    """The definition of a network; `labels` are its own, without stackctl's."""
    settings = {
        "internal": network.internal,
        "attachable": network.attachable,
        "options": dict(network.options),
        "ipam": plain_keys.bare(network.ipam),
        "enable_ipv6": network.enable_ipv6,
    }
    if network.enable_ipv4 is False:
        settings["enable_ipv4"] = "no"
    driver = "" if network.driver == USUAL_NETWORK_DRIVER else network.driver
    return _telling({**settings, "driver": driver, "labels": dict(labels)})


def volume_definition(volume: DesiredVolume, labels: Mapping[str, str]) -> dict[str, Any]:
    """The definition of a volume; `labels` are its own, without stackctl's."""
    driver = "" if volume.driver == USUAL_VOLUME_DRIVER else volume.driver
    return _telling({"driver": driver, "options": dict(volume.options), "labels": dict(labels)})


def _telling(values: Mapping[str, Any], keep: Iterable[str] = ()) -> dict[str, Any]:
    """Drop empty values. For the names in `keep`, drop only None: an empty command is not the same as no command."""
    return {k: v for k, v in values.items() if (v is not None if k in keep else v)}

"""What the engine says was made, without what is different at each making: to compare two ways of making the same."""

from __future__ import annotations

import re
import shlex
from typing import Any

from scenario import Project

from stackctl.spec.values import ByteSize

Made = dict[str, Any]

_OURS = ("stackctl.", "com.docker.compose.")


def made(project: Project) -> Made:
    """Every container, network and volume of the project, by kind and name."""
    api, there = project.api, project.resources()
    found: Made = {}
    for name in there["containers"]:
        found[f"container {name}"] = container(api.inspect_container(name), project)
    for name in there["networks"]:
        inspected = api.inspect_network(name)
        kept = ("Name", "Driver", "Options", "Internal", "Attachable", "EnableIPv6", "Scope")
        # The engine finds a subnet where none is asked for; a range or an address that is kept free is asked for.
        asked = [pool for pool in inspected["IPAM"]["Config"] or () if pool.keys() - {"Subnet", "Gateway"}]
        found[f"network {name}"] = without_empty(
            {**{key: inspected[key] for key in kept}, "Labels": _own(inspected["Labels"]), "Pools": asked}
        )
    for name in there["volumes"]:
        inspected = api.inspect_volume(name)
        if not re.fullmatch("[0-9a-f]{64}", name):
            found[f"volume {name}"] = without_empty(
                {
                    "Driver": inspected["Driver"],
                    "Options": inspected["Options"],
                    "Labels": _own(inspected["Labels"]),
                }
            )
    return found


def container(inspected: Made, project: Project) -> Made:
    """A container as it was asked for.

    Left out: names and addresses that the engine makes up; labels of stackctl; the streams that the CLI attaches to. Written in
    one way: variables and hosts in the order of their names; a network by its name,
    not its id; capabilities without `CAP_`; mounts in the long form, in the order of their targets; the words that run, not how they are divided into entrypoint and command; a
    test as the line that a shell gets.
    """
    config, host = dict(inspected["Config"]), dict(inspected["HostConfig"])
    # The engine makes the host name an alias when the container starts.
    own_names = {inspected["Id"][:12], inspected["Name"].lstrip("/"), config["Hostname"]}
    for key in ("AttachStdin", "AttachStdout", "AttachStderr", "StdinOnce", "Entrypoint", "Cmd"):
        config.pop(key, None)
    config["Env"] = sorted(config["Env"])
    if re.fullmatch("[0-9a-f]{12}", config["Hostname"]):
        del config["Hostname"]
    config["Labels"] = _own(config["Labels"])
    grace = config.get("StopTimeout")
    config["StopTimeout"] = f"{10 if grace is None else grace} s"
    check = config.get("Healthcheck") or {}
    if check.get("Test", [""])[0] == "CMD":
        config["Healthcheck"] = {**check, "Test": ["CMD-SHELL", shlex.join(check["Test"][1:])]}
    host.pop("ConsoleSize")
    if host["RestartPolicy"]["Name"] == "no":
        del host["RestartPolicy"]  # some clients say it, some say nothing
    mode = host["NetworkMode"]
    if re.fullmatch("[0-9a-f]{64}", mode):
        host["NetworkMode"] = project.api.inspect_network(mode)["Name"]
    for kind in ("NetworkMode", "IpcMode", "PidMode"):
        if shared := re.fullmatch("container:([0-9a-f]{64})", host[kind]):
            host[kind] = f"container:{project.api.inspect_container(shared[1])['Name'].lstrip('/')}"
    if taken := host["VolumesFrom"]:
        host["VolumesFrom"] = [_with_name(container, project) for container in taken]
    for kind in ("CapAdd", "CapDrop"):
        host[kind] = [name.removeprefix("CAP_") for name in host[kind] or ()]
    host["ExtraHosts"] = sorted(host["ExtraHosts"] or ())
    host["Ulimits"] = sorted(host["Ulimits"] or (), key=lambda limit: str(limit["Name"]))
    asked = [*(host.pop("Mounts", None) or ()), *map(_bind, host.pop("Binds", None) or ())]
    asked += [_tmpfs(target, options) for target, options in (host.pop("Tmpfs", None) or {}).items()]
    # An anonymous volume is seen in the mounts of the container itself.
    host["Mounts"] = [m for m in asked if m["Type"] != "volume" or m.get("Source")]
    host["Mounts"].sort(key=lambda mount: mount["Target"])
    for mount in host["Mounts"]:
        mount.get("VolumeOptions", {}).pop("Labels", None)
        # Compose lets newer engines make missing directories; stackctl has made them.
        mount.get("BindOptions", {}).pop("CreateMountpoint", None)
    mounts = [
        {
            key: value
            for key, value in mount.items()
            if key != "Mode" and not (anonymous(mount) and key in ("Name", "Source"))
        }
        for mount in inspected["Mounts"]
        if mount["Type"] != "tmpfs"  # some are listed, some are not: all stand in the request
    ]
    networks = {
        name: {key: place[key] for key in ("IPAMConfig", "DriverOpts")}
        | {"Aliases": sorted(set(place["Aliases"] or ()) - own_names), "Joined": True}
        for name, place in inspected["NetworkSettings"]["Networks"].items()
    }
    found: Made = without_empty(
        {
            "Run": [inspected["Path"], *inspected["Args"]],
            "Config": config,
            "HostConfig": host,
            "Mounts": sorted(mounts, key=lambda mount: mount["Destination"]),
            "Networks": networks,
        }
    )
    return found


def _bind(text: str) -> Made:
    """A mount in the short form, as it is in the long form; the label of SELinux has no long form."""
    source, target, options = text.split(":")
    label = {"z", "Z"}.intersection(options.split(","))
    return {
        "Type": "bind" if source.startswith("/") else "volume",
        "Source": source,
        "Target": target,
        "ReadOnly": "ro" in options.split(","),
        "SELinux": "".join(label),
    }


def _with_name(text: str, project: Project) -> str:
    """`ID:ro` as `web-1:ro`."""
    container, *mode = text.split(":")
    name = project.api.inspect_container(container)["Name"].removeprefix(f"/{project.name}-")
    return ":".join([name, *mode])


def _tmpfs(target: str, options: str) -> Made:
    """A tmpfs in the short form, as it is in the long form; most options have no long form."""
    told = dict(option.partition("=")[::2] for option in options.split(",") if option)
    if size := told.pop("size", ""):
        told["SizeBytes"] = str(ByteSize.parse(int(size) if size.isdigit() else size).bytes)
    return {"Type": "tmpfs", "Target": target, "Options": told}


def anonymous(mount: Made) -> bool:
    return bool(re.fullmatch("[0-9a-f]{64}", mount.get("Name") or ""))


def without_empty(value: Any) -> Any:
    """The value without what is the same as nothing: null, "", 0, false and what is empty."""
    if isinstance(value, dict):
        kept = {key: without_empty(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item not in (None, "", 0, False, [], {})}
    return [without_empty(item) for item in value] if isinstance(value, list) else value


def _own(labels: dict[str, str] | None) -> dict[str, str]:
    return {name: text for name, text in (labels or {}).items() if not name.startswith(_OURS)}


def must_be_equal(there: Made, meant: Made) -> None:
    """Fail at the first part that differs: the whole is long."""
    assert there.keys() == meant.keys()
    for name, facts in meant.items():
        for part, value in facts.items():
            assert there[name].get(part) == value, (name, part)
    assert there == meant

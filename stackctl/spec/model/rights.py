"""What a container may do to the machine, and what it sees of it."""

import re
from collections.abc import Mapping
from typing import Literal

from stackctl.spec.model.devices import (
    Device,
    DeviceRequest,
    DeviceRule,
    devices_sent,
    gpus_sent,
)
from stackctl.spec.model.keys import Check, key, pair
from stackctl.spec.model.limits import Limits
from stackctl.spec.structure import Annotated
from stackctl.spec.text.parts import Text
from stackctl.spec.values import IpcMode, PidMode


class Rights(Limits, frozen=True, kw_only=True):
    """The keys of a service about rights, devices, namespaces and the kernel, and its limits."""

    security_opt: Annotated[
        tuple[str, ...],
        key(
            "no-new-privileges, seccomp=unconfined, label=…, apparmor=….",
            body="HostConfig.SecurityOpt",
            flag="security-opt",
        ),
    ] = ()
    devices: Annotated[
        tuple[Device, ...],
        key(
            "Devices of the machine in the container.",
            body="HostConfig.Devices",
            flag="device",
            sent=devices_sent,
        ),
    ] = ()
    device_cgroup_rules: Annotated[
        tuple[DeviceRule, ...],
        key(
            "Devices that it may use or make.",
            body="HostConfig.DeviceCgroupRules",
            flag="device-cgroup-rule",
        ),
    ] = ()
    gpus: Annotated[
        tuple[DeviceRequest, ...],
        key(
            'GPUs: "all", or which.',
            one=True,
            body="HostConfig.DeviceRequests",
            flag="gpus",
            sent=gpus_sent,
            imported=DeviceRequest.from_flag,
        ),
    ] = ()
    sysctls: Annotated[
        Mapping[str, Text],
        key(
            "Settings of the kernel for it.",
            listed=pair(),
            body="HostConfig.Sysctls",
            flag="sysctl",
            sent=dict,
        ),
    ] = {}
    group_add: Annotated[
        tuple[Text, ...],
        key("Further groups of its user, names or numbers.", body="HostConfig.GroupAdd", flag="group-add"),
    ] = ()
    ipc: Annotated[
        IpcMode | None,
        key(
            "Whose shared memory it sees: none, private, shareable, host, service:NAME or container:NAME.",
            digest=True,
            flag="ipc",
        ),
    ] = None
    pid: Annotated[
        PidMode | None,
        key("Whose processes it sees: host, service:NAME or container:NAME.", digest=True, flag="pid"),
    ] = None
    uts: Annotated[
        Literal["host"] | None,
        key("host: the machine's own host name.", body="HostConfig.UTSMode", flag="uts"),
    ] = None
    userns_mode: Annotated[
        str | None, key("host: the machine's own users.", body="HostConfig.UsernsMode", flag="userns")
    ] = None
    cgroup: Annotated[
        Literal["host", "private"] | None,
        key("Whose cgroups it sees.", body="HostConfig.CgroupnsMode", flag="cgroupns"),
    ] = None
    cgroup_parent: Annotated[
        str | None, key("The cgroup above its own.", body="HostConfig.CgroupParent", flag="cgroup-parent")
    ] = None
    isolation: Annotated[
        str | None, key("The kind of isolation (Windows).", body="HostConfig.Isolation", flag="isolation")
    ] = None
    runtime: Annotated[
        str | None, key("The program that runs it (runc).", body="HostConfig.Runtime", flag="runtime")
    ] = None
    storage_opt: Annotated[
        Mapping[str, Text],
        key(
            "Options of its root file system: size.",
            listed=pair(),
            body="HostConfig.StorageOpt",
            flag="storage-opt",
            sent=dict,
        ),
    ] = {}
    annotations: Annotated[
        Mapping[str, Text],
        key(
            "Annotations for the runtime (engine 24 and later).",
            listed=pair(),
            body="HostConfig.Annotations",
            flag="annotation",
            sent=dict,
            since=(1, 43),
        ),
    ] = {}

    def wrong_rights(self) -> Check:
        """The mistakes in these keys."""
        for index, option in enumerate(self.security_opt):
            name, separator, value = re.match(r"([^=:]*)([=:]?)(.*)", option, re.DOTALL).groups()  # type: ignore[union-attr]
            if name != "no-new-privileges" and not separator:
                yield ("security_opt", index), f"expected NAME=VALUE, found {option!r}", ""
            elif name == "seccomp" and value not in ("unconfined", "builtin"):
                yield (
                    ("security_opt", index),
                    f"a profile of seccomp from a file, {value!r}, is not supported",
                    "write seccomp=unconfined, or leave it out for the engine's own profile",
                )

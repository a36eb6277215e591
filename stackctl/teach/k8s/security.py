"""What the processes of a Pod may do, and how much they may use."""

from __future__ import annotations

import re
from collections.abc import Iterator

from stackctl.planner.world.desired import DesiredContainer
from stackctl.spec.model import Deploy
from stackctl.spec.values import Cpus
from stackctl.teach.compose.texts import Keys, without_none
from stackctl.teach.k8s.context import Exporting
from stackctl.teach.k8s.quantities import memory, processors

_SAFE_SYSCTLS = frozenset(
    """
    kernel.shm_rmid_forced net.ipv4.ip_local_port_range net.ipv4.ip_local_reserved_ports net.ipv4.ip_unprivileged_port_start
    net.ipv4.ping_group_range net.ipv4.tcp_fin_timeout net.ipv4.tcp_keepalive_intvl net.ipv4.tcp_keepalive_probes
    net.ipv4.tcp_keepalive_time net.ipv4.tcp_rmem net.ipv4.tcp_syncookies net.ipv4.tcp_wmem
    """.split()
)
"""Settings of the kernel that every node allows (kubernetes.io, "Using sysctls in a Kubernetes Cluster")."""
_PERIOD = 100_000
"""Microseconds: the usual cpu_period."""


def pod_security(export: Exporting, spec: DesiredContainer, *, claims: bool) -> Keys:
    """The security context of the Pod. `claims`: whether it writes to volumes that belong to root at first."""
    settings = spec.settings
    groups = [*_numbers(export, spec)]
    unsafe = [name for name in settings.sysctls if name not in _SAFE_SYSCTLS]
    if unsafe:
        export.say(
            spec,
            ("sysctls",),
            f"a node refuses {', '.join(unsafe)}, unless its kubelet allows it",
            "ask for --allowed-unsafe-sysctls, or leave it out",
        )
    user, group = _user(spec)
    return without_none(
        {
            "fsGroup": (group if group is not None else user) if claims and user else None,
            "supplementalGroups": groups or None,
            "seccompProfile": None if settings.privileged else {"type": "RuntimeDefault"},
            "sysctls": [{"name": name, "value": str(value)} for name, value in settings.sysctls.items()]
            or None,
        }
    )


def container_security(export: Exporting, spec: DesiredContainer) -> Keys:
    """The security context of the container."""
    settings = spec.settings
    user, group = _user(spec)
    if settings.user and user is None:
        export.say(
            spec,
            ("user",),
            f"Kubernetes takes numbers of users alone, not {settings.user}: the image's own user runs it",
            "write the number: id -u tells it in the container",
        )
    capabilities = {
        "add": [_capability(each) for each in settings.cap_add] or None,
        "drop": [_capability(each) for each in settings.cap_drop] or None,
    }
    keys: Keys = {
        "privileged": settings.privileged or None,
        "runAsUser": user,
        "runAsGroup": group,
        "readOnlyRootFilesystem": settings.read_only or None,
        "capabilities": without_none(capabilities) or None,
    }
    return without_none(keys | _options(export, spec))


def resources(export: Exporting, spec: DesiredContainer) -> Keys:
    """Limits and requests."""
    settings, deploy = spec.settings, spec.settings.deploy or Deploy()
    quota = settings.cpu_quota
    shared = None
    if quota and quota.count > 0:
        shared = Cpus(
            round(quota.count / (settings.cpu_period.count if settings.cpu_period else _PERIOD) * 1e9)
        )
    cpus = settings.cpus or deploy.limits.cpus or shared
    most, least = (
        settings.mem_limit or deploy.limits.memory,
        settings.mem_reservation or deploy.reservations.memory,
    )
    reserved = deploy.reservations.cpus
    limits = {
        "cpu": processors(cpus) if cpus and cpus.nano else None,
        "memory": memory(most) if most and most.bytes else None,
        **dict(_gpus(export, spec)),
    }
    requests = {
        "cpu": processors(reserved) if reserved and reserved.nano else None,
        "memory": memory(least) if least and least.bytes else None,
    }
    return without_none({"requests": without_none(requests) or None, "limits": without_none(limits) or None})


def _user(spec: DesiredContainer) -> tuple[int | None, int | None]:
    """The numbers of user and group; None for what the file does not say in numbers."""
    match = re.fullmatch(r"(\d{1,9})(?::(\d{1,9}))?", spec.settings.user or "")
    return (int(match[1]), int(match[2]) if match[2] else None) if match else (None, None)


def _numbers(export: Exporting, spec: DesiredContainer) -> Iterator[int]:
    for index, group in enumerate(spec.settings.group_add):
        if re.fullmatch(r"\d{1,9}", group):
            yield int(group)
        else:
            export.say(
                spec,
                ("group_add", index),
                f"Kubernetes takes numbers of groups alone, not {group}",
                "write the number",
            )


def _capability(name: str) -> str:
    return name.upper().removeprefix("CAP_")


def _options(export: Exporting, spec: DesiredContainer) -> Keys:
    """What `security_opt` says."""
    keys: Keys = {}
    selinux: dict[str, str] = {}
    for index, option in enumerate(spec.settings.security_opt):
        name, _, value = option.replace("=", ":", 1).partition(":")
        if name == "no-new-privileges":
            if value in ("", "true") and not _escalates(spec):
                keys["allowPrivilegeEscalation"] = False
                continue
            if value == "false":
                continue
        elif name == "seccomp":
            keys["seccompProfile"] = {"type": "Unconfined" if value == "unconfined" else "RuntimeDefault"}
            continue
        elif name == "apparmor":
            keys["appArmorProfile"] = (
                {"type": "Unconfined"}
                if value == "unconfined"
                else {"type": "RuntimeDefault"}
                if value in ("docker-default", "runtime/default")
                else {"type": "Localhost", "localhostProfile": value}
            )
            continue
        elif name == "label" and (part := re.fullmatch(r"(user|role|type|level):(.+)", value)):
            selinux[part[1]] = part[2]
            continue
        export.say(
            spec, ("security_opt", index), f"a security context has nothing for {option}", "leave it out"
        )
    return keys | ({"seLinuxOptions": selinux} if selinux else {})


def _escalates(spec: DesiredContainer) -> bool:
    """Whether Kubernetes refuses to forbid new privileges."""
    return spec.settings.privileged or "SYS_ADMIN" in map(_capability, spec.settings.cap_add)


def _gpus(export: Exporting, spec: DesiredContainer) -> Iterator[tuple[str, str]]:
    """GPUs by the resource of the usual device plugin."""
    deploy = spec.settings.deploy or Deploy()
    for key, requests in (
        (("gpus",), spec.settings.gpus),
        (("deploy", "resources", "reservations", "devices"), deploy.reservations.devices),
    ):
        for index, request in enumerate(requests):
            if request.driver not in (None, "", "nvidia"):
                export.say(
                    spec,
                    (*key, index, "driver"),
                    f"only the resource of the nvidia plugin is known, not that of {request.driver}",
                    "write the resource of its device plugin into resources.limits",
                )
                continue
            number = request.count.number if request.count else len(request.device_ids) or -1
            yield "nvidia.com/gpu", str(max(number, 1))
            if number == -1:
                export.say(
                    spec,
                    (*key, index, "count"),
                    "a Pod gets a number of GPUs, not all of them: it asks for one",
                    "write how many",
                )
            if other := sorted({*request.capabilities} - {"gpu"}):
                export.say(
                    spec,
                    (*key, index, "capabilities"),
                    f"the device plugin does not choose GPUs by {', '.join(other)}",
                    "set NVIDIA_DRIVER_CAPABILITIES in environment",
                )

"""Rules about what a container may do to the machine that its engine runs on."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from stackctl.errors import Problem, Severity
from stackctl.spec.lint.members import Member
from stackctl.spec.lint.subject import Subject
from stackctl.spec.model import Mount, Stack
from stackctl.spec.source.loading import join

_SOCKETS = r"/run/(?:user/\d+/)?(?:docker|containerd/containerd|podman/podman|crio/crio)\.sock"
_DIRECTORIES_OF_SOCKETS = frozenset({"/run", "/run/podman", "/run/containerd", "/run/crio"})
_SYSTEM = frozenset(
    {"/boot", "/dev", "/etc", "/lib", "/proc", "/root", "/sys", "/usr", "/var", "/var/lib", "/var/lib/docker"}
)
"""Who may write there may become root."""
_CAPABILITIES: Mapping[str, str] = {
    "ALL": "do everything",
    "BPF": "load programs into the kernel",
    "DAC_READ_SEARCH": "open every file of the machine by its number",
    "SYS_ADMIN": "mount what it likes, and much else",
    "SYS_MODULE": "load modules into the kernel",
    "SYS_RAWIO": "write into the memory of the machine",
}
_DEVICES = r"/dev|/dev/(?:k?mem|port|(?:sd|vd|xvd|hd|nvme|mmcblk|dm-|loop|md)\w*|mapper/.*|disk/.*)"
"""The memory and the disks."""
_ROOT = "to this machine what root may"


def open_hosts(subject: Subject) -> Iterator[Problem]:
    """A container may do to the machine what root may: it is privileged, has the socket of an engine, may change the files of the
    system, read its disks or memory, or has a capability that is as good.

    An attacker who takes over the program has the whole machine. What alone does not give that, such as the network of the host, or
    filters of the kernel that are off, is only a remark.

    Fix: with `cap_add`, give only the rights that the program needs; mount only the directory that it needs. If a proxy
    needs the socket, put a filter in front of the socket. `:ro` does not help: a program can still write to the socket.

    Evidence: Docker's page on security, "Docker daemon attack surface"; capabilities(7); 6 to 8 such sockets in public compose files.
    """
    for member in subject.members:
        yield from _privileged(member)
        for index, mount in enumerate(member.service.volumes):
            if (source := _source(subject.stack, mount)) and (
                told := mounted(source, read_only=mount.read_only)
            ):
                yield _problem(member, ("volumes", index), *told)
        yield from _capabilities(member)
        yield from _devices(member)
        yield from _namespaces(member)


def mounted(path: str, *, read_only: bool) -> tuple[str, str, Severity] | None:
    """What a container may do that has this absolute path of the machine: words, what to do, and how bad it is; None if it is
    nothing special.
    """
    path = re.sub(r"^/var/run(?=/|$)", "/run", path)
    if re.fullmatch(_SOCKETS, path):
        hint = "put a filter in front of the socket, if the program must have it"
        return f"has the socket of an engine: with it, it may do {_ROOT}", hint, "warning"
    if path in _DIRECTORIES_OF_SOCKETS:
        hint = "mount only what it needs there"
        return f"has {path}, and the sockets of engines in it: with one, it may do {_ROOT}", hint, "warning"
    hint = "mount the directory that it needs" + ("" if read_only else ", or add :ro")
    if path == "/" and read_only:
        return "may read every file of this machine, passwords and keys too", hint, "info"
    if path == "/":
        return "may change every file of this machine", hint, "warning"
    if path in _SYSTEM and not read_only:
        return (
            f"may change everything below {path} of this machine, and so become root there",
            hint,
            "warning",
        )
    return None


def _source(stack: Stack, mount: Mount) -> str:
    """The absolute path of the machine that is mounted; "" if none is. Symbolic links are not followed."""
    path = mount.source or ""
    if mount.type == "volume":  # a volume of the local driver may be any path
        volume = stack.volumes.get(path)
        options = volume.driver_opts if volume else {}
        path = str(options.get("device", "")) if re.search(r"\br?bind\b", str(options.get("o", ""))) else ""
    elif mount.type != "bind":
        path = ""
    return path and re.sub("^/+", "/", str(join(stack.directory, Path(path))))


def _problem(
    member: Member, where: tuple[str | int, ...], what: str, hint: str, severity: Severity = "warning"
) -> Problem:
    return Problem((*member.path, *where), f"{member.name} {what}", hint, severity=severity)


def _privileged(member: Member) -> Iterator[Problem]:
    service, hint = member.service, "give single rights with cap_add"
    if service.privileged:
        yield _problem(member, ("privileged",), f"is privileged: it may do {_ROOT}", hint)
    hooks = {
        "pre_start": [hook.privileged for hook in service.pre_start],
        "post_start": [hook.privileged for hook in service.post_start],
        "pre_stop": [hook.privileged for hook in service.pre_stop],
    }
    for key, found in hooks.items():
        for index, is_privileged in enumerate(found):
            if is_privileged:
                what = f"has a hook that is privileged: it may do {_ROOT}"
                yield _problem(member, (key, index, "privileged"), what, "run it without")
    if service.build and service.build.privileged:
        yield _problem(
            member,
            ("build", "privileged"),
            f"is built with all rights: RUN may do {_ROOT}",
            "build it without",
        )


def _capabilities(member: Member) -> Iterator[Problem]:
    for index, name in enumerate(member.service.cap_add):
        if what := _CAPABILITIES.get(name.upper().removeprefix("CAP_")):
            yield _problem(
                member,
                ("cap_add", index),
                f"may {what}: with {name} it may do {_ROOT}",
                "leave it out, or give a lesser one",
            )


def _devices(member: Member) -> Iterator[Problem]:
    hint = "give only the device that it needs"
    for index, device in enumerate(member.service.devices):
        if re.fullmatch(_DEVICES, re.sub("/+", "/", device.source).rstrip("/")):
            yield _problem(
                member, ("devices", index), f"has {device.source} of this machine: all data are there", hint
            )
    for index, rule in enumerate(member.service.device_cgroup_rules):
        if rule.startswith(("a ", "b *:")):
            yield _problem(member, ("device_cgroup_rules", index), "may use every disk of this machine", hint)


def _namespaces(member: Member) -> Iterator[Problem]:
    """What a container shares with the machine: a remark each."""
    service = member.service
    shared = {
        "network_mode": (
            service.network_mode,
            "the network of this machine: it sees and takes every port",
            "publish the ports that are needed",
        ),
        "pid": (
            service.pid,
            "the processes of this machine: it sees their variables, and as root it may end them",
            "leave it out",
        ),
        "ipc": (service.ipc, "the shared memory of this machine", "leave it out"),
    }
    for key, (mode, what, hint) in shared.items():
        if mode and mode.mode == "host":
            yield _problem(member, (key,), f"shares {what}", hint, "info")
    if service.userns_mode == "host":
        yield _problem(
            member,
            ("userns_mode",),
            "has the users of this machine: its root is root here",
            "leave it out",
            "info",
        )
    for index, option in enumerate(service.security_opt):
        if re.fullmatch(r"(seccomp|apparmor|systempaths)[=:]unconfined|label[=:]disable", option):
            name = re.split("[=:]", option)[0]
            yield _problem(
                member,
                ("security_opt", index),
                f"runs without the protection of {name}",
                "leave it out",
                "info",
            )

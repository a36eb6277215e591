"""What the kernel of this machine says of the process of a container: proc(5), namespaces(7), cgroups(7)."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from stackctl.planner.reach.listening import TABLES, Listener, listeners
from stackctl.planner.world.inspected import Limit, Namespace, Process

_PROC = Path("/proc")
_CGROUPS = Path("/sys/fs/cgroup")
_LIMITS = {
    "memory": ("memory.limit_in_bytes",),
    "cpu": ("cpu.cfs_quota_us",),
    "pids": ("pids.max",),
    "": ("memory.max", "cpu.max", "pids.max"),
}
"""The files that hold limits, by controller; "" are those of cgroup v2."""
_INITS = (b"/sbin/docker-init", b"/dev/init")
"""Where an engine puts its init in a container. It puts none into a process namespace that is another container's."""
_KINDS = ("mnt", "pid", "net", "uts", "ipc", "user", "cgroup", "time")


def process(pid: int, container: str) -> Process | None:
    """The process of a container, by its number and the container's id; None if this machine does not show that process.

    The cgroup of the process must carry the id: a number alone may be that of another process, if the engine runs on another
    machine, in a virtual machine or in another process namespace.
    """
    here = _PROC / str(pid)
    try:
        cgroups = _cgroups((here / "cgroup").read_text())
        if not any(container in path for path in cgroups.values()):
            return None
        status = dict(line.split(":", 1) for line in (here / "status").read_text().splitlines())
        arguments = (here / "cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return None
    return Process(
        pid=pid,
        inner_pid=int(status.get("NSpid", str(pid)).split()[-1]),
        arguments=tuple(arguments[:-1]),
        uid=int(status["Uid"].split()[0]),
        gid=int(status["Gid"].split()[0]),
        namespaces=tuple(_namespaces(here)),
        cgroups=cgroups,
        limits=tuple(_limits(cgroups)),
    )


def is_only_init(pid: int, container: str) -> bool:
    """Whether the process of a container is the engine's init, and has no child yet that is another program. False if this machine does
    not show the process.
    """
    here = _PROC / str(pid)
    try:
        if (here / "cmdline").read_bytes().split(b"\0")[0] not in _INITS:
            return False
        children = (here / "task" / str(pid) / "children").read_text().split()
        names = {(process / "comm").read_text() for process in (here, *(_PROC / child for child in children))}
        return container in (here / "cgroup").read_text() and len(names) == 1
    except OSError:
        return False


def _cgroups(text: str) -> Mapping[str, str]:
    """`4:memory:/docker/ID` → the path by controller. With cgroup v1, the hierarchies that hold no controller are left out."""
    lines = [line.split(":", 2) for line in text.splitlines()]
    found = {controller: path for _, controllers, path in lines for controller in controllers.split(",")}
    named = {name: path for name, path in found.items() if name and not name.startswith("name=")}
    return named or found


def _namespaces(here: Path) -> Iterator[Namespace]:
    with suppress(OSError):
        for kind in _KINDS:
            theirs = here / "ns" / kind
            if not theirs.is_symlink():  # an older kernel has fewer kinds
                continue
            id_ = os.readlink(theirs)  # noqa: PTH115 "pid:[1]" is no path
            mine = os.readlink(_PROC / "self/ns" / kind)  # noqa: PTH115
            yield Namespace(kind, id_, id_ != mine)


def _limits(cgroups: Mapping[str, str]) -> Iterator[Limit]:
    for controller, path in cgroups.items():
        for name in _LIMITS.get(controller, ()):
            file = _CGROUPS / controller / path.removeprefix("/") / name
            with suppress(OSError):
                yield Limit(str(file), file.read_text().strip())


def listening(pid: int, container: str) -> tuple[Listener, ...] | None:
    """What listens in the network namespace of a container's process; None if this machine does not show that process."""
    here = _PROC / str(pid)
    try:
        return _listening(here) if container in (here / "cgroup").read_text() else None
    except OSError:
        return None


def listening_on_this_machine() -> tuple[Listener, ...] | None:
    """What listens in the network namespace of this process; None where there is no /proc."""
    try:
        return _listening(_PROC / "self")
    except OSError:
        return None


def _listening(process: Path) -> tuple[Listener, ...]:
    tables = [process / "net" / name for name in TABLES]
    return listeners("\n".join(table.read_text() for table in tables if table.exists()))

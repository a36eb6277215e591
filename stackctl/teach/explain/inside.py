"""A container is a process: what the kernel and the engine say of it, each fact beside the command that shows the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from msgspec import Struct

from stackctl.planner.world.inspected import Inspected, InspectedMount, InspectedNetwork, Process
from stackctl.planner.world.observed import ObservedEngine
from stackctl.show.text.amounts import quoted, size
from stackctl.show.text.safe import one_line, shortened
from stackctl.show.text.style import PLAIN, Style
from stackctl.spec.output.redact import redacted
from stackctl.teach.explain.blocks import Block, blocks_text, wrapped

VERSION = 1

_SEES = {
    "mnt": "files: its image and its mounts",
    "pid": "processes: those that it started",
    "net": "network interfaces, addresses, ports",
    "uts": "the host name",
    "ipc": "shared memory and message queues",
    "user": "users: who its root is outside",
    "cgroup": "cgroups: which part of the tree",
    "time": "clocks that count since the boot",
}
"""What a process sees through each kind of namespace (namespaces(7))."""
_ID = 12
_LONGEST = 60
_UNLIMITED = 1 << 60
"""The kernel writes "no limit" of cgroup v1 as a number near 2^63."""


class Inside(Struct, frozen=True, kw_only=True):
    """What is known of a service's container. `process` is None if this machine does not show the process."""

    service: str
    engine: ObservedEngine
    container: Inspected
    process: Process | None


def inside_json(inside: Inside) -> dict[str, Any]:
    """The facts as JSON, version 1."""
    return {
        "version": VERSION,
        "service": inside.service,
        "engine": {"endpoint": inside.engine.endpoint, "here": inside.process is not None},
        "container": _plain(inside.container),
        "process": _plain(inside.process),
    }


def _plain(facts: Struct | None) -> Any:
    """A record as JSON, without its secrets."""
    return redacted(msgspec.json.decode(msgspec.json.encode(facts)))


def inside_text(inside: Inside, style: Style = PLAIN) -> str:
    """The facts in words."""
    name = quoted(inside.container.name)
    where = "this machine" if inside.process else "the machine of its engine"
    head = f"{quoted(inside.service)} is container {name}. A container is a process: this one runs on {where}, with a view of its own."
    parts = ["\n".join(wrapped(head, style=style))]
    if inside.process is None:
        parts.append("\n".join(wrapped(elsewhere(inside.engine), style=style)))
    return "\n\n".join([*parts, blocks_text(_blocks(inside), style)])


def elsewhere(engine: ObservedEngine) -> str:
    """Why this machine does not show the process, and what that means for the commands."""
    if engine.host:
        return (
            f"The engine runs on {engine.host}, so PIDs and paths are those of {engine.host}. What only its kernel knows is left out "
            "here: run stackctl there to see it."
        )
    return (
        "This machine does not show the process: the engine runs in a virtual machine (as Docker Desktop does), or in a process "
        "namespace of its own. PIDs and paths are those of the engine. What only its kernel knows is left out here."
    )


def _blocks(inside: Inside) -> Iterator[Block]:
    container, process = inside.container, inside.process
    yield _process(container, process)
    yield _user(container, process)
    if process:
        yield _namespaces(process)
        yield _cgroup(container, process)
    yield _limits(container, process)
    yield _mounts(container)
    yield from _networks(container, process)


def _process(container: Inspected, process: Process | None) -> Block:
    command = _command(process.arguments if process else container.command)
    commands = [_inspect("{{.State.Pid}}", container)]
    if process is None:
        line = f"PID {container.pid} for the engine's machine."
    else:
        line = f"PID {process.pid} for this machine, PID {process.inner_pid} for itself."
        commands.append(f"ps -o pid,user,args -p {process.pid}")
    return Block("process", (line, f"It runs: {command}"), (*commands, f"docker top {container.name}"))


def _user(container: Inspected, process: Process | None) -> Block:
    asked = f'Started as user "{one_line(container.user)}".' if container.user else "Started as root."
    if process is None:
        return Block("user", (asked,), (_inspect("{{.Config.User}}", container),))
    lines = [asked, f"The kernel knows it as uid {process.uid}, gid {process.gid}."]
    own_users = any(space.kind == "user" and space.own for space in process.namespaces)
    if process.uid == 0 and process.namespaces and not own_users:
        lines.append("Its root is the root of this machine, with fewer rights.")
    lines.append("The processes that it starts may be of another user: `docker top` shows them.")
    return Block("user", tuple(lines), (f"grep -E '^(Uid|Gid):' /proc/{process.pid}/status",))


def _namespaces(process: Process) -> Block:
    command = f"sudo ls -l /proc/{process.pid}/ns"
    if not process.namespaces:
        return Block("namespaces", ("Only root may see them.",), (command,))
    lines = [
        f"{space.kind:<7}{_number(space.id)}  {'own' if space.own else 'shared':<7}{_SEES[space.kind]}"
        for space in process.namespaces
    ]
    head = "What it sees of the machine. `shared`: the same as this shell."
    return Block("namespaces", (head, *lines), (command, "ls -l /proc/self/ns"))


def _cgroup(container: Inspected, process: Process) -> Block:
    paths: dict[str, list[str]] = {}
    for controller, path in process.cgroups.items():
        paths.setdefault(path, []).append(controller)
    lines = ["The group in which the kernel counts and limits what it uses."]
    lines += [_short(path, container) for path in paths if container.id in path]
    return Block("cgroup", tuple(lines), (f"cat /proc/{process.pid}/cgroup",))


def _limits(container: Inspected, process: Process | None) -> Block:
    told = [
        f"memory {size(container.memory) if container.memory else 'without limit'}",
        f"processors {container.cpus:g}" if container.cpus else "processors without limit",
        f"processes {container.pids}" if container.pids else "processes without limit",
    ]
    files = [
        f"{limit.path.rpartition('/')[2]} says {_limit(limit.text)}"
        for limit in (process.limits if process else ())
    ]
    commands = [f"cat {_glob(limit.path, container)}" for limit in (process.limits if process else ())]
    lines = ["; ".join(told) + "."] + (["; ".join(files) + "."] if files else [])
    return Block(
        "limits",
        tuple(lines),
        (f"docker inspect {container.name} | grep -E 'Memory\"|NanoCpus|PidsLimit'", *commands),
    )


def _mounts(container: Inspected) -> Block:
    lines = [part for mount in container.mounts for part in _mount(mount, container)]
    command = _inspect("{{json .Mounts}}", container)
    none = "None: what it writes is in the container alone, and goes with it."
    return Block("mounts", tuple(lines) or (none,), (command,))


def _mount(mount: InspectedMount, container: Inspected) -> Iterator[str]:
    what = f"{mount.type} {quoted(mount.name)}" if mount.name else mount.type
    yield f"{one_line(mount.target)}: {what}{', read-only' if mount.read_only else ''}"
    if mount.source and mount.type != "tmpfs":
        yield f"  outside: {_short(mount.source, container)}"


def _networks(container: Inspected, process: Process | None) -> Iterator[Block]:
    enter = (f"sudo nsenter -t {process.pid} -n ip addr",) if process else ()
    if not container.networks:
        whose = f"network_mode {one_line(container.network_mode)}: it has no network of its own."
        yield Block("network", (whose,), (_inspect("{{.HostConfig.NetworkMode}}", container), *enter))
        return
    lines = tuple(line for network in container.networks for line in _network(network))
    yield Block("network", lines, (_inspect("{{json .NetworkSettings.Networks}}", container), *enter))
    if any(network.names for network in container.networks):
        yield Block(
            "DNS",
            ("It asks the DNS server of the engine, which knows the names of the containers beside it.",),
            (f"docker exec {container.name} cat /etc/resolv.conf /etc/hosts",),
        )


def _network(network: InspectedNetwork) -> Iterator[str]:
    address = f"address {network.address}/{network.prefix}" if network.address else "no address"
    gateway = f", gateway {network.gateway}" if network.gateway else ""
    yield f"{quoted(network.network)}: {address}{gateway}."
    if network.names:
        yield f"Others in it reach it as {', '.join(map(quoted, network.names))}."
    elif network.address:
        yield "This network has no names: others reach it only by its address."


def _command(words: Iterable[str]) -> str:
    """A command in one line, without its secrets, cut if it is long."""
    return shortened(" ".join(map(quoted, filter(None, redacted([*words])))), _LONGEST)


def _inspect(template: str, container: Inspected) -> str:
    return f"docker inspect -f '{template}' {container.name}"


def _number(namespace: str) -> str:
    """`pid:[4026532486]` → `4026532486`."""
    return namespace.partition("[")[2].rstrip("]")


def _short(path: str, container: Inspected) -> str:
    """A path with the container's id cut to the length that `docker ps` shows."""
    return one_line(path).replace(container.id, f"{container.id[:_ID]}…")


def _glob(path: str, container: Inspected) -> str:
    return path.replace(container.id, f"{container.id[:_ID]}*")


def _limit(text: str) -> str:
    number = text.strip()
    if number.isdigit() and int(number) >= _UNLIMITED:
        return f"{number} (no limit)"
    return f"{one_line(number)}{' (no limit)' if number in ('-1', 'max') else ''}"

"""A container seen from outside as what it is: a process with a view of its own, and what its engine and its kernel say of it."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct


class InspectedMount(Struct, frozen=True, kw_only=True):
    """Storage in a container. `source` is its place on the engine's machine; "" for a tmpfs."""

    type: str
    name: str = ""
    """The volume's name."""
    source: str = ""
    target: str
    read_only: bool = False


class InspectedNetwork(Struct, frozen=True, kw_only=True):
    """A container's place in a network. `names` are the DNS names that others find it by; none without the engine's DNS."""

    network: str
    address: str = ""
    prefix: int = 0
    gateway: str = ""
    mac: str = ""
    names: tuple[str, ...] = ()


class Inspected(Struct, frozen=True, kw_only=True):
    """What an engine says of one container. 0 means "no limit", and the `pid` of a container that does not run."""

    id: str
    name: str
    state: str = ""
    """created, running, paused, restarting, exited …, at this moment: an engine's lists may be behind its events."""
    pid: int = 0
    """Of its first process, in the process namespace of the engine."""
    command: tuple[str, ...] = ()
    user: str = ""
    """As it was asked for: a name or a number; "" for root."""
    hostname: str = ""
    memory: int = 0
    """Bytes."""
    cpus: float = 0.0
    pids: int = 0
    mounts: tuple[InspectedMount, ...] = ()
    networks: tuple[InspectedNetwork, ...] = ()
    network_mode: str = ""
    tty: bool = False
    """Whether its first process has a terminal."""
    stdin_open: bool = False


class Namespace(Struct, frozen=True):
    """A namespace of a process, such as `pid:[4026532486]`. `own`: this process is in another one."""

    kind: str
    id: str
    own: bool


class Limit(Struct, frozen=True):
    """What a file of the cgroup says."""

    path: str
    text: str


class Process(Struct, frozen=True, kw_only=True):
    """What the kernel of this machine says of a process (proc(5), cgroups(7)). `namespaces` is empty if this user may not see them."""

    pid: int
    inner_pid: int
    """Its number in its own process namespace."""
    arguments: tuple[str, ...] = ()
    uid: int
    gid: int
    namespaces: tuple[Namespace, ...] = ()
    cgroups: Mapping[str, str]
    """The cgroup's path by controller; "" is the one hierarchy of cgroup v2."""
    limits: tuple[Limit, ...] = ()

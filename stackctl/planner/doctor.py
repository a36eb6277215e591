"""What `doctor` finds: facts about an engine, this machine and what stackctl has made, and what each of them means."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Literal

from msgspec import Struct

from stackctl.planner.world.desired import Desired
from stackctl.planner.world.examined import ExaminedEngine, Pool
from stackctl.planner.world.inspected import Inspected
from stackctl.planner.world.observed import Observed, ObservedContainer

Area = Literal[
    "engine",
    "choice",
    "disk",
    "pools",
    "clock",
    "dns",
    "proxies",
    "networks",
    "containers",
    "names",
    "ports",
    "locks",
]
State = Literal["ok", "note", "wrong"]

_GUARDS_PORTS = (1, 48)
"""The API of Docker Engine 28.0, which drops what comes from outside for a port of 127.0.0.1."""
OLDEST = (1, 41)
"""The API of Docker Engine 20.10, with which stackctl is tested."""
_LEAST_FREE = 0.05
_LEAST_BYTES = 2_000_000_000
_LEAST_NETWORKS = 3
_LEAST_SECONDS = 2.0
_SHOWN = 5
_BRIDGES = ("bridge", "host", "none")
"""The networks that every engine has."""


class Finding(Struct, frozen=True):
    """A line of `doctor`. `note`: it may be as it is meant to be. `hint`: what to type if it is wrong."""

    area: Area
    state: State
    text: str
    hint: str = ""


class Held(Struct, frozen=True, kw_only=True):
    """A project's lock that a process holds. `state`: `alive`, `stopped` (it was told to wait: SIGSTOP, Ctrl-Z) or `gone`."""

    project: str
    pid: int
    words: str
    state: Literal["alive", "stopped", "gone"]


class Disk(Struct, frozen=True):
    """The file system of the engine's data: bytes that are free, bytes in all, and the share of its inodes that is free."""

    free: int
    total: int
    inodes: float


class Machine(Struct, frozen=True, kw_only=True):
    """What this machine says."""

    chosen: str = ""
    """What names the engine: `DOCKER_HOST`, `the context 'x'`; "" if it is a usual socket."""
    passed_over: tuple[str, ...] = ()
    """What names other engines, and does not count."""
    disk: Disk | None = None
    """None if the engine's data are not on this machine."""
    proxies: tuple[str, ...] = ()
    """The variables of proxies that are set."""
    resolvers: tuple[str, ...] | None = None
    """The name servers of this machine; None if containers do not take over its name servers."""
    locks: tuple[Held, ...] = ()


class Examination(Struct, frozen=True, kw_only=True):
    """All that was found out. Without an engine `observed` and `examined` are None, and `problem` says why, with a hint."""

    problem: tuple[str, str] = ("", "")
    observed: Observed | None = None
    examined: ExaminedEngine | None = None
    machine: Machine = Machine()
    project: str = ""
    """The project whose objects count; "" for all that stackctl has made."""
    desired: Desired | None = None
    inspected: Mapping[str, Inspected] = {}
    """Containers of stackctl that run, by id."""
    names_inside: bool | None = None
    """Whether a container knows the names of the internet; None if nobody has asked."""
    names_here: bool = True
    """Whether this machine knows them."""


def findings(of: Examination) -> tuple[Finding, ...]:
    """Every line. Those of an engine that does not answer are left out."""
    found = [_engine(of), _choice(of.machine)]
    if of.observed and of.examined:
        found += [
            *_warnings(of.examined),
            *_disk(of.machine.disk, of.examined),
            *_pools(of.observed, of.examined),
            _clock(of.observed),
            *_dns(of),
            _proxies(of.machine, of.examined),
            *_networks(of),
            *_containers(of),
            *_names(of),
            *_ports(of),
        ]
    return (*found, *_locks(of))


def _engine(of: Examination) -> Finding:
    if of.observed is None:
        return Finding("engine", "wrong", *of.problem)
    engine = of.observed.engine
    api = ".".join(map(str, engine.api))
    text = f"{engine.name} {engine.version} (API {api}) at {engine.endpoint}"
    if engine.name == "docker" and engine.api < OLDEST:
        return Finding("engine", "wrong", f"{text} is older than 20.10", "install a newer Docker Engine")
    return Finding("engine", "ok", text)


def _ports(of: Examination) -> Iterator[Finding]:
    """Source: the release notes of Docker Engine 28.0, moby/moby#45610."""
    assert of.observed
    engine = of.observed.engine
    if engine.name != "docker" or engine.api >= _GUARDS_PORTS:
        return
    published = [
        f"{container.name} ({port.target})"
        for container in of.observed.containers
        if container.state == "running" and container.project and of.project in ("", container.project)
        for port in container.ports
        if port.published and is_loopback(port.host_ip)
    ]
    if published:
        text = f"{_listed(published)}: published on 127.0.0.1, but machines of the same network reach the container's own address"
        hint = "Docker Engine 28 closes it; before, let the firewall drop what others send to the subnets of containers"
        yield Finding("ports", "note", text, hint)


def is_loopback(address: str) -> bool:
    return address.startswith("127.") or address == "::1"


def _warnings(examined: ExaminedEngine) -> Iterator[Finding]:
    for warning in examined.warnings:
        yield Finding("engine", "note", warning.removeprefix("WARNING: "), "docker info shows it as well")


def _choice(machine: Machine) -> Finding:
    chosen = machine.chosen or "a usual socket"
    if not machine.passed_over:
        return Finding("choice", "ok", f"{chosen} names the engine")
    others = ", ".join(machine.passed_over)
    hint = (
        f"unset {chosen} to use another"
        if machine.chosen.startswith("DOCKER_")
        else "-H or --context names another"
    )
    return Finding("choice", "note", f"{chosen} names the engine; not used: {others}", hint)


def _disk(disk: Disk | None, examined: ExaminedEngine) -> Iterator[Finding]:
    if disk:
        text = f"{examined.root} has {_gigabytes(disk.free)} of {_gigabytes(disk.total)} left"
        hint = "docker system df shows what takes it; docker image prune and docker builder prune remove what nothing uses"
        if disk.free < max(_LEAST_BYTES, disk.total * _LEAST_FREE):
            yield Finding("disk", "wrong", f"{text}: pulls and builds fail, and databases stop", hint)
        elif disk.inodes < _LEAST_FREE:
            yield Finding("disk", "wrong", f"{text}, but only {disk.inodes:.0%} of its inodes", hint)
        else:
            yield Finding("disk", "ok", text)
    if examined.usage is not None:
        parts = ", ".join(f"{_gigabytes(amount)} of {name}" for name, amount in examined.usage.items())
        yield Finding("disk", "ok", f"the engine has {parts}")


def _gigabytes(amount: int) -> str:
    return f"{amount / 1e9:.1f} GB"


def free_subnets(pools: Iterable[Pool], subnets: Collection[str]) -> tuple[int, int]:
    """How many networks the pools have room for, and how many at first. A subnet takes every part of a pool that it overlaps."""
    used = [
        network
        for text in subnets
        if isinstance(network := ipaddress.ip_network(text), ipaddress.IPv4Network)
    ]
    free = total = 0
    for pool in pools:
        base = ipaddress.ip_network(pool.base)
        if not isinstance(base, ipaddress.IPv4Network) or pool.size < base.prefixlen:
            continue
        first, width, parts = int(base[0]), 1 << (32 - pool.size), 1 << (pool.size - base.prefixlen)
        taken: set[int] = set()
        for network in used:
            if network.overlaps(base):
                low = max(int(network[0]) - first, 0) // width
                high = min(int(network[-1]) - first, parts * width - 1) // width
                taken.update(range(low, high + 1))
        total += parts
        free += parts - len(taken)
    return free, total


def _pools(observed: Observed, examined: ExaminedEngine) -> Iterator[Finding]:
    if not examined.pools:
        return
    free, total = free_subnets(examined.pools, examined.subnets)
    empty = len(_empty(observed))
    cure = f"docker network prune removes the {empty} without containers; " if empty else ""
    hint = f"{cure}default-address-pools in the engine's daemon.json gives more and smaller ones"
    text = f"there is room for {free} more networks of {total}"
    state: State = "wrong" if free == 0 else "note" if free <= _LEAST_NETWORKS else "ok"
    yield Finding("pools", state, text, hint if state != "ok" else "")


def _clock(observed: Observed) -> Finding:
    ahead = observed.engine.clock_ahead
    if abs(ahead) < _LEAST_SECONDS:
        return Finding("clock", "ok", "the engine and this machine have the same time")
    where = "ahead of" if ahead > 0 else "behind"
    return Finding(
        "clock",
        "wrong",
        f"the engine's clock is {abs(ahead):.0f} s {where} this machine's: certificates, logins and the times of logs are wrong",
        "let both take the time from the network (timedatectl set-ntp true); a virtual machine that slept: restart it",
    )


def _dns(of: Examination) -> Iterator[Finding]:
    resolvers = of.machine.resolvers
    if resolvers is not None and resolvers and all(_is_loopback(each) for each in resolvers):
        yield Finding(
            "dns",
            "note",
            f"this machine asks {', '.join(resolvers)}, where containers cannot ask: the engine gives them 8.8.8.8",
            'write "dns": ["ADDRESS"] into the engine\'s daemon.json if that is not reached from here',
        )
    elif of.names_inside is None:
        yield Finding(
            "dns", "ok", "containers ask the name servers of the engine's machine (--deep tries it)"
        )
    if of.names_inside:
        yield Finding("dns", "ok", "a container knows the names of the internet")
    elif of.names_inside is False and of.names_here:
        yield Finding(
            "dns",
            "wrong",
            "a container does not know the names of the internet, and this machine does",
            'write "dns": ["ADDRESS"] into the engine\'s daemon.json, and look at its firewall (port 53)',
        )
    elif of.names_inside is False:
        yield Finding("dns", "note", "neither a container nor this machine knows the names of the internet")


def _is_loopback(text: str) -> bool:
    try:
        return ipaddress.ip_address(text.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _proxies(machine: Machine, examined: ExaminedEngine) -> Finding:
    missing = [name for name in machine.proxies if name not in examined.proxies]
    if missing:
        return Finding(
            "proxies",
            "note",
            f"{', '.join(missing)} is set here and not in the engine, which pulls images by itself",
            "give it to the engine as well: docs.docker.com/engine/daemon/proxy",
        )
    same = "this machine and the engine name the same proxies" if examined.proxies else "no proxy is set"
    return Finding("proxies", "ok", same)


def _mine(of: Examination) -> list[ObservedContainer]:
    assert of.observed is not None
    return [each for each in of.observed.containers if each.project and of.project in ("", each.project)]


def _empty(observed: Observed) -> list[str]:
    """The networks without a container, by name."""
    used = {
        key
        for each in observed.containers
        for place in each.networks
        for key in (place.network_id, place.network)
    }
    return [
        each.name
        for each in observed.networks
        if each.name not in _BRIDGES and each.driver == "bridge" and not {each.id, each.name} & used
    ]


def _networks(of: Examination) -> Iterator[Finding]:
    assert of.observed is not None
    empty = {*_empty(of.observed)}
    stale = [
        each
        for each in of.observed.networks
        if each.name in empty
        and each.project
        and of.project in ("", each.project)
        and not _held(of, each.project)
    ]
    if not stale:
        yield Finding("networks", "ok", "every network of stackctl has containers")
        return
    projects = sorted({each.project for each in stale if each.project})
    cure = "; ".join(f"stackctl -p {project} down" for project in projects[:_SHOWN])
    yield Finding("networks", "note", f"without containers: {_listed(each.name for each in stale)}", cure)


def _containers(of: Examination) -> Iterator[Finding]:
    assert of.observed is not None
    mine = _mine(of)
    odd = [found for each in mine if not _held(of, each.project or "") and (found := _odd(each))]
    for volume in of.observed.volumes:
        if volume.pending and of.project in ("", volume.project) and not _held(of, volume.project or ""):
            text = f"not all post_start commands of {volume.key} in project {volume.project} have succeeded"
            again = f"stackctl -p {volume.project} up, in its directory, runs them again"
            odd.append(Finding("containers", "wrong", text, again))
    yield from odd or [Finding("containers", "ok", f"{len(mine)} of stackctl, none in an odd state")]


def _odd(container: ObservedContainer) -> Finding | None:
    name, project = container.name, container.project
    again = f"stackctl -p {project} up, in its directory, finishes it"
    match container.state:
        case "paused":
            return Finding(
                "containers",
                "wrong",
                f"{name} is paused: it does not answer",
                f"stackctl -p {project} unpause {container.service}",
            )
        case "restarting":
            text = f"{name} ends and is started again and again"
            return Finding(
                "containers", "wrong", text, f"stackctl -p {project} logs {container.service} shows why"
            )
        case "dead":
            text = f"{name} could not be removed (dead)"
            return Finding(
                "containers", "wrong", text, f"docker rm -f {name}; if that fails, restart the engine"
            )
        case "removing":
            return Finding(
                "containers", "wrong", f"{name} is being removed, and stays", f"docker rm -f {name}"
            )
    if name.endswith((".new", ".old")):
        text = f"{name} is left of a container that was being replaced"
        return Finding("containers", "wrong", text, again)
    if container.state == "created" and container.kind != "run":
        return Finding("containers", "note", f"{name} was made and never started", again)
    return None


def _names(of: Examination) -> Iterator[Finding]:
    """The names that containers have in networks, beside those they should have."""
    wanted = {
        (want.service, want.number): {place.network: place.aliases for place in want.networks}
        for want in (of.desired.containers if of.desired else ())
    }
    wrong = []
    for container in _mine(of):
        found = of.inspected.get(container.id)
        if found is None or container.kind == "run" or container.state != "running":
            continue
        want = (
            wanted.get((container.service, container.number))
            if of.desired and container.project == of.desired.project
            else None
        )
        for place in found.networks:
            names = {container.service} if want is None else {*want.get(place.network, ())}
            if place.names and (missing := names - {*place.names}):
                wrong.append(
                    Finding(
                        "names",
                        "wrong",
                        f"{container.name} does not answer to {_listed(sorted(missing))} in {place.network}",
                        f"stackctl -p {container.project} up --force-recreate {container.service}",
                    )
                )
    yield from wrong or [Finding("names", "ok", "the containers answer to their names")]


def _held(of: Examination, project: str) -> bool:
    return any(each.project == project for each in of.machine.locks)


def _locks(of: Examination) -> Iterator[Finding]:
    held = [each for each in of.machine.locks if of.project in ("", each.project)]
    for each in held:
        told = f"project {each.project} is held by {each.words}"
        match each.state:
            case "stopped":
                yield Finding(
                    "locks", "wrong", f"{told}, which is stopped", f"kill -CONT {each.pid} lets it go on"
                )
            case "gone":
                text = f"{told}, which has ended: a process that it has started keeps the lock"
                yield Finding(
                    "locks",
                    "wrong",
                    text,
                    "find the process that has the lock's file open (lsof | grep .lock), and end it",
                )
            case "alive":
                yield Finding("locks", "note", told, f"wait for it, or end it: kill {each.pid}")
    if not held:
        yield Finding("locks", "ok", "no run holds a project")


def _listed(names: Iterable[str]) -> str:
    names = [*names]
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")

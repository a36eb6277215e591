"""Find what would go wrong, before the first write. Pure: `HostFacts` brings what only the host knows."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable, Iterator, Mapping

from msgspec import Struct, field

from stackctl.errors import Problem
from stackctl.planner.before.images import ImageOptions, missing_images
from stackctl.planner.before.kept_data import ignored_settings, other_versions
from stackctl.planner.view.slots import NEW, OLD, Slot, Slots
from stackctl.planner.view.view import View
from stackctl.planner.world.desired import Desired, DesiredContainer, DesiredMount, DesiredPort
from stackctl.planner.world.observed import Observed, ObservedContainer
from stackctl.spec.model import Condition

Binding = tuple[str, int, str]
"""Address, port and protocol that a container wants on the host."""


class Questions(Struct, frozen=True):
    """What to ask the host: which of these bindings are taken, which of these paths are missing."""

    bindings: frozenset[Binding] = frozenset()
    paths: frozenset[str] = frozenset()


class HostFacts(Struct, frozen=True):
    """`busy`: who holds a binding, in words. `free`: a free port near a busy one. `missing`: paths that do not exist."""

    busy: Mapping[Binding, str] = field(default_factory=dict)
    free: Mapping[int, int] = field(default_factory=dict)
    missing: frozenset[str] = frozenset()


def questions(view: View) -> Questions:
    """Host ports that no running container holds yet and bind sources, of what the stack is about to start."""
    held = {(p.published, p.protocol) for c in view.observed.containers if c.running for p in c.ports}
    starting = [slot.want for slot in view.slots if slot.starts]
    return Questions(
        frozenset(
            (port.host_ip, port.host_port, port.protocol)
            for want in starting
            for port in want.ports
            if port.host_port is not None and (port.host_port, port.protocol) not in held
        ),
        frozenset(mount.source for want in starting for mount in _bind_mounts(want)),
    )


def preflight(
    view: View, host: HostFacts | None = None, images: ImageOptions | None = None
) -> tuple[Problem, ...]:
    """Every reason why a start of this stack on this engine would fail, all at once, and warnings. Without errors `up` may begin."""
    host = host or HostFacts()
    desired, observed, placed = view.desired, view.observed, view.slots
    return (
        *_ports(placed, observed, host),
        *_container_names(placed, observed),
        *_bind_sources(placed, host),
        *_externals(desired, observed),
        *_images(desired, observed, images),
        *ignored_settings(view),
        *told_by_images(view),
    )


def told_by_images(view: View) -> tuple[Problem, ...]:
    """The problems that can be found only once the images are here: images may have a healthcheck, and tell their version."""
    return (*_waits_without_check(view.slots, view.observed), *other_versions(view))


def _where(want: DesiredContainer, *rest: str | int) -> tuple[str | int, ...]:
    return ("jobs" if want.kind == "job" else "services", want.service, *rest)


def _ports(placed: Slots, observed: Observed, host: HostFacts) -> Iterator[Problem]:
    """SC502: a host port is taken, by a container that stays or by a process."""
    orphans = {container.id for container in placed.orphans}
    holders: dict[tuple[int, str], list[ObservedContainer]] = {}
    free_after = _FreePorts(held.published for container in observed.containers for held in container.ports)
    for container in observed.containers:
        if container.running and container.id not in placed.going:
            for key in dict.fromkeys((held.published, held.protocol) for held in container.ports):
                holders.setdefault(key, []).append(container)
    for slot in placed:
        for port in slot.want.ports if slot.starts else ():
            if port.host_port is None:
                continue
            others = (c for c in holders.get((port.host_port, port.protocol), ()) if c is not slot.current)
            holder = next((c for c in others if _holds(c, port)), None)
            process = host.busy.get((port.host_ip, port.host_port, port.protocol))
            if holder:
                who = f"container {holder.name}{_who(holder, orphans)}"
                yield _busy(slot.want, port, who, free_after(port.host_port))
            elif process:
                yield _busy(slot.want, port, process, host.free.get(port.host_port, 0))


class _FreePorts:
    """Finds the next free port after another one. A port that was found taken is not asked again."""

    def __init__(self, taken: Iterable[int]) -> None:
        self._next = {port: port + 1 for port in taken}

    def __call__(self, port: int) -> int:
        """The next free port; 0 if there is none."""
        free, passed = port + 1, []
        while free in self._next:
            passed.append(free)
            free = self._next[free]
        self._next |= dict.fromkeys(passed, free)
        return free if free < 65536 else 0


def _busy(want: DesiredContainer, port: DesiredPort, holder: str, free: int) -> Problem:
    return Problem(
        _where(want, "ports", port.index),
        f"host port {port.host_port} is taken by {holder}",
        "stop that one" + (f', or take a free port: "{free}:{port.target}"' if free else ""),
        rule="SC502",
    )


def _holds(container: ObservedContainer, port: DesiredPort) -> bool:
    return any(
        p.published == port.host_port and p.protocol == port.protocol and _overlap(p.host_ip, port.host_ip)
        for p in container.ports
    )


def _overlap(one: str, other: str) -> bool:
    """Whether two addresses can be the same socket. An unspecified address means every address of its family."""
    a, b = ipaddress.ip_address(one or "0.0.0.0"), ipaddress.ip_address(other or "0.0.0.0")  # noqa: S104
    return a == b or (a.version == b.version and (a.is_unspecified or b.is_unspecified))


def _who(container: ObservedContainer, orphans: Collection[str]) -> str:
    """Words that say to whom the container belongs."""
    if container.id in orphans:
        return ", which is no longer in the spec (--remove-orphans removes it)"
    return f" of project {container.project}" if container.project else ""


def _container_names(placed: Slots, observed: Observed) -> Iterator[Problem]:
    """SC110: a container needs a name, for good or during a replacement, that belongs to a container which stays."""
    orphans = {container.id for container in placed.orphans}
    moving = placed.going | {slot.current.id for slot in placed if slot.current}
    staying = {c.name: c for c in observed.containers if c.id not in moving}
    for slot in placed:
        want = slot.want
        passing = (f"{want.name}{NEW}", f"{want.name}{OLD}") if slot.old else ()
        for name in (want.name, *passing):
            if holder := staying.get(name):
                who = _who(holder, orphans) or ", not made by stackctl"
                yield Problem(
                    _where(want, "container_name"),
                    f"the name {name} is taken by another container"
                    f" ({holder.image}, {holder.status or holder.state}{who})",
                    f"remove it (docker rm -f {name}), or choose another container_name or project name",
                    rule="SC110",
                )


def _bind_mounts(want: DesiredContainer) -> Iterator[DesiredMount]:
    return (mount for mount in want.mounts if mount.type == "bind" and not mount.create_host_path)


def _bind_sources(placed: Slots, host: HostFacts) -> Iterator[Problem]:
    for slot in placed:
        for mount in _bind_mounts(slot.want) if slot.starts else ():
            if mount.source in host.missing:
                yield Problem(
                    _where(slot.want, "volumes"),
                    f"{mount.source} does not exist; Docker would create an empty directory of that name, owned by root",
                    "create it, correct the path, or let stackctl make the directory with bind = { create_host_path = true }",
                    rule="SC403",
                )


def _externals(desired: Desired, observed: Observed) -> Iterator[Problem]:
    for kind, wanted, here in (
        ("network", desired.networks, {n.name for n in observed.networks}),
        ("volume", desired.volumes, {v.name for v in observed.volumes}),
    ):
        for thing in wanted:
            if thing.external and thing.name not in here:
                yield Problem(
                    (f"{kind}s", thing.key),
                    f"{kind} {thing.name} is declared external, and there is none of that name",
                    f"create it (docker {kind} create {thing.name}), or drop external = true",
                )


def _images(desired: Desired, observed: Observed, options: ImageOptions | None) -> Iterator[Problem]:
    """SC603: an image is not here, and must not be pulled."""
    by_service = {want.service: want for want in desired.containers}
    for image in missing_images(desired, observed, options):
        yield Problem(
            _where(by_service[image.services[0]], "image"),
            f"image {image.ref} is not here, and pull_policy {(options and options.pull) or image.policy} forbids to pull it",
            f"docker pull {image.ref}, or drop pull_policy",
            rule="SC603",
        )


def _waits_without_check(placed: Slots, observed: Observed) -> Iterator[Problem]:
    """SC203: a service waits for the health of another service that has no check."""
    for slot in placed:
        for need in slot.want.needs:
            others = placed.by_service[need.service]
            if need.condition is Condition.healthy and not all(_can_be_healthy(o, observed) for o in others):
                yield Problem(
                    _where(slot.want, "depends_on", need.service),
                    f"{slot.want.service} waits for {need.service} to be healthy, but {need.service} has no healthcheck:"
                    " that would never come",
                    f"give {need.service} a healthcheck, or use the short form, which waits for what there is",
                    rule="SC203",
                )


def _can_be_healthy(slot: Slot, observed: Observed) -> bool:
    """Whether the service has a check: its own, or the check of its image. An image that is not known yet may have one."""
    own, config = slot.want.healthcheck, observed.configs.get(slot.want.image)
    if slot.want.probes or (slot.current and slot.current.health):
        return True
    return not (own and own.test) and (config is None or config.healthcheck)

"""Rules about what somebody else on this machine has already: names of containers, and ports."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from stackctl.errors import Problem
from stackctl.planner.before.situation import Situation, where
from stackctl.planner.view.slots import NEW, OLD
from stackctl.planner.world.desired import DesiredContainer, DesiredPort
from stackctl.planner.world.observed import ObservedContainer


def taken_names(situation: Situation) -> Iterator[Problem]:
    """A container of this stack needs a name that another container has. stackctl did not make that other container for this
    stack.

    A name exists only once on a machine. Often a script has left the other container behind: a `docker run` that fails
    half-way leaves a container in the state `Created`, which keeps the name. stackctl never changes it. A container that is
    replaced needs two more names for a moment.

    Fix: remove that container, or choose another `container_name` or project name.

    Evidence: measured: after `network X not found`, the same `docker run` says `Conflict. The container name is already in
    use`.
    """
    placed, observed = situation.view.slots, situation.view.observed
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
                    where(want, "container_name"),
                    f"the name {name} is taken by another container"
                    f" ({holder.image}, {holder.status or holder.state}{who})",
                    f"remove it (docker rm -f {name}), or choose another container_name or project name",
                )


def taken_ports(situation: Situation) -> Iterator[Problem]:
    """Another container or another program on this machine holds a port that the stack publishes.

    The message names the holder, if it can be found, and a free port near it. The stack's own containers are never in the way.
    If a service publishes a range of ports, enough of them must be free for the containers that start.

    Fix: publish another port, or stop the other program. If it is another checkout of the project: `--isolated`.

    Evidence: docker/compose#4950, where people end random processes; moby/moby#20486. Docker says `port is already allocated`
    or `address already in use`, and does not name the holder.
    """
    placed, observed, host = situation.view.slots, situation.view.observed, situation.host
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
            holder = next((c for c in others if _holds(c, port, port.host_port)), None)
            process = host.busy.get((port.host_ip, port.host_port, port.protocol))
            if holder:
                who = f"container {holder.name}{_who(holder, orphans)}"
                way = _BESIDE if holder.project not in (None, situation.view.desired.project) else ""
                yield _busy(slot.want, port, who, free_after(port.host_port), way)
            elif process:
                yield _busy(slot.want, port, process, host.free.get(port.host_port, 0))
    yield from _full_ranges(situation, holders)


def _full_ranges(
    situation: Situation, holders: Mapping[tuple[int, str], Sequence[ObservedContainer]]
) -> Iterator[Problem]:
    """The ranges of host ports that have too few free ports for the containers that start."""
    placed, busy = situation.view.slots, situation.host.busy
    own = {(port.host_port, port.protocol) for slot in placed for port in slot.want.ports}
    for slots in placed.by_service.values():
        starting = [slot.want for slot in slots if slot.starts]
        for port in starting[0].ports if starting else ():
            free = [
                number
                for number in port.choice
                if (number, port.protocol) not in own
                and (port.host_ip, number, port.protocol) not in busy
                and not any(
                    _holds(container, port, number) for container in holders.get((number, port.protocol), ())
                )
            ]
            if port.choice and len(free) < len(starting):
                want = starting[0]
                yield Problem(
                    where(want, "ports", port.index),
                    f"of the host ports {port.published}, {len(free)} are free:"
                    f" too few for {len(starting)} containers of {want.service} that start",
                    f'take a longer range, or any free ports: "{port.target}"',
                )


_BESIDE = "; --isolated gives the stack of this checkout ports of its own"
"""The way out if another stack has the port: it may be that of another checkout."""


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


def _busy(want: DesiredContainer, port: DesiredPort, holder: str, free: int, way: str = "") -> Problem:
    return Problem(
        where(want, "ports", port.index),
        f"host port {port.host_port} is taken by {holder}",
        "stop that one" + (f', or take a free port: "{free}:{port.target}"' if free else "") + way,
    )


def _holds(container: ObservedContainer, port: DesiredPort, number: int | None) -> bool:
    return any(
        p.published == number and p.protocol == port.protocol and _overlap(p.host_ip, port.host_ip)
        for p in container.ports
    )


def _overlap(one: str, other: str) -> bool:
    """Whether two addresses can be the same socket. An unspecified address means every address of its family, "" every address."""
    if not one or not other:
        return True
    a, b = ipaddress.ip_address(one), ipaddress.ip_address(other)
    return a == b or (a.version == b.version and (a.is_unspecified or b.is_unspecified))


def _who(container: ObservedContainer, orphans: Collection[str]) -> str:
    """Words that say to whom the container belongs."""
    if container.id in orphans:
        return ", which is no longer in the spec (--remove-orphans removes it)"
    return f" of project {container.project}" if container.project else ""

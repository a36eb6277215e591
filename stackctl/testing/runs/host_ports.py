"""The host ports of a stack of tests: which are chosen, which are fixed, and what is said if somebody has a fixed one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from msgspec.structs import replace

from stackctl.engine.host import free_ports, give_back
from stackctl.errors import PortTakenError, PreflightError, Problem, StackError
from stackctl.planner.runs.isolation import HostPorts, published
from stackctl.planner.world.containers import of_project
from stackctl.planner.world.observed import Observed
from stackctl.spec.model import Stack

_BUSY_PORT = "SC502"


def choose(stack: Stack, there: HostPorts, *, file_ports: bool) -> HostPorts:
    """Host ports for everything that is published: those that are there already, else free ports, which belong to this process until
    it gives them back. `file_ports`: those that the file gives are left out, because they stay.
    """
    wanted = [each for each in published(stack, file_ports=file_ports) if each not in there]
    return {**there, **dict(zip(wanted, free_ports(protocol for *_, protocol in wanted), strict=True))}


@contextmanager
def host_ports(
    stack: Stack, observed: Observed, project: str, fixed: HostPorts, *, file_ports: bool
) -> Iterator[HostPorts]:
    """The host ports for a start: those that are fixed, those that the project has already, and free ports for the others.

    They stay the same when a container is started again. On another machine this process cannot tell which ports are free: then
    the engine chooses those that are not fixed, at each start.
    """
    there = {**ports_there(observed, project), **fixed}
    if not observed.engine.shares_loopback:
        yield there
        return
    ports = choose(stack, there, file_ports=file_ports)
    try:
        yield ports
    finally:  # by now the containers have them
        give_back(ports[each] for each in ports.keys() - there.keys())


def ports_there(observed: Observed, project: str) -> HostPorts:
    """The host ports that were chosen for the project; none on another machine, where the engine chooses them."""
    if not observed.engine.shares_loopback:
        return {}
    return {
        (container.service, port.target, port.protocol): port.published
        for container in of_project(observed.containers, project)
        for port in container.ports
    }


def lost_a_port(error: StackError, stack: Stack, free: HostPorts) -> bool:
    """Whether another process took a host port after it was chosen and before the container had it, so that others can be chosen.
    `stack` is the stack that was started, `free` are the ports that may change.
    """
    if isinstance(error, PreflightError):
        return all(_is_taken(each, stack, free) for each in error.problems)
    return isinstance(error, PortTakenError)


def explained(error: PreflightError, stack: Stack, free: HostPorts, *, file_ports: bool) -> PreflightError:
    """The error, which says of each fixed port that is taken what to do about it."""
    hint = (
        "stop that one"
        if file_ports
        else "variables with this port were set when the run began: run the tests again"
    )
    return PreflightError(
        replace(each, hint=hint) if each.rule == _BUSY_PORT and not _is_taken(each, stack, free) else each
        for each in error.problems
    )


def _is_taken(problem: Problem, stack: Stack, free: HostPorts) -> bool:
    """Whether the problem is that somebody has one of these ports."""
    if problem.rule != _BUSY_PORT:
        return False
    _, service, _, index = problem.path
    port = stack.everything[str(service)].ports[int(index)]
    return port.published is not None and port.published.first in free.values()

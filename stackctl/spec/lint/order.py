"""Rules about who goes first."""

import graphlib
from collections.abc import Iterator, Mapping, Sequence

from stackctl.errors import Problem
from stackctl.spec.lint.members import Path, dependencies, members
from stackctl.spec.lint.uses import uses
from stackctl.spec.model import Service, Stack


def circles(stack: Stack) -> Iterator[Problem]:
    """Services wait for each other in a circle, so that none can start.

    A reference such as `${services.db.url}` and `network_mode = "service:NAME"` wait for their service, too.

    Fix: take one `depends_on` out; mostly one of them can do without the other at its start, and try again.
    """
    graph = dependencies(stack)
    while circle := _circle(graph):
        one, other = circle[:2]
        graph[one].remove(other)
        yield Problem(
            _edge(stack, one, other), f"{' → '.join(circle)}: nobody can go first", "take one of them out"
        )


def unwaited_services(stack: Stack) -> Iterator[Problem]:
    """A service names another one in a URL or a host variable, but does not wait for it.

    Started at the wrong moment, it finds nobody there. `depends_on` starts it once the other is ready; waiting for a
    service that waits for the other is enough. Nothing is said where the other one waits for this one, or where each
    names the other: somebody has to go first.

    Fix: add the name to `depends_on`, or write the URL as `${services.NAME.url}`, which implies it.
    """
    owners = {host: name for name, service in stack.services.items() for host in _hosts(name, service)}
    graph = dependencies(stack)
    used: dict[str, dict[str, tuple[Path, str]]] = {}
    for member in members(stack):
        for use in uses(member):
            if (other := owners.get(use.host)) and other != member.name:
                used.setdefault(member.name, {}).setdefault(other, (use.path, use.source))
    for name, others in used.items():
        waited = _reachable(graph, name)
        for other, (path, source) in others.items():
            mutual = name in used.get(other, {}) or name in _reachable(graph, other)
            if (
                other not in waited
                and not mutual
                and _always_with(stack.everything[name], stack.services[other])
            ):
                yield Problem(
                    path,
                    f"{name} uses {other} ({source}) but does not wait for it",
                    f'add "{other}" to depends_on of {name}',
                )


def _circle(graph: Mapping[str, Sequence[str]]) -> list[str]:
    """A circle, each waiting for the next, its first member repeated at the end; empty if there is none."""
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        found: list[str] = error.args[1]
        return found[::-1]  # graphlib names first who is waited for
    return []


def _edge(stack: Stack, one: str, other: str) -> Path:
    """Where it is written that one waits for the other."""
    path = ("jobs" if one in stack.jobs else "services", one)
    service = stack.everything[one]
    return (*path, "depends_on", other) if other in service.depends_on else (*path, "network_mode")


def _reachable(graph: Mapping[str, Sequence[str]], name: str) -> set[str]:
    found: set[str] = set()
    waiting = [name]
    while waiting:
        new = set(graph[waiting.pop()]) - found
        found |= new
        waiting += new
    return found


def _hosts(name: str, service: Service) -> set[str]:
    """The names by which others find it, in lower case."""
    aliases = {alias for network in service.networks.values() for alias in network.aliases}
    return {each.lower() for each in ({name, service.container_name or name} | aliases)}


def _always_with(one: Service, other: Service) -> bool:
    """Whether the other one runs whenever the one does, as far as profiles go."""
    return not other.profiles or (bool(one.profiles) and set(one.profiles) <= set(other.profiles))

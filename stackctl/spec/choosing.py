"""Choose services and jobs of a stack, dependencies first."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from graphlib import TopologicalSorter

from msgspec.structs import replace

from stackctl.errors import Problem, SpecError, UsageError
from stackctl.spec.model import Condition, Dependency, Job, Service, Stack
from stackctl.spelling import did_you_mean


def select(
    stack: Stack, services: Collection[str] = (), profiles: Collection[str] = (), *, dependencies: bool = True
) -> dict[str, Service]:
    """The chosen services and jobs and, unless `dependencies` is false, what they depend on. Dependencies come first.

    Without `services`, all that `profiles` enable are chosen. A service that is asked for by name needs no profile; nor do
    its required dependencies (Compose spec, 15-profiles).

    Raises UsageError for a name that is no service or job, SpecError for a required dependency that no profile enables.
    """
    everything = stack.everything
    for name in services:
        if name not in everything:
            raise _unknown(name, everything)
    chosen, problems = choose(stack, services, profiles, dependencies=dependencies)
    if problems:
        raise SpecError(problems)
    return {name: chosen[name] for name in _dependencies_first(chosen, everything)}


def choose(
    stack: Stack, services: Collection[str] = (), profiles: Collection[str] = (), *, dependencies: bool = True
) -> tuple[dict[str, Service], list[Problem]]:
    """The services that `select` gives, without an order and without names that do not exist; and a problem for each required
    dependency that no profile enables.
    """
    everything = stack.everything
    pending = [*services] or [name for name, service in everything.items() if _enabled(service, profiles)]
    chosen: dict[str, Service] = {}
    problems: list[Problem] = []
    for name in pending:  # the list grows in the loop
        if name in chosen or name not in everything:
            continue
        chosen[name] = everything[name]
        for other, dependency in dependencies_of(everything[name]).items() if dependencies else ():
            if other not in everything:
                continue
            if _enabled(everything[other], profiles) or (services and dependency.required):
                pending.append(other)
            elif dependency.required:
                problems.append(_disabled(name, everything[name], other, everything[other]))
    return chosen, problems


def dependencies_of(service: Service) -> dict[str, Dependency]:
    """What a service waits for: `depends_on`, the services that it links to or takes volumes from, and those whose network,
    memory or processes it shares.

    A service cannot run without the container whose network it shares, and must be restarted with it. So that dependency
    always has `required` and `restart`.
    """
    found = dict(service.depends_on)
    started = Dependency(condition=Condition.started)
    for link in service.links:
        found.setdefault(link.name, started)
    for volumes in service.volumes_from:
        if volumes.service:
            found[volumes.service] = replace(found.get(volumes.service, started), required=True)
    for donor in service.donors:
        found[donor] = replace(found.get(donor, started), required=True, restart=True)
    return found


def sharing(service: Service) -> Iterator[tuple[str, str]]:
    """The keys by which a service names another one, beside `depends_on`, each with the other's name."""
    for key in ("network_mode", "ipc", "pid"):
        mode = getattr(service, key)
        if mode and mode.service:
            yield key, mode.service
    yield from (("links", link.name) for link in service.links)
    yield from (("volumes_from", each.service) for each in service.volumes_from if each.service)


def table(service: Service) -> str:
    """The table of the file in which it stands: `services` or `jobs`."""
    return "jobs" if isinstance(service, Job) else "services"


def _dependencies_first(chosen: Mapping[str, Service], everything: Iterable[str]) -> Iterator[str]:
    """The names, dependencies first. If dependencies leave a choice, the order of the file decides."""
    written = {name: place for place, name in enumerate(everything)}
    needs = {name: chosen.keys() & dependencies_of(service).keys() for name, service in chosen.items()}
    order = TopologicalSorter(needs)
    order.prepare()
    while order.is_active():
        ready = sorted(order.get_ready(), key=written.__getitem__)
        yield from ready
        order.done(*ready)


def _enabled(service: Service, profiles: Collection[str]) -> bool:
    return not service.profiles or "*" in profiles or any(profile in profiles for profile in service.profiles)


def _disabled(name: str, service: Service, other: str, needed: Service) -> Problem:
    return Problem(
        (table(service), name, "depends_on", other),
        f"{name} needs {other}, which no active profile enables",
        f"add --profile {needed.profiles[0]}, or required = false",
    )


def _unknown(name: str, everything: Collection[str]) -> UsageError:
    there = f"there are: {', '.join(everything)}" if everything else ""
    return UsageError(f"no such service: {name}", did_you_mean(name, everything, there))

"""The numbers of the containers of one service, and what depends on a number: the container's name, and its labels."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

from msgspec.structs import replace

from stackctl.planner.world import labels
from stackctl.planner.world.desired import Desired, DesiredContainer
from stackctl.planner.world.matching import differences, networks_in_use, ours
from stackctl.planner.world.observed import Observed


def numbered(want: DesiredContainer, number: int, name: str) -> DesiredContainer:
    """The container with another number, and the name that belongs to it."""
    if (number, name) == (want.number, want.name):
        return want
    networks = tuple(
        replace(place, aliases=tuple(name if alias == want.name else alias for alias in place.aliases))
        for place in want.networks
    )
    own = {labels.NUMBER: str(number), labels.COMPOSE_NUMBER: str(number)}
    return replace(want, number=number, name=name, networks=networks, labels={**want.labels, **own})


def renumbered(desired: Desired, observed: Observed) -> Desired:
    """The containers with the numbers that they have on the engine.

    If a service has more containers than it should, those that fit stay, and of these the lowest numbers. A new container
    gets the lowest number that is free. (Compose 5.6.1 gives it the highest number that is there, plus 1.)
    """
    there: dict[str, set[int]] = {}
    for have in ours(observed, desired.project, desired.instance):
        if have.service in desired.services and have.kind != "run":
            there.setdefault(have.service, set()).add(have.number)
    replicas = {name: service.replicas for name, service in desired.services.items()}
    moved = {name for name, numbers in there.items() if 0 < replicas[name] < max(numbers)}
    if not moved:
        return desired
    fitting = _fitting(desired, observed, moved)
    numbers = {name: iter(_numbers(replicas[name], there[name], fitting.get(name, set()))) for name in moved}
    containers = [
        _called(want, desired.project, next(numbers[want.service])) if want.service in moved else want
        for want in desired.containers
    ]
    names = {before.name: after.name for before, after in zip(desired.containers, containers, strict=True)}
    return replace(desired, containers=tuple(_naming(want, names) for want in containers))


def _naming(want: DesiredContainer, names: Mapping[str, str]) -> DesiredContainer:
    """The container, which calls others by these names."""
    networks = tuple(
        replace(place, links=tuple(_link(*link.partition(":"), names) for link in place.links))
        for place in want.networks
    )
    return replace(want.sharing_with(names), networks=networks)


def _link(name: str, colon: str, alias: str, names: Mapping[str, str]) -> str:
    return f"{names.get(name, name)}{colon}{alias}"


def _called(want: DesiredContainer, project: str, number: int) -> DesiredContainer:
    return numbered(want, number, want.settings.container_name or f"{project}-{want.service}-{number}")


def _fitting(desired: Desired, observed: Observed, services: set[str]) -> dict[str, set[int]]:
    """The numbers whose container is as it should be, by service."""
    wanted = {want.service: want for want in desired.containers}
    networks = networks_in_use(desired, observed)
    found: dict[str, set[int]] = {}
    for have in ours(observed, desired.project, desired.instance):
        if have.service in services and not differences(wanted[have.service], have, observed, networks):
            found.setdefault(have.service, set()).add(have.number)
    return found


def _numbers(count: int, there: set[int], fitting: set[int]) -> list[int]:
    """So many numbers: of those that are there, the fitting ones first; then the lowest that are free."""
    kept = sorted(there, key=lambda number: (number not in fitting, number))[:count]
    free = (number for number in itertools.count(1) if number not in there)
    return sorted([*kept, *itertools.islice(free, count - len(kept))])

"""Stop containers: dependents before what they depend on. `down`, `stop` and `rm` share this."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from msgspec import Struct, field

from stackctl.planner.steps.actions import StopContainer
from stackctl.planner.steps.facts import Stopped
from stackctl.planner.steps.plan import Draft
from stackctl.planner.world.desired import USUAL_GRACE, stop_hooks
from stackctl.planner.world.observed import ObservedContainer
from stackctl.spec.choosing import dependencies_of
from stackctl.spec.model import Hook, Stack


class Stops(Struct, frozen=True):
    """What the file says about stops. Without a file, all containers stop at once, each with the engine's usual grace."""

    dependencies: Mapping[str, Collection[str]] = field(default_factory=dict)
    """What each service depends on."""
    graces: Mapping[str, int] = field(default_factory=dict)
    """Whole seconds that a service has to stop, if the file says so."""
    hooks: Mapping[str, tuple[Hook, ...]] = field(default_factory=dict)
    """What is run in a container of each service before it is stopped."""

    @classmethod
    def of(cls, stack: Stack) -> Stops:
        services = stack.everything
        return cls(
            {name: tuple(dependencies_of(service)) for name, service in services.items()},
            {
                name: service.stop_grace_period.whole_seconds
                for name, service in services.items()
                if service.stop_grace_period
            },
            {name: hooks for name, service in services.items() if (hooks := stop_hooks(service))},
        )

    @property
    def dependents(self) -> Mapping[str, Sequence[str]]:
        """What depends on each service, by name."""
        found: dict[str, list[str]] = {}
        for service, needs in sorted(self.dependencies.items()):
            for other in needs:
                found.setdefault(other, []).append(service)
        return found


def plan_stops(
    draft: Draft,
    containers: Iterable[ObservedContainer],
    stops: Stops,
    why: str,
    *,
    grace: int | None = None,
    no_time: Collection[str] = (),
) -> None:
    """Stop the containers that run. `grace`: seconds to stop, for all of them. `no_time`: the ids of containers that are
    killed at once.
    """
    containers, dependents = tuple(containers), stops.dependents
    by_service: dict[str, list[Stopped]] = {}
    for container in containers:
        by_service.setdefault(container.service, []).append(Stopped(container.id))
    for container in containers:
        if container.running:
            service = container.service
            users = [fact for other in dependents.get(service, ()) for fact in by_service.get(other, ())]
            given = grace if grace is not None else stops.graces.get(service, USUAL_GRACE)
            action = StopContainer(
                container.id,
                container.name,
                0 if container.id in no_time else given,
                stops.hooks.get(service, ()),
            )
            draft.add(action, why, *users, makes=[Stopped(container.id)], of=container.replica)


def dependents_first(containers: Iterable[ObservedContainer], stops: Stops) -> list[ObservedContainer]:
    """The containers in the order in which they stop, whatever the order in which the engine lists them."""
    listed = sorted(containers, key=lambda container: container.name)
    services = _services_first({container.service for container in listed}, stops.dependents)
    order = {service: place for place, service in enumerate(services)}
    return sorted(listed, key=lambda container: order[container.service])


def _services_first(services: Collection[str], dependents: Mapping[str, Collection[str]]) -> Iterator[str]:
    """Some services, and all services that depend on them; dependents come first. A circle in a broken spec does no harm."""
    visited: set[str] = set()
    for first in sorted(services):
        pending = [(first, iter(dependents.get(first, ())))] if first not in visited else []
        visited.add(first)
        while pending:
            service, others = pending[-1]
            other = next((each for each in others if each not in visited), None)
            if other is None:
                pending.pop()
                yield service
            else:
                visited.add(other)
                pending.append((other, iter(dependents.get(other, ()))))

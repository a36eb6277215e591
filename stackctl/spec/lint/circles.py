"""Services that wait for each other in a circle. This is needed even to look at a stack: a circle has no order."""

from collections.abc import Iterator, Sequence

from stackctl.errors import Key, Problem
from stackctl.spec.choosing import dependencies_of, sharing
from stackctl.spec.graph import Walk
from stackctl.spec.model import Job, Service, Stack


def dependencies(stack: Stack) -> Walk:
    """What each service and job directly waits for, as a graph. Names that are not defined are left out."""
    everything = stack.everything
    return Walk(
        {
            name: [each for each in dependencies_of(service) if each in everything]
            for name, service in everything.items()
        }
    )


def circles(stack: Stack, walk: Walk) -> Iterator[Problem]:
    """The circles of a stack; `walk` is that of its `dependencies`."""
    everything = stack.everything
    for circle in walk.circles:
        one, other = circle[:2]
        yield Problem(
            _edge(everything[one], one, other),
            f"{_drawn(circle)}: none can start first",
            "remove one of these dependencies",
        )


_DRAWN = 12
"""How many names of a circle a message shows."""


def _drawn(circle: Sequence[str]) -> str:
    if len(circle) > _DRAWN:
        circle = [*circle[: _DRAWN - 2], f"… {len(circle) - _DRAWN} more …", circle[-1]]
    return " → ".join(circle)


def _edge(service: Service, one: str, other: str) -> tuple[Key, ...]:
    """The key path which says that `one` waits for `other`."""
    path = ("jobs" if isinstance(service, Job) else "services", one)
    if other in service.depends_on:
        return (*path, "depends_on", other)
    return (*path, next((name for name, there in sharing(service) if there == other), "depends_on"))

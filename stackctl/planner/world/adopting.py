"""Take over what Docker Compose has made for a project of the same name: it counts as the stack's own, made from another file.

Containers are replaced then, because their definition is not known. A network is made again, unless others are in it. A volume
keeps its labels, for the engine cannot change them: it is used as it is.
"""

from __future__ import annotations

from typing import TypeVar

from msgspec.structs import replace

from stackctl.planner.world import labels
from stackctl.planner.world.desired import Desired
from stackctl.planner.world.observed import Observed, ObservedContainer, ObservedNetwork

COMPOSE = "Docker Compose"

T = TypeVar("T", ObservedContainer, ObservedNetwork)


def made_by_compose(observed: Observed, project: str) -> list[ObservedContainer]:
    """The containers of the services of Compose's project with this name, without its one-offs."""
    return [
        container
        for container in observed.containers
        if _is_of_compose(container, project) and container.labels.get(labels.COMPOSE_ONEOFF) != "True"
    ]


def file_of_compose(container: ObservedContainer) -> str:
    """The file that Compose made a container from, or "" if the container does not tell."""
    return container.labels.get(labels.COMPOSE_FILES, "").partition(",")[0]


def adopted(desired: Desired, observed: Observed) -> Observed:
    """The snapshot in which what Compose has made for the project is the stack's."""
    mine = {container.id for container in made_by_compose(observed, desired.project)}
    if not mine:
        return observed
    return replace(
        observed,
        containers=tuple(_taken_over(c, desired) if c.id in mine else c for c in observed.containers),
        networks=tuple(
            _taken_over(network, desired) if _is_of_compose(network, desired.project) else network
            for network in observed.networks
        ),
    )


def _is_of_compose(thing: ObservedContainer | ObservedNetwork, project: str) -> bool:
    """Whether Compose made it: the containers of stackctl carry the name of the project for others, too, but no hash."""
    said = thing.labels
    return said.get(labels.COMPOSE_PROJECT) == project and labels.COMPOSE_HASH in said


def _taken_over(thing: T, desired: Desired) -> T:
    said = thing.labels
    if isinstance(thing, ObservedNetwork):
        key = said.get(labels.COMPOSE_NETWORK, "")
    else:
        key = said.get(labels.COMPOSE_SERVICE, "")
    own = {
        labels.PROJECT: desired.project,
        labels.INSTANCE: desired.instance,
        labels.SERVICE: key,
        labels.NUMBER: said.get(labels.COMPOSE_NUMBER, "1"),
        labels.SOURCE: COMPOSE,
    }
    return replace(thing, labels={**said, **own})

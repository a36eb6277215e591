"""What the in-memory engine has made, in the form in which it is compared with a file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec import structs

from stackctl.engine.memory.container import MemoryContainer
from stackctl.planner.same.desired import OF_NETWORKS, OF_STACKCTL, container_thing, resource_thing
from stackctl.planner.same.normal import UNTOLD, Values
from stackctl.planner.same.side import Thing
from stackctl.planner.world import labels
from stackctl.planner.world.desired import DesiredNetwork, DesiredVolume
from stackctl.planner.world.inits import wants_init
from stackctl.planner.world.observed import ObservedNetwork

_NOT_IN_THE_ENGINE = (*OF_STACKCTL, *UNTOLD, OF_NETWORKS, "build")
_NOT_OF_THE_ENGINE = ("tcp", "http", "log")
"""The checks that only stackctl runs."""


def made(
    containers: Iterable[MemoryContainer],
    networks: Mapping[str, ObservedNetwork],
    resources: Mapping[str, DesiredNetwork | DesiredVolume],
) -> tuple[Thing, ...]:
    """The containers, and the networks and volumes that they use."""

    def things() -> Iterator[Thing]:
        used: dict[str, None] = {}
        for each in containers:
            joined = [networks[id_].name for id_ in each.networks]
            used |= dict.fromkeys((*joined, *(mount.name for mount in each.mounts if mount.type == "volume")))
            yield _container(each, networks)
        for name in used:
            if want := resources.get(name):
                yield resource_thing(want, want.labels.get(labels.PROJECT, ""))

    return tuple(things())


def _container(container: MemoryContainer, networks: Mapping[str, ObservedNetwork]) -> Thing:
    config = container.config
    inherited: Values = {("environment", name): text for name, text in config.environment.items()}
    inherited |= {("entrypoint",): list(config.entrypoint), ("command",): list(config.command)}
    thing = container_thing(container.spec)
    values = {
        key: value
        for key, value in thing.values.items()
        if key[0] not in (*_NOT_IN_THE_ENGINE, "networks")
        and (key[0] != "healthcheck" or key[1] not in _NOT_OF_THE_ENGINE)
    }
    values["init",] = wants_init(container.spec, config)
    for id_, attachment in container.networks.items():
        values["networks", networks[id_].name] = (container.name, *attachment.aliases)
    usual = f"{container.labels.get(labels.PROJECT)}-{thing.key}-{container.spec.number}"
    return structs.replace(
        thing,
        name=container.name,
        chosen=container.name != usual,
        values=values,
        inherited=inherited,
        path=(),
        at={},
    )

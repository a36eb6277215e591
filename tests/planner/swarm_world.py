"""A small Swarm to plan on: stacks from text, and what a Swarm shows once it has what a stack asks for."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace
from plan_world import INSTANCE, stack

from stackctl.planner.swarm.desire import desire_swarm
from stackctl.planner.swarm.planning import DeployOptions, Resting, plan_deploy
from stackctl.planner.swarm.refusals import Asked, refusals
from stackctl.planner.world.desire import desire
from stackctl.planner.world.observed import ObservedEngine, ObservedNetwork
from stackctl.planner.world.swarm_desired import DesiredService, DesiredSwarm
from stackctl.planner.world.swarm_observed import (
    ObservedNode,
    ObservedService,
    ObservedSwarm,
    ObservedSwarmFile,
)
from stackctl.spec.model import Stack
from stackctl.spec.scaling import one_each

ENGINE = ObservedEngine(id="e")
NODES = tuple(
    ObservedNode(
        id=f"n{i}", name=f"node-{i}", role="manager" if i == 1 else "worker", os="linux", arch="x86_64"
    )
    for i in (1, 2, 3)
)
EMPTY = ObservedSwarm(engine=ENGINE, nodes=NODES, node_id="n1")
ALONE = replace(EMPTY, nodes=NODES[:1])


def wanted(text: str | Stack, **options: Any) -> DesiredSwarm:
    read = stack(text, **options) if isinstance(text, str) else text
    return desire_swarm(read, desire(one_each(read), instance=INSTANCE))


def observed(desired: DesiredSwarm, swarm: ObservedSwarm = EMPTY) -> ObservedSwarm:
    """What a Swarm shows once it has all of this, at rest."""
    ids = {file.name: f"id-{file.name}" for file in desired.files}
    return replace(
        swarm,
        services=tuple(_service(want, ids) for want in desired.services),
        networks=tuple(
            ObservedNetwork(id=f"id-{each.name}", name=each.name, labels=each.labels, driver=each.driver)
            for each in desired.networks
        ),
        secrets=_files(desired, "secrets"),
        configs=_files(desired, "configs"),
    )


def _files(desired: DesiredSwarm, section: str) -> tuple[ObservedSwarmFile, ...]:
    return tuple(
        ObservedSwarmFile(id=f"id-{file.name}", name=file.name, labels=file.labels)
        for file in desired.files
        if file.section == section
    )


def _service(want: DesiredService, ids: dict[str, str]) -> ObservedService:
    used = {
        section: frozenset(ids[u.name] for u in want.files if u.section == section)
        for section in ("secrets", "configs")
    }
    return ObservedService(
        id=f"id-{want.name}",
        name=want.name,
        version=10,
        labels=want.labels,
        image=want.image,
        task_digest=want.task_digest,
        mode=want.mode,
        replicas=want.replicas,
        running=0 if want.job else want.replicas,
        desired=want.replicas,
        completed=want.replicas if want.job else 0,
        secrets=used["secrets"],
        configs=used["configs"],
        present_files=used["secrets"] | used["configs"],
    )


def lines(
    desired: DesiredSwarm,
    swarm: ObservedSwarm = EMPTY,
    *,
    unsettled: tuple[str, ...] = (),
    failed: tuple[str, ...] = (),
    **options: Any,
) -> list[str]:
    """The plan as text. All services that are there are at rest, but those that are named."""
    there = {service.key for service in swarm.services}
    resting = Resting(frozenset(there - {*unsettled, *failed}), frozenset(failed))
    return str(plan_deploy(desired, swarm, DeployOptions(**options), resting=resting)).splitlines()


def problems(text: str, swarm: ObservedSwarm = EMPTY, **options: Any) -> list[str]:
    read = stack(text)
    asked = Asked(stack=read, desired=wanted(read), observed=swarm, options=DeployOptions(**options))
    return [
        ("" if each.severity == "error" else f"{each.severity}: ") + str(each) for each in refusals(asked)
    ]


def labelled(swarm: ObservedSwarm, key: str, **more: str) -> ObservedSwarm:
    """The Swarm with other labels of a service."""
    return replace(
        swarm,
        services=tuple(
            replace(each, labels={**each.labels, **more}) if each.key == key else each
            for each in swarm.services
        ),
    )

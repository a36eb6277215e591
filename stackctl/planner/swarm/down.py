"""Plan to take a stack away from a Swarm, and to take back what a failed deploy has changed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from msgspec import Struct

from stackctl.planner.steps.actions import (
    CreateService,
    RemoveConfig,
    RemoveNetwork,
    RemoveSecret,
    RemoveService,
    RollBackService,
    UpdateService,
    WaitForService,
    WaitForTasksGone,
)
from stackctl.planner.steps.facts import NameFree, Removed
from stackctl.planner.steps.plan import Draft, Plan, UndoPlan
from stackctl.planner.swarm.desire import STICKY
from stackctl.planner.world import labels
from stackctl.planner.world.replica import Replica
from stackctl.planner.world.swarm_desired import SwarmGoal
from stackctl.planner.world.swarm_observed import ObservedService, ObservedSwarm, ObservedTask


class SwarmDownOptions(Struct, frozen=True, kw_only=True):
    """`services`: only these. `timeout`: seconds that containers have to end, beside the time that each service gives its own."""

    services: Collection[str] = ()
    timeout: float = 60.0


def plan_swarm_down(
    project: str,
    observed: ObservedSwarm,
    options: SwarmDownOptions | None = None,
    *,
    tasks: Collection[ObservedTask] = (),
) -> Plan:
    """Remove the services of a project, dependents first; once no container of them is left on any node, its networks, secrets and
    configs. What stackctl has not made stays. A note tells where the data stays. `tasks` are those of the project: they tell on which nodes
    volumes are, and some may still end whose service is gone, because an earlier run was killed.
    """
    options = options or SwarmDownOptions()
    draft = Draft(project)
    mine = [service for service in observed.services if service.project == project and service.instance]
    chosen = [service for service in mine if not options.services or service.key in options.services]
    chosen = _dependents_first(chosen)
    for service in chosen:
        before = [NameFree(other.name) for other in chosen if service.key in other.depends]
        draft.add(
            RemoveService(service.id, service.name),
            "going down",
            *before,
            makes=[NameFree(service.name)],
            of=Replica(service.key),
        )
    gone = Removed(project)
    there = {service.id for service in observed.services}
    ids = {service.name: service.id for service in chosen}
    if not options.services:
        ids |= {
            f"service {t.service_id}": t.service_id for t in tasks if t.stays and t.service_id not in there
        }
    if ids:
        draft.add(
            WaitForTasksGone(project, ids, options.timeout),
            "networks and data are in use until then",
            *(NameFree(service.name) for service in chosen),
            makes=[gone],
        )
    if options.services:
        return draft.plan()
    for network in observed.networks:
        if network.project == project and network.labels.get(labels.STACK) == project:
            draft.add(RemoveNetwork(network.id, network.name), "going down", gone)
    for secret in observed.secrets:
        if secret.project == project and secret.instance:
            draft.add(RemoveSecret(secret.id, secret.name), "going down", gone)
    for config in observed.configs:
        if config.project == project and config.instance:
            draft.add(RemoveConfig(config.id, config.name), "going down", gone)
    if kept := _data(project, mine, observed, tasks):
        places = (
            f"{volume} on {', '.join(nodes) or 'nodes that the Swarm does not remember'}"
            for volume, nodes in sorted(kept.items())
        )
        draft.notes.append(f"data kept: {', '.join(places)}")
    return draft.plan()


def _data(
    project: str,
    services: Iterable[ObservedService],
    observed: ObservedSwarm,
    tasks: Iterable[ObservedTask],
) -> Mapping[str, Sequence[str]]:
    """The volumes of a project, each with the names of the nodes that have it: those on which tasks run that mount it, or have run, as
    far as the Swarm remembers them. The label of a node tells of a sticky volume also when its services are gone.
    """
    users: dict[str, set[str]] = {}
    for service in services:
        for volume in service.volumes:
            users.setdefault(volume, set()).add(service.id)
    nodes = {
        volume: {task.node_id for task in tasks if task.service_id in ids} for volume, ids in users.items()
    }
    prefix = f"{STICKY}{project}."
    for node in observed.nodes:
        for label, value in node.labels.items():
            if label.startswith(prefix) and value == "1":
                nodes.setdefault(f"{project}_{label.removeprefix(prefix)}", set()).add(node.id)
    names = {node.id: node.name for node in observed.nodes}
    return {volume: sorted(names[id_] for id_ in ids if id_ in names) for volume, ids in nodes.items()}


def plan_undo(
    project: str,
    done: Sequence[CreateService | UpdateService],
    observed: ObservedSwarm,
    *,
    wait_timeout: float = 120.0,
) -> UndoPlan:
    """Take back what a run has done, the last first: an updated service goes back, a created one is removed. A service that goes back
    by itself is waited for.
    """
    draft = Draft(project)
    there = {service.name: service for service in observed.services}
    previous: NameFree | None = None
    removed: dict[str, str] = {}
    for action in reversed(done):
        have = there.get(action.name)
        if have is None:
            continue
        of = Replica(action.spec.service)
        fact = NameFree(action.name)
        if isinstance(action, CreateService):
            removed[have.name] = have.id
            draft.add(
                RemoveService(have.id, have.name), "this run has made it", previous, makes=[fact], of=of
            )
        else:
            step = None
            if not have.update_state.startswith("rollback"):
                if not have.previous:
                    continue
                step = draft.add(
                    RollBackService(have.id, have.name), "this run has changed it", previous, of=of
                )
            goal = SwarmGoal(name=have.name, mode=have.mode, tasks=have.replicas, rolled_back=True)
            draft.add(
                WaitForService(goal, project, wait_timeout),
                "it goes back",
                previous if step is None else step,
                makes=[fact],
                of=of,
            )
        previous = fact
    if removed:
        draft.add(WaitForTasksGone(project, removed, wait_timeout), "they end", previous)
    plan = draft.plan()
    return UndoPlan(plan.project, plan.steps, plan.notes)


def plan_roll_back(
    project: str,
    services: Iterable[ObservedService],
    *,
    wait_timeout: float = 120.0,
    detach: bool = False,
) -> Plan:
    """Let services go back to what they were before their last update, dependents first."""
    draft = Draft(project)
    before: NameFree | None = None
    for have in _dependents_first(list(services)):
        of = Replica(have.key)
        if not have.previous or have.update_state == "rollback_completed":
            draft.notes.append(f"{have.name} has nothing to go back to: it was updated by no deploy since")
            continue
        step = draft.add(RollBackService(have.id, have.name), "asked to go back", before, of=of)
        if detach:
            continue
        before = NameFree(have.name)
        goal = SwarmGoal(name=have.name, mode=have.mode, tasks=have.replicas, rolled_back=True)
        draft.add(
            WaitForService(goal, project, wait_timeout),
            "deploy rollback waits for it",
            step,
            makes=[before],
            of=of,
        )
    return draft.plan()


def _dependents_first(services: Sequence[ObservedService]) -> list[ObservedService]:
    """The services in an order in which each comes before what it depends on; by name where labels tell a circle."""
    by_key = {service.key: service for service in services}
    order = TopologicalSorter(
        {key: [each for each in service.depends if each in by_key] for key, service in sorted(by_key.items())}
    )
    try:
        keys = [*order.static_order()]
    except CycleError:
        keys = sorted(by_key)
    return [by_key[key] for key in reversed(keys)]

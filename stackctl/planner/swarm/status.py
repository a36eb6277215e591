"""What a Swarm has beside what a stack asks for: a row for each service, counted from tasks on nodes that live."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from stackctl.planner.swarm.converged import running_places
from stackctl.planner.swarm.planning import differences, goal_of, ours
from stackctl.planner.world.swarm_desired import DesiredService, DesiredSwarm
from stackctl.planner.world.swarm_observed import (
    ObservedService,
    ObservedServicePort,
    ObservedSwarm,
    ObservedTask,
)


class SwarmRow(Struct, frozen=True, kw_only=True):
    """A service: what it should be, and what runs."""

    service: str
    name: str
    state: str
    """running, starting, completed, failed, updating, paused, rolled back, missing, or orphan: not in the file."""
    mode: str = "replicated"
    running: int = 0
    """Tasks that run on nodes that are not down; of a job, those that have completed."""
    wanted: int = 0
    nodes: Mapping[str, int] = {}
    """How many of them, by the name of the node."""
    ports: tuple[ObservedServicePort, ...] = ()
    image: str = ""
    drift: tuple[str, ...] = ()
    """What differs from the file."""
    error: str = ""
    """The error of the newest task that has one and that none after it has made good."""


def swarm_status(
    desired: DesiredSwarm, observed: ObservedSwarm, tasks: Iterable[ObservedTask]
) -> tuple[SwarmRow, ...]:
    """A row for each service of the file, in its order, then those that the file does not have."""
    by_service: dict[str, list[ObservedTask]] = {}
    for task in tasks:
        by_service.setdefault(task.service_id, []).append(task)
    there = ours(observed, desired)
    rows = [_row(want, there.get(want.service), observed, by_service) for want in desired.services]
    rows += [
        _orphan(have, observed, by_service.get(have.id, ()))
        for key, have in there.items()
        if key not in desired.known
    ]
    return tuple(rows)


def _row(
    want: DesiredService,
    have: ObservedService | None,
    observed: ObservedSwarm,
    tasks: Mapping[str, Sequence[ObservedTask]],
) -> SwarmRow:
    wanted = goal_of(want, observed).tasks
    if have is None:
        return SwarmRow(
            service=want.service,
            name=want.name,
            state="missing",
            mode=want.mode,
            wanted=wanted,
            image=want.template.image,
            drift=("not there",),
        )
    mine = tasks.get(have.id, ())
    counted, nodes = _counted(have, observed, mine)
    error = _error(mine)
    return SwarmRow(
        service=want.service,
        name=want.name,
        state=_state(have, counted, wanted, error),
        mode=have.mode,
        running=counted,
        wanted=wanted,
        nodes=nodes,
        ports=have.ports,
        image=have.image_as_written,
        drift=differences(want, have),
        error=error if counted < wanted else "",
    )


def _orphan(have: ObservedService, observed: ObservedSwarm, tasks: Sequence[ObservedTask]) -> SwarmRow:
    counted, nodes = _counted(have, observed, tasks)
    return SwarmRow(
        service=have.key,
        name=have.name,
        state="orphan",
        mode=have.mode,
        running=counted,
        wanted=have.replicas,
        nodes=nodes,
        ports=have.ports,
        image=have.image_as_written,
        drift=("not in the file",),
    )


def _counted(
    have: ObservedService, observed: ObservedSwarm, tasks: Sequence[ObservedTask]
) -> tuple[int, dict[str, int]]:
    """How many tasks run, or have completed, and where."""
    if have.is_job:
        counted = [t for t in tasks if t.state == "complete" and t.iteration == have.iteration]
        number = len({task.place or task.id for task in counted})
    else:
        counted = [t for t in tasks if running_places([t], observed.node)]
        number = len({task.place for task in counted})
    nodes: dict[str, int] = {}
    for task in sorted(counted, key=lambda task: (task.slot, task.id)):
        if node := observed.node.get(task.node_id):
            nodes[node.name] = nodes.get(node.name, 0) + 1
    return number, dict(sorted(nodes.items()))


def _state(have: ObservedService, counted: int, wanted: int, error: str) -> str:
    match have.update_state:
        case "updating":
            return "updating"
        case "paused" | "rollback_paused":
            return "paused"
        case "rollback_started" | "rollback_completed":
            return "rolled back"
    if have.is_job:
        return "completed" if counted >= wanted else "failed" if error else "running"
    return "running" if counted >= wanted else "starting"


def _error(tasks: Sequence[ObservedTask]) -> str:
    newest = sorted(tasks, key=lambda task: (-task.created, task.id))
    return next((task.error for task in newest if task.error), "")

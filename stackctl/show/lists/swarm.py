"""The services of a stack on a Swarm, as a table and as JSON; and what its tasks are called in logs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from stackctl.planner.swarm.status import SwarmRow
from stackctl.planner.world import labels
from stackctl.planner.world.observed import ObservedContainer
from stackctl.planner.world.swarm_observed import ObservedServicePort, ObservedSwarm, ObservedTask
from stackctl.show.text.amounts import quoted
from stackctl.show.text.safe import one_line
from stackctl.show.text.style import PLAIN, Name, Style
from stackctl.show.text.table import GAP, table

VERSION = 1

_COLORS: Mapping[str, Name] = {
    "running": "green",
    "completed": "green",
    "starting": "yellow",
    "updating": "yellow",
    "orphan": "yellow",
    "paused": "red",
    "rolled back": "red",
    "failed": "red",
    "missing": "red",
}


def swarm_status_text(rows: Iterable[SwarmRow], *, style: Style = PLAIN) -> str:
    """A table with service, state, tasks, nodes, ports and image; below it, what differs from the file, and errors of tasks."""
    rows = tuple(rows)
    if not rows:
        return "Nothing is there."
    cells = [
        [
            quoted(row.service),
            style(row.state, _COLORS[row.state]),
            f"{row.running}/{row.wanted}",
            GAP.join(f"{one_line(node)}{f' ×{n}' if n > 1 else ''}" for node, n in row.nodes.items()),
            GAP.join(map(_port, row.ports)),
            one_line(row.image),
        ]
        for row in rows
    ]
    text = table(["SERVICE", "STATE", "TASKS", "NODES", "PORTS", "IMAGE"], cells, style, ("IMAGE", "NODES"))
    parts = [text]
    for title, said in (
        ("Differs from the file:", [(row.service, ", ".join(row.drift)) for row in rows if row.drift]),
        ("Errors of tasks:", [(row.service, row.error) for row in rows if row.error]),
    ):
        if said:
            width = max(len(quoted(name)) for name, _ in said)
            parts += ["", style(title, "bold")]
            parts += [
                f"  {style(quoted(name).ljust(width), 'yellow')}  {one_line(what)}" for name, what in said
            ]
    return "\n".join(parts)


def swarm_status_json(rows: Iterable[SwarmRow], project: str) -> dict[str, Any]:
    """The rows as JSON, version 1."""
    return {
        "version": VERSION,
        "project": project,
        "services": [
            {
                "service": row.service,
                "name": row.name,
                "state": row.state,
                "mode": row.mode,
                "running": row.running,
                "wanted": row.wanted,
                "nodes": dict(row.nodes),
                "ports": [
                    {
                        "target": port.target,
                        "published": port.published or None,
                        "protocol": port.protocol,
                        "mode": port.mode,
                    }
                    for port in row.ports
                ],
                "image": row.image,
                "drift": list(row.drift),
                "error": row.error or None,
            }
            for row in rows
        ],
    }


def task_containers(
    tasks: Iterable[ObservedTask], observed: ObservedSwarm
) -> Mapping[str, ObservedContainer]:
    """What the lines of each task stand behind, by its id: `api-2`, or `agent.node1` for a global service, whose tasks have no number."""
    services = {service.id: service for service in observed.services}
    found = {}
    for task in tasks:
        if service := services.get(task.service_id):
            node = observed.node.get(task.node_id)
            place = str(task.slot) if task.slot else (node.name if node else task.node_id)
            number = {labels.NUMBER: place} if task.slot else {}
            found[task.id] = ObservedContainer(
                id=task.id, name=f"{service.key}.{place}", labels={labels.SERVICE: service.key, **number}
            )
    return found


def _port(port: ObservedServicePort) -> str:
    """`*:8000→80`; `host` if only nodes with a task answer."""
    protocol = "" if port.protocol == "tcp" else f"/{port.protocol}"
    how = " (host)" if port.mode == "host" else ""
    return f"*:{port.published or '*'}→{port.target}{protocol}{how}"

"""The projects of an engine, for `ls`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from stackctl.planner.world.projects import ObservedProject
from stackctl.show.text.amounts import ago, iso, size
from stackctl.show.text.safe import one_line
from stackctl.show.text.style import PLAIN, Style
from stackctl.show.text.table import table

VERSION = 1
"""The version of the JSON; version 1 only ever gains keys."""


class ListedProject(Struct, frozen=True, kw_only=True):
    """A project, and what others than the engine's lists tell of it."""

    project: ObservedProject
    branch: str = ""
    """The branch that is checked out in its directory; "" if nobody can tell."""
    data: int | None = None
    """The bytes in its volumes; None if nobody has counted them."""
    stale: str = ""
    """Why nobody needs it any more."""


def projects_text(rows: Iterable[ListedProject], *, now: float, style: Style = PLAIN) -> str:
    """A table. `now` is in seconds since the epoch. Columns that say nothing of any project are left out."""
    rows = list(rows)
    columns = {
        "NAME": [one_line(row.project.name) for row in rows],
        "STATE": [_states(row.project.states) or "only data" for row in rows],
        "CREATED": [ago(now - row.project.created) if row.project.created else "" for row in rows],
        "BRANCH": [one_line(row.branch) for row in rows],
        "PORTS": [_ports(row.project) for row in rows],
        "DATA": ["" if row.data is None else size(row.data) for row in rows],
        "ENDS": [_ends(row.project.until - now) for row in rows],
        "STALE": [one_line(row.stale) for row in rows],
        "MADE BY": [row.project.tool + (" (test)" if row.project.test else "") for row in rows],
        "DIRECTORY": [one_line(row.project.directory) for row in rows],
    }
    told = {title: cells for title, cells in columns.items() if any(cells) or title in _ALWAYS}
    return table([*told], [*zip(*told.values(), strict=True)], style, _YIELDING)


_ALWAYS = ("NAME", "STATE", "CREATED", "MADE BY", "DIRECTORY")
_YIELDING = ("DIRECTORY", "MADE BY", "BRANCH", "CREATED")


def projects_json(rows: Iterable[ListedProject]) -> dict[str, Any]:
    """The projects as JSON, version 1. `states` says how many containers are in each state; `data` is in bytes, and null unless it
    was asked for.
    """
    return {
        "version": VERSION,
        "projects": [
            {
                "name": row.project.name,
                "tool": row.project.tool,
                "directory": row.project.directory,
                "files": list(row.project.files),
                "branch": row.branch or None,
                "states": dict(row.project.states),
                "created": iso(row.project.created),
                "ends": None if math.isinf(row.project.until) else iso(row.project.until),
                "ports": [
                    {
                        "host_ip": port.host_ip,
                        "published": port.published,
                        "target": port.target,
                        "protocol": port.protocol,
                    }
                    for port in row.project.ports
                ],
                "data": row.data,
                "stale": row.stale or None,
                "test": row.project.test,
            }
            for row in rows
        ],
    }


def projects_as_compose(rows: Iterable[ListedProject]) -> list[dict[str, str]]:
    """Compose's `ls --format json`, which lists only projects with containers."""
    return [
        {
            "Name": row.project.name,
            "Status": _states(dict(sorted(row.project.states.items()))),
            "ConfigFiles": ",".join(row.project.files),
        }
        for row in rows
        if row.project.states
    ]


def _states(states: Mapping[str, int]) -> str:
    return ", ".join(f"{state}({number})" for state, number in states.items())


def _ports(project: ObservedProject) -> str:
    return " ".join(
        f"{port.published}{'' if port.protocol == 'tcp' else '/' + port.protocol}" for port in project.ports
    )


def _ends(seconds: float) -> str:
    if math.isinf(seconds):
        return ""
    return f"in {ago(seconds).removesuffix(' ago').lower()}" if seconds > 0 else ago(-seconds).lower()

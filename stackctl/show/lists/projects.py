"""The projects of an engine, for `ls`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from stackctl.planner.world.projects import ObservedProject
from stackctl.show.text.amounts import ago, iso
from stackctl.show.text.safe import one_line
from stackctl.show.text.style import PLAIN, Style
from stackctl.show.text.table import table

VERSION = 1
"""The version of the JSON; version 1 only ever gains keys."""


def projects_text(projects: Iterable[ObservedProject], *, now: float, style: Style = PLAIN) -> str:
    """A table with name, state, age and directory. `now` is in seconds since the epoch."""
    cells = [
        [
            one_line(project.name),
            _states(project.states),
            ago(now - project.created),
            project.tool + (" (test)" if project.test else ""),
            one_line(project.directory),
        ]
        for project in projects
    ]
    return table(["NAME", "STATE", "CREATED", "MADE BY", "DIRECTORY"], cells, style, ("DIRECTORY",))


def projects_json(projects: Iterable[ObservedProject]) -> dict[str, Any]:
    """The projects as JSON, version 1. `states` says how many containers are in each state."""
    return {
        "version": VERSION,
        "projects": [
            {
                "name": project.name,
                "tool": project.tool,
                "directory": project.directory,
                "files": list(project.files),
                "states": dict(project.states),
                "created": iso(project.created),
                "test": project.test,
            }
            for project in projects
        ],
    }


def projects_as_compose(projects: Iterable[ObservedProject]) -> list[dict[str, str]]:
    """Compose's `ls --format json`."""
    return [
        {
            "Name": project.name,
            "Status": _states(dict(sorted(project.states.items()))),
            "ConfigFiles": ",".join(project.files),
        }
        for project in projects
    ]


def _states(states: Mapping[str, int]) -> str:
    return ", ".join(f"{state}({number})" for state, number in states.items())

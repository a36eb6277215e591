"""What is left over on an engine, for `gc`: the projects, why, and what is removed of each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from stackctl.planner.runs.left_over import LeftOver
from stackctl.planner.steps.actions import RemoveContainer, RemoveNetwork, RemoveVolume
from stackctl.planner.steps.plan import Plan
from stackctl.show.text.amounts import counted
from stackctl.show.text.safe import one_line
from stackctl.show.text.style import PLAIN, Style

VERSION = 1
"""The version of the JSON; version 1 only ever gains keys."""

Found = Iterable[tuple[LeftOver, Plan]]


def left_over_text(found: Found, style: Style = PLAIN) -> str:
    """A paragraph for each project: its name, why it is left over, what goes, and what stays."""
    lines = []
    for left, plan in found:
        lines.append(f"{style(one_line(left.project.name), 'bold')}: {one_line(left.why)}")
        lines.append(f"  removes {_removed(plan)}")
        lines += [f"  {one_line(note)}" for note in plan.notes]
    return "\n".join(lines)


def left_over_json(found: Found) -> dict[str, Any]:
    """The same as JSON, version 1."""
    return {
        "version": VERSION,
        "projects": [
            {
                "name": left.project.name,
                "directory": left.project.directory,
                "why": left.why,
                "containers": _names(plan, RemoveContainer),
                "networks": _names(plan, RemoveNetwork),
                "volumes": list(plan.loses_data),
                "notes": list(plan.notes),
            }
            for left, plan in found
        ],
    }


def _removed(plan: Plan) -> str:
    """How many things of each kind. Volumes without data do not count."""
    amounts = (
        (len(_names(plan, RemoveContainer)), "container"),
        (len(_names(plan, RemoveNetwork)), "network"),
        (len(plan.loses_data), "volume"),
    )
    return ", ".join(counted(number, kind) for number, kind in amounts if number) or "nothing"


def _names(plan: Plan, kind: type[RemoveContainer | RemoveNetwork | RemoveVolume]) -> list[str]:
    return [step.action.name for step in plan.steps if isinstance(step.action, kind)]

"""A plan for people, and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any

from stackctl.planner.steps.actions import subject
from stackctl.planner.steps.plan import Plan, Step
from stackctl.planner.world.desired import DesiredContainer, DesiredMount
from stackctl.show.changes import (
    Change,
    changes,
    count,
    kept_volumes,
    loses_anonymous_volumes,
    together,
)
from stackctl.show.text.amounts import quoted
from stackctl.show.text.safe import one_line
from stackctl.show.text.style import PLAIN, Name, Style
from stackctl.show.words import Mark, describe

VERSION = 1

_COLORS: Mapping[Mark, Name] = {"+": "green", "~": "yellow", "-": "red"}


def plan_text(*plans: Plan, style: Style = PLAIN) -> str:
    """What will be done and why, by networks, volumes, images and services, and what becomes of the data.

    Several plans are those of one command, in the order of their execution.
    """
    plan = together(*plans)
    found = changes(plan)
    parts = [_changes(found, style), _data(plan, style), _notes(plan, style), summary_line(found, style)]
    return "\n\n".join(part for part in parts if part)


def steps_text(*plans: Plan) -> str:
    """Every step in a safe order, waiting included: what it does, why, and the steps it comes after."""
    plan = together(*plans)
    width = len(str(len(plan.steps)))
    lines = [f"{step.id:>{width}}  {describe(step.action)}{_because(step)}" for step in plan.steps]
    notes = _notes(plan, PLAIN)
    return "\n".join([*(lines or ["Nothing to do."]), *(["", notes] if notes else [])])


def _because(step: Step) -> str:
    why = f": {one_line(step.why)}" if step.why else ""
    return why + (f" (after {', '.join(map(str, sorted(step.after)))})" if step.after else "")


def plan_json(*plans: Plan) -> dict[str, Any]:
    """The plan as JSON, version 1: every step in a safe order, waiting included."""
    plan = together(*plans)
    found = changes(plan)
    return {
        "version": VERSION,
        "project": plan.project,
        "steps": [
            {
                "id": step.id,
                "action": type(step.action).__name__,
                "subject": subject(step.action),
                "description": describe(step.action),
                "why": step.why,
                "after": sorted(step.after),
                "service": step.service,
            }
            for step in plan.steps
        ],
        "changes": [
            {
                "kind": change.group.lower().removesuffix("s"),
                "name": change.name,
                "change": change.verb,
                "why": change.why,
                "steps": [step.id for step in change.steps],
            }
            for change in found
        ],
        "notes": list(plan.notes),
        "warnings": [
            {
                "rule": problem.rule,
                "place": str(problem.place) if problem.place else None,
                "where": problem.where,
                "message": problem.message,
                "hint": problem.hint,
            }
            for problem in plan.warnings
        ],
        "loses_data": list(plan.loses_data),
        "summary": count(found),
    }


def summary_line(found: Iterable[Change], style: Style = PLAIN) -> str:
    """`Plan: 3 to create, 1 to recreate, 0 to remove.`, or `Nothing to do.`"""
    number: dict[str, int] = count(found)
    if not any(number.values()):
        return "Nothing to do."
    return style("Plan:", "bold") + " " + ", ".join(f"{n} to {verb}" for verb, n in number.items()) + "."


def _changes(found: tuple[Change, ...], style: Style) -> str:
    width = max((len(quoted(change.name)) for change in found), default=0)
    lines = []
    for group, members in groupby(found, key=lambda change: change.group):
        lines.append(style(group, "bold"))
        for change in members:
            name = quoted(change.name).ljust(width)
            color = _COLORS[change.mark]
            why = one_line(change.why)
            lines.append(f"  {style(f'{change.mark} {name}', color)}  {change.verb}" + (why and f": {why}"))
    return "\n".join(lines)


def _data(plan: Plan, style: Style) -> str:
    kept = [_volume(mount, container) for mount, container in kept_volumes(plan)]
    lost = [f"volume {quoted(name)}" for name in plan.loses_data]
    if loses_anonymous_volumes(plan):
        lost.append("the anonymous volumes of the removed containers")
    lines = []
    if kept:
        lines.append(f"Data kept: {', '.join(kept)}.")
    if lost:
        lines.append(style(f"Data lost: {', '.join(lost)}.", "bold", "red"))
    return "\n".join(lines)


def _volume(mount: DesiredMount, container: DesiredContainer) -> str:
    """A volume by its name. An anonymous one, which alone has `labels` here, by its service and path."""
    if mount.labels:
        return f"the volume of {quoted(container.service)} at {quoted(mount.target)}"
    return f"volume {quoted(mount.source)}"


def _notes(plan: Plan, style: Style) -> str:
    return "\n".join(f"{style('Note:', 'bold')} {one_line(note)}" for note in plan.notes)

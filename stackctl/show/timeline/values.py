"""The timeline of a run for programs: as JSON, and as a trace that a viewer of traces opens."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from stackctl.planner.steps.critical import critical_path, waits
from stackctl.planner.steps.timeline import TimedStep, Timeline, seconds_of_phases
from stackctl.show.text.amounts import iso
from stackctl.show.timeline.reasons import reason, said, wait_said

VERSION = 1


def timeline_json(run: Timeline) -> dict[str, Any]:
    """The timeline as JSON, version 1, which only ever gains keys. Times are in seconds since the run began."""
    phases = seconds_of_phases(run)
    return {
        "version": VERSION,
        "project": run.project,
        "command": run.command,
        "at": iso(run.at, "milliseconds") if run.at else None,
        "seconds": _time(run.seconds),
        "exit_code": run.exit_code,
        "services": [
            {
                "name": row,
                "began": _time(min(step.began for step in steps)),
                "ended": _time(max(step.ended for step in steps)),
                "phases": {phase: _time(seconds) for phase, seconds in phases[row].items()},
                "segments": [_segment(step) for step in steps],
            }
            for row, steps in run.rows().items()
        ],
        "critical_path": [
            {
                "kind": link.kind,
                "began": _time(link.began),
                "ended": _time(link.ended),
                "seconds": _time(link.seconds),
                "step": link.step.id if link.step else None,
                "service": link.step.service if link.step else "",
                "waiter": link.waiter,
                "reason": reason(link),
            }
            for link in critical_path(run)
        ],
        "waits": [
            {
                "service": wait.who,
                "for": wait.of,
                "until": wait.until,
                "seconds": _time(wait.seconds),
                "saves": _time(wait.saves),
                "reason": wait_said(wait),
            }
            for wait in waits(run)
        ],
    }


def _segment(step: TimedStep) -> dict[str, Any]:
    return {
        "step": step.id,
        "phase": step.phase,
        "action": step.action,
        "subject": step.subject,
        "began": _time(step.began),
        "ended": _time(step.ended),
        "result": step.result,
    }


def _time(seconds: float) -> float:
    return round(seconds, 3)


# Trace Event Format (Google, 2016): "X" is a step with its duration, "M" names a process or thread, "s" and "f" are the
# ends of an arrow. Times are in microseconds.

_PROCESS = 1


def timeline_trace(run: Timeline) -> dict[str, Any]:
    """The timeline in Chrome's trace format, which Perfetto and chrome://tracing open: a thread for each service, and arrows along the
    critical path. Steps that overlap stand in threads of their own.
    """
    events: list[dict[str, Any]] = [_named("process_name", f"{run.command} {run.project}")]
    places: dict[int, int] = {}
    thread = 0
    rows = run.rows()
    alone = [step for step in run.steps if not step.rows]
    for row, steps in [*(rows.items()), *([("networks and volumes", alone)] if alone else [])]:
        for number, lane in enumerate(lanes(steps), 1):
            thread += 1
            events.append(_named("thread_name", row if number == 1 else f"{row} ({number})", thread))
            for step in lane:
                places.setdefault(step.id, thread)
                events.append(_complete(step, thread))
    path = [link.step for link in critical_path(run) if link.kind == "step" and link.step]
    for number, (before, after) in enumerate(pairwise(path), 1):
        flow = {"cat": "critical path", "name": "critical path", "id": number, "pid": _PROCESS}
        events.append({**flow, "ph": "s", "ts": _micro(before.ended), "tid": places[before.id]})
        events.append({**flow, "ph": "f", "bp": "e", "ts": _micro(after.began), "tid": places[after.id]})
    at = {"at": iso(run.at, "milliseconds")} if run.at else {}
    return {"traceEvents": events, "displayTimeUnit": "ms", "otherData": {"project": run.project, **at}}


def lanes(steps: Iterable[TimedStep]) -> list[list[TimedStep]]:
    """The steps divided so that none overlaps another of its part."""
    found: list[list[TimedStep]] = []
    for step in sorted(steps, key=lambda step: (step.began, step.ended)):
        lane = next((lane for lane in found if lane[-1].ended <= step.began), None)
        if lane is None:
            found.append(lane := [])
        lane.append(step)
    return found


def _named(kind: str, name: str, thread: int = 0) -> dict[str, Any]:
    return {"ph": "M", "name": kind, "pid": _PROCESS, "tid": thread, "args": {"name": name}}


def _complete(step: TimedStep, thread: int) -> dict[str, Any]:
    return {
        "ph": "X",
        "name": said(step),
        "cat": step.phase,
        "ts": _micro(step.began),
        "dur": max(_micro(step.ended) - _micro(step.began), 0),
        "pid": _PROCESS,
        "tid": thread,
        "args": {"action": step.action, "why": step.why, "result": step.result},
    }


def _micro(seconds: float) -> int:
    return round(seconds * 1_000_000)

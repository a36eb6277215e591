"""A run as JSON, one object a line, for programs. The shape is versioned: version 1 only ever gains keys."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any, TextIO

from stackctl.errors import SpecError, StackError, WaitError
from stackctl.planner.steps.actions import subject
from stackctl.planner.steps.events import (
    Confirmed,
    Done,
    Event,
    Failed,
    Planned,
    Postponed,
    Progress,
    Rescued,
    Skipped,
    Started,
)
from stackctl.planner.steps.outcome import Outcome
from stackctl.planner.steps.plan import Step
from stackctl.show.plan_text import plan_json
from stackctl.show.problems import problems_json
from stackctl.show.text.amounts import iso

VERSION = 1


class JsonLines:
    """`{"version": 1, "ts": "…", "at": 0.1, "event": "started", "step": 3, "action": "StartContainer", …}`.

    `ts` is UTC on this machine's clock (`clock`, seconds since the epoch), `at` is in seconds since the execution began.
    """

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.time) -> None:
        self._stream = stream
        self._clock = clock

    def show(self, event: Event) -> None:
        match event:
            case Planned(plan):
                self._write("planned", event.at, {"plan": plan_json(plan)})
            case Started():
                self._step(event, "started")
            case Progress(news=news):
                self._step(event, "progress", text=news.text, current=news.current, total=news.total)
            case Done(seconds=seconds, note=note):
                self._step(event, "done", seconds=round(seconds, 3), note=note)
            case Failed(seconds=seconds, error=error):
                self._step(event, "failed", seconds=round(seconds, 3), error=error_json(error))
            case Skipped(because=because):
                self._step(event, "skipped", because=because.id if because else None)
            case Postponed(error=error):
                self._step(event, "postponed", error=error_json(error) if error else None)
            case Rescued(error=error):
                self._step(event, "rescued", error=error_json(error) if error else None)
            case Confirmed(running):
                self._write("confirmed", event.at, {"running": sorted(running)})

    def say(self, text: str) -> None:
        """Print nothing: text that is not JSON would break the reader."""

    def interrupted(self) -> None:
        """Print nothing: events tell which steps are skipped, and the end."""

    def close(self, outcome: Outcome | None = None) -> None:
        if outcome:
            ended = {
                "exit_code": outcome.exit_code,
                "changed": outcome.changed,
                "failed": [failure.step.id for failure in outcome.failures],
                "tolerated": [failure.step.id for failure in outcome.tolerated],
                "skipped": [skipped.step.id for skipped in outcome.skipped],
                "interrupted": outcome.interrupted,
                "undone": outcome.undone and not outcome.stuck,
            }
            self._write("ended", outcome.seconds, ended)

    def _step(
        self,
        event: Started | Progress | Done | Failed | Skipped | Postponed | Rescued,
        kind: str,
        **more: Any,
    ) -> None:
        self._write(kind, event.at, {**_step_json(event.step), **more})

    def _write(self, kind: str, at: float, more: dict[str, Any]) -> None:
        ts = iso(self._clock(), "milliseconds")
        line = {"version": VERSION, "ts": ts, "at": round(at, 3), "event": kind, **more}
        print(json.dumps(line), file=self._stream, flush=True)


def error_event(error: BaseException, clock: Callable[[], float] = time.time) -> str:
    """The line for what ends a command outside of its plan: a mistake in the file, an engine that does not answer.

    It is the only event then, or the last one. `exit_code` is what the command ends with; the line has no `at`.
    """
    line: dict[str, Any] = {"version": VERSION, "ts": iso(clock(), "milliseconds"), "event": "error"}
    if isinstance(error, SpecError):
        line["problems"] = problems_json(error.problems)["problems"]
    return json.dumps(line | {"error": error_json(error), "exit_code": getattr(error, "exit_code", 1)})


def error_json(error: BaseException) -> dict[str, Any]:
    """What an error says, and its evidence if it has some."""
    said: dict[str, Any] = {"type": type(error).__name__, "message": str(error), "hint": ""}
    if isinstance(error, StackError):
        said |= {"message": error.message, "hint": error.hint}
    if isinstance(error, WaitError):
        said |= {
            "exit_code": error.exit_code_of_container,
            "last_answer": error.last_answer,
            "log": list(error.log_tail),
        }
    return said


def _step_json(step: Step) -> dict[str, Any]:
    return {
        "step": step.id,
        "action": type(step.action).__name__,
        "subject": subject(step.action),
        "service": step.service,
        "why": step.why,
    }

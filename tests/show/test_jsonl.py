import io
import json
from collections.abc import Iterable
from typing import Any

from show_stories import failing_run, first_plans, outcome_of

from stackctl.planner.steps.events import Event, Rescued, Skipped
from stackctl.planner.steps.outcome import Outcome
from stackctl.show.plan_text import plan_json
from stackctl.show.run.jsonl import JsonLines


def lines(events: Iterable[Event], outcome: Outcome | None = None) -> list[Any]:
    stream = io.StringIO()
    listener = JsonLines(stream, clock=lambda: 1_700_000_000.5)
    for event in events:
        listener.show(event)
    listener.close(outcome)
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_every_event_is_an_object_on_a_line() -> None:
    events = list(failing_run())
    told = lines(events, outcome_of(events))
    assert len(told) == len(events) + 1
    assert all((line["version"], line["ts"]) == (1, "2023-11-14T22:13:20.500Z") for line in told)
    assert told[0]["plan"] == plan_json(first_plans()[0])
    assert told[1] == {
        "version": 1,
        "ts": "2023-11-14T22:13:20.500Z",
        "at": 0.0,
        "event": "started",
        "step": 1,
        "action": "PullImage",
        "subject": "postgres:15",
        "service": "postgres",
        "why": "not here",
    }
    assert {key: told[3][key] for key in ("event", "text", "current", "total")} == {
        "event": "progress",
        "text": "downloading",
        "current": 10_000_000,
        "total": 41_000_000,
    }
    assert (told[6]["event"], told[6]["seconds"], told[6]["note"]) == ("done", 3.9, "")


def test_a_failure_keeps_its_evidence_and_escapes_what_a_terminal_would_obey() -> None:
    events = list(failing_run())
    *_, failed, ended = lines(events, outcome_of(events))
    assert failed["error"] == {
        "type": "WaitError",
        "message": "myapp-api-1 ended with exit code 137, out of memory",
        "hint": "give it more memory",
        "exit_code": 137,
        "last_answer": "connection refused",
        "log": [*(f"line {number}" for number in range(1, 20)), "\x1b]0;title\x07MemoryError"],
    }
    assert ended == {
        "version": 1,
        "ts": ended["ts"],
        "at": 8.6,
        "event": "ended",
        "exit_code": 5,
        "changed": 10,
        "failed": [failed["step"]],
        "tolerated": [],
        "skipped": [],
        "interrupted": False,
        "undone": False,
    }
    stream = io.StringIO()
    JsonLines(stream).show(events[-1])
    assert "\x1b" not in stream.getvalue()


def test_skipped_and_rescued() -> None:
    _, up = first_plans()
    first, second = up.steps[:2]
    told = lines(
        [
            Skipped(second, 1, first),
            Skipped(second, 1, None),
            Rescued(first, 2),
            Rescued(first, 2, OSError("gone")),
        ]
    )
    assert [line.get("because") for line in told[:2]] == [1, None]
    assert [line["error"] for line in told[2:]] == [None, {"type": "OSError", "message": "gone", "hint": ""}]


def test_a_run_that_broke_off_has_no_end() -> None:
    assert lines([], None) == []

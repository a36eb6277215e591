"""Follow an execution: events to a renderer, signals to a wish to stop, the outcome to an exit code."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from stackctl.cli.options import Settings
from stackctl.engine.execute import Cancel
from stackctl.errors import Problem
from stackctl.planner.steps.events import Event, Planned
from stackctl.planner.steps.outcome import Outcome
from stackctl.show.render import renderer
from stackctl.show.safe import one_line

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def follow(
    settings: Settings,
    command: str,
    events: Callable[[Cancel], Iterator[Event]],
    *,
    source: str = "",
    stream: Any = None,
) -> tuple[Outcome, int]:
    """Show the events as they come and what the plans had to say, on stderr, and return the outcome and the exit code.

    The first Ctrl-C begins no new step and ends cleanly; the second leaves at once.
    """
    cancel = Cancel()
    view = renderer(
        settings.progress,  # type: ignore[arg-type]
        stream or (sys.stdout if settings.progress == "json" else sys.stderr),
        command=command,
        source=source,
        no_color=not settings.color,
    )
    result, ended = Outcome(), False
    notes: dict[str, None] = {}
    warnings: set[Problem] = set()
    with _signals(cancel) as received:
        try:
            for event in events(cancel):
                if isinstance(event, Planned):
                    notes |= dict.fromkeys(event.plan.notes)
                    settings.warn(warning for warning in event.plan.warnings if warning not in warnings)
                    warnings |= set(event.plan.warnings)
                result = result.after(event)
                view.show(event)
            ended = True
        finally:
            view.close(result if ended else None)
    if settings.progress not in ("json", "quiet"):
        for note in notes:
            print(f"note: {one_line(note)}", file=sys.stderr)
    return result, 128 + received[0] if received else result.exit_code


@contextmanager
def _signals(cancel: Cancel) -> Iterator[list[int]]:
    """Turn signals into a wish to stop; the numbers received are yielded."""
    received: list[int] = []

    def handle(number: int, _: FrameType | None) -> None:
        if received:
            os._exit(128 + number)
        received.append(number)
        cancel.set()

    before = {number: signal.signal(number, handle) for number in _SIGNALS}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def tell_waiting(holder: str) -> None:
    """Say who holds the project while this run waits for it."""
    print(f"waiting for another run: {holder}", file=sys.stderr)

"""Follow an execution: events to a renderer, signals to a wish to stop, the outcome to an exit code."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn

from msgspec.structs import replace

from stackctl.cli.settings import Settings, on_stderr
from stackctl.cli.streams import lasting
from stackctl.engine.execute import Cancel
from stackctl.errors import CancelledError, Problem
from stackctl.planner.steps.events import Event, Planned
from stackctl.planner.steps.outcome import Outcome
from stackctl.show.run.render import Renderer, renderer
from stackctl.show.text.safe import one_line
from stackctl.spec.model import Stack

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""The signals that ask to stop."""
_LEFT = "left at once: what was under way may go on in the engine; stackctl status shows what is there"


def follow(
    settings: Settings,
    command: str,
    events: Callable[[Cancel], Iterator[Event]],
    *,
    stack: Stack | None = None,
) -> tuple[Outcome, int]:
    """Show the events as they come, and the notes of the plans, on stderr. Return the outcome and the exit code.

    The first Ctrl-C begins no new step and ends cleanly; the second leaves at once. A reader who leaves stops nothing.
    """
    cancel = Cancel()
    stderr = lasting(sys.stderr)
    view = renderer(
        settings.progress,  # type: ignore[arg-type]
        lasting(sys.stdout) if settings.progress == "json" else stderr,
        command=command,
        stack=stack,
        no_color=not settings.color,
    )
    if settings.progress != "json":  # stdout has the events then, and stderr stays free
        settings.say = view.say
    result, ended = Outcome(), False
    notes: dict[str, None] = {}
    warnings: set[Problem] = set()
    with _signals(cancel, view) as received:
        try:
            for event in _until_cancelled(events, cancel):
                if isinstance(event, Planned):
                    notes |= dict.fromkeys(event.plan.notes)
                    if text := settings.warning(w for w in event.plan.warnings if w not in warnings):
                        view.say(text)
                    warnings |= set(event.plan.warnings)
                result = result.after(event)
                view.show(event)
            result, ended = replace(result, interrupted=result.interrupted or bool(received)), True
        finally:
            settings.say = on_stderr
            view.close(result if ended else None)
    if settings.progress not in ("json", "quiet"):
        for note in notes:
            print(f"note: {one_line(note)}", file=stderr)
    return result, 128 + received[0] if received else result.exit_code


def _until_cancelled(events: Callable[[Cancel], Iterator[Event]], cancel: Cancel) -> Iterator[Event]:
    """The events. A run that was cancelled before it had begun has none."""
    with suppress(CancelledError):
        yield from events(cancel)


@contextmanager
def _signals(cancel: Cancel, view: Renderer) -> Iterator[list[int]]:
    """Turn the first signal into a wish to stop; a second one leaves at once. Yields the list of the signals received."""
    received: list[int] = []

    def handle(number: int, _: FrameType | None) -> None:
        received.append(number)
        if len(received) == 2:
            _leave(number, view)
        if len(received) > 2:
            return  # it is leaving already: what puts the terminal in order is not broken off
        cancel.set()
        with suppress(RuntimeError):  # the signal came in the midst of a write to the same stream
            view.interrupted()

    with handled(handle):
        yield received


def _leave(number: int, view: Renderer) -> NoReturn:
    """End the process while its threads still talk to the engine."""
    try:
        view.close(None)
        print(_LEFT, file=sys.stderr, flush=True)
    except RuntimeError:  # as above
        cursor = "\x1b[?25h" if os.isatty(2) else ""
        os.write(2, f"{cursor}\n{_LEFT}\n".encode())
    finally:
        os._exit(128 + number)


@contextmanager
def interruptible() -> Iterator[None]:
    """Turn every signal to stop into `Interrupted`: for a question to a person, and for showing logs."""
    with handled(_interrupt):
        yield


class Interrupted(KeyboardInterrupt):
    """A signal asked to stop. `code` is the exit code that says so."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.code = 128 + number


def _interrupt(number: int, _: FrameType | None) -> NoReturn:
    raise Interrupted(number)


@contextmanager
def handled(
    handler: Callable[[int, FrameType | None], None], signals: Iterable[signal.Signals] = SIGNALS
) -> Iterator[None]:
    """Handle the signals that ask to stop, or others. One that is ignored stays ignored: `nohup` ignores SIGHUP, and a shell SIGINT for
    what it starts in the background.
    """
    before = {number: signal.getsignal(number) for number in signals}
    caught = [number for number, handler in before.items() if handler is not signal.SIG_IGN]
    for number in caught:
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number in caught:
            signal.signal(number, before[number])

"""A run as plain lines, one for each transition, for pipes and CI; and, for those who want no news, only its failures."""

from __future__ import annotations

from typing import TextIO

from stackctl.planner.steps.actions import BuildImage
from stackctl.planner.steps.events import Done, Event, Failed, Planned, Progress, Rescued, Skipped, Started
from stackctl.planner.steps.outcome import Outcome
from stackctl.planner.steps.plan import Plan, Step
from stackctl.show.failure import failure_text, report
from stackctl.show.safe import one_line
from stackctl.show.style import PLAIN, Name, Style
from stackctl.show.words import duration, first_line, size, words

_WIDEST = 48
_AMOUNT_EVERY = 5.0
"""Seconds between two lines about how many bytes came."""


class Plain:
    """`   1.9 s  container myapp-postgres-1  healthy after 1.8 s`."""

    def __init__(self, stream: TextIO, style: Style = PLAIN, *, command: str = "stackctl up") -> None:
        self._stream = stream
        self._style = style
        self._command = command
        self._plans: list[Plan] = []
        self._width = 0
        self._told: dict[int, tuple[float, str]] = {}
        """By step: when its progress was last told, and how."""

    def show(self, event: Event) -> None:
        match event:
            case Planned(plan):
                self._plans.append(plan)
                self._told.clear()
                names = [len(words(step.action).what) for step in plan.steps]
                self._width = min(max(names, default=0), _WIDEST)
            case Started(step):
                self._line(event, words(step.action).doing.lower() + _target(step))
            case Progress(step):
                self._progress(event)
            case Done(step, seconds=seconds, note=note):
                told = words(step.action).done.lower() + (
                    f" after {duration(seconds)}" if seconds >= 0.05 else ""
                )
                self._line(event, told + (f": {one_line(note)}" if note else ""), "green")
            case Failed(error=error):
                self._line(event, f"failed: {first_line(error)}", "red")
            case Skipped(because=because):
                why = f"{words(because.action).what} failed" if because else "interrupted"
                self._line(event, f"skipped: {why}", "yellow")
            case Rescued(error=None):
                self._line(event, "put back as it was", "yellow")
            case Rescued(error=error):
                self._line(event, f"could not be put back: {first_line(error)}" if error else "", "red")

    def close(self, outcome: Outcome | None = None) -> None:
        if outcome:
            text = report(outcome, self._plans, self._style, command=self._command)
            print(("\n" if "\n" in text else "") + text, file=self._stream, flush=True)

    def _progress(self, event: Progress) -> None:
        """Bytes are told now and then, anything else whenever it says something new."""
        step, news = event.step, event.news
        text = one_line(news.text)
        since, before = self._told.setdefault(step.id, (event.at, ""))
        counts_bytes = news.current is not None and not isinstance(step.action, BuildImage)
        if counts_bytes:
            if event.at - since < _AMOUNT_EVERY:
                return
            text = size(news.current or 0) + (f" of {size(news.total)}" if news.total else "")
        if text and text != before:
            self._told[step.id] = event.at, text
            self._line(event, text, "dim")

    def _line(
        self, event: Started | Progress | Done | Failed | Skipped | Rescued, told: str, *names: Name
    ) -> None:
        what = words(event.step.action).what.ljust(self._width)
        at = f"{duration(event.at):>8}"
        print(f"{self._style(at, 'dim')}  {what}  {self._style(told, *names)}", file=self._stream, flush=True)


class Quiet:
    """Nothing, unless something failed."""

    def __init__(self, stream: TextIO, style: Style = PLAIN, *, command: str = "stackctl up") -> None:
        self._stream = stream
        self._style = style
        self._command = command
        self._plans: list[Plan] = []

    def show(self, event: Event) -> None:
        if isinstance(event, Planned):
            self._plans.append(event.plan)

    def close(self, outcome: Outcome | None = None) -> None:
        if not outcome:
            return
        text = failure_text(outcome, self._plans, self._style, command=self._command)
        if text:
            print(text, end="", file=self._stream, flush=True)


def _target(step: Step) -> str:
    """What completes the word for it: `waiting to be healthy`, `renaming to x`."""
    rest = words(step.action).rest
    return rest if rest.startswith(" ") else ""

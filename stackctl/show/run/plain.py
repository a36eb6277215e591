"""A run as plain lines, for pipes and CI: one for each change, as the live display has them; and, for those who want no news, only its failures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TextIO

from stackctl.planner.steps.events import Confirmed, Event, Planned
from stackctl.planner.steps.outcome import Outcome
from stackctl.planner.steps.plan import Plan
from stackctl.show.run.board import Board, BoardRow, Tone
from stackctl.show.run.failure import INTERRUPTED, failure_text, report
from stackctl.show.text.amounts import duration, size
from stackctl.show.text.style import PLAIN, Name, Style

_WIDEST = 48
_STATE = 10
"""Columns for the state; the longest are `recreating` and `restarting`."""
_AMOUNT_EVERY = 5.0
"""Seconds between two lines about how many bytes came."""
_BEGUN = ("pulling", "building", "recreating", "starting", "stopping", "checking")
"""The states that can last: they are told when they begin. All others are told when they are over."""
_COLORS: Mapping[Tone, Name] = {"active": "dim", "ready": "green", "failed": "red", "skipped": "yellow"}


class Plain:
    """`   1.9 s  postgres  healthy    created · 1.8 s`."""

    def __init__(self, stream: TextIO, style: Style = PLAIN, *, command: str = "stackctl up") -> None:
        self._stream = stream
        self._style = style
        self._command = command
        self._plans: list[Plan] = []
        self._board = Board()
        self._width = 0
        self._told: dict[str, dict[tuple[str, str], float]] = {}
        """For each row: the states and details that were told, and when."""

    def show(self, event: Event) -> None:
        self._board.show(event, event.at)
        if isinstance(event, Planned):
            self._plans.append(event.plan)
            self._width = min(max(map(len, self._board.names()), default=0), _WIDEST)
        elif not isinstance(event, Confirmed):
            for row in self._board.rows_of(event.step, event.at):
                self._tell(row, event.at)

    def say(self, text: str) -> None:
        print(text, file=self._stream, flush=True)

    def interrupted(self) -> None:
        self.say(INTERRUPTED)

    def close(self, outcome: Outcome | None = None) -> None:
        if outcome:
            text = report(outcome, self._plans, self._style, command=self._command)
            self.say(("\n" if "\n" in text else "") + text)

    def _tell(self, row: BoardRow, at: float) -> None:
        """Tell bytes now and then, and anything else when it is new."""
        told = self._told.setdefault(row.name, {})
        if row.tone not in _COLORS or (row.tone == "active" and row.state not in _BEGUN):
            return
        if row.progress:
            current, total = row.progress
            last = max(told.values(), default=None)
            if last is None or at - last >= _AMOUNT_EVERY:
                self._line(row, f"{size(current)} of {size(total)}", at)
        elif (row.state, row.detail) not in told:
            timed = row.tone == "ready" and row.state not in (
                "pulled",
                "built",
            )  # the detail of those says how long
            took = duration(row.seconds) if timed and row.seconds else ""
            self._line(row, " · ".join(part for part in (row.detail, took) if part), at)

    def _line(self, row: BoardRow, detail: str, at: float) -> None:
        self._told[row.name][row.state, row.detail] = at
        color = _COLORS[row.tone]
        said = self._style(f"{row.state:<{_STATE}}" if detail else row.state, color)
        self.say(
            f"{self._style(f'{duration(at):>8}', 'dim')}  {row.name:<{self._width}}  {said}"
            + (detail and f" {detail}")
        )


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

    def say(self, text: str) -> None:
        print(text, file=self._stream, flush=True)

    def interrupted(self) -> None:
        """Print nothing."""

    def close(self, outcome: Outcome | None = None) -> None:
        if not outcome:
            return
        text = failure_text(outcome, self._plans, self._style, command=self._command)
        if text:
            print(text, end="", file=self._stream, flush=True)

"""A run on a terminal: one line for each service, redrawn in place, never more lines than the screen has."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from threading import RLock
from typing import TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live as Display
from rich.table import Table
from rich.text import Text

from stackctl.planner.steps.events import Event, Planned
from stackctl.planner.steps.outcome import Outcome
from stackctl.planner.steps.plan import Plan
from stackctl.show.run.board import Board, BoardRow, Tone
from stackctl.show.run.failure import INTERRUPTED, report
from stackctl.show.text.amounts import duration, size
from stackctl.show.text.safe import clean_keeping_color, one_line, shortened, unguarded
from stackctl.show.text.style import Style, style_for

_WIDEST = 100
_NAME_WIDEST = 32
_PER_SECOND = 10
_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_LEFT = "–"
"""The mark of a row that was under way when the display ended."""
_BAR_CELLS = 16
_SPARE_LINES = 2
"""Lines of the screen that are never drawn on, so that the cursor's line and a prompt have room."""

_MARKS: Mapping[Tone, tuple[str, str]] = {
    "queued": ("○", "dim"),
    "active": ("", "cyan"),
    "waiting": ("◌", "yellow"),
    "ready": ("✔", "green"),
    "failed": ("✘", "bold red"),
    "skipped": ("–", "yellow"),
}
_HIDDEN_FIRST: Sequence[Tone] = ("ready", "queued", "skipped", "waiting", "active", "failed")


class Live:
    """The live display. It begins with the first plan that has steps and leaves its last state on the screen."""

    def __init__(
        self,
        stream: TextIO,
        *,
        command: str,
        source: str = "",
        no_color: bool = False,
        console: Console | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        colored = style_for(stream, no_color=no_color).color
        self._console = console or Console(
            file=unguarded(stream),
            force_terminal=True,
            color_system="auto" if colored else None,
            highlight=False,
        )
        self._command = command
        self._source = source
        self._clock = clock
        self._began = clock()
        self._board = Board()
        self._plans: list[Plan] = []
        self._ended = False
        self._note = ""
        # The display redraws from a thread of its own, and a signal may call `close` in the midst of `show`.
        self._lock = RLock()
        self._display = Display(
            get_renderable=lambda: self.picture(self._console.height - _SPARE_LINES),
            console=self._console,
            refresh_per_second=_PER_SECOND,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            vertical_overflow="crop",
        )

    def show(self, event: Event) -> None:
        with self._lock:
            self._board.show(event, self._now())
            if isinstance(event, Planned):
                self._plans.append(event.plan)
        if not self._display.is_started and any(plan.steps for plan in self._plans):
            self._display.start()

    def say(self, text: str) -> None:
        """Print above the display."""
        self._console.print(Text.from_ansi(clean_keeping_color(text)))

    def interrupted(self) -> None:
        self._note = INTERRUPTED
        if not self._display.is_started:
            self.say(INTERRUPTED)

    def close(self, outcome: Outcome | None = None) -> None:
        self._ended, self._note = True, ""
        if self._display.is_started:
            self._display.stop()
            self._console.print(self.picture(None))
        if outcome:
            colored = self._console.color_system is not None and not self._console.no_color
            style = Style(color=colored, width=self._console.width)
            text = report(outcome, self._plans, style, command=self._command)
            self._console.file.write(clean_keeping_color(text) + "\n")
            self._console.file.flush()

    def picture(self, lines: int | None) -> RenderableType:
        """The whole display in at most that many lines and one without text; None for as many as it takes.

        The last line is empty, and the cursor rests there. A terminal echoes `^C` at the cursor; after a full line it would
        begin a new line, and the display would not know of it.
        """
        now = self._now()
        with self._lock:
            rows = self._board.rows(now)
        note = [Text(f" {self._note}", "yellow", no_wrap=True, overflow="ellipsis")] if self._note else []
        shown, hidden = _fitting(rows, None if lines is None else lines - 1 - len(note))
        width = min(self._console.width, _WIDEST)
        parts: list[RenderableType] = [
            self._head(now, width),
            _grid(shown, None if self._ended else now, width),
        ]
        if hidden:
            parts.append(Text(f" {hidden}", "dim", no_wrap=True, overflow="ellipsis"))
        return Group(*parts, *note, "")

    def _head(self, now: float, width: int) -> Table:
        project = next((plan.project for plan in reversed(self._plans) if plan.project), "")
        about = " · ".join(one_line(part) for part in (project, self._source) if part)
        head = Table.grid(expand=True)
        head.width = width
        head.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
        head.add_column(justify="right", no_wrap=True)
        head.add_row(Text.assemble((self._command, "bold"), "  ", about), Text(duration(now), "bold"))
        return head

    def _now(self) -> float:
        return self._clock() - self._began


def _fitting(rows: Sequence[BoardRow], lines: int | None) -> tuple[Sequence[BoardRow], str]:
    """The rows that fit, and a line that counts the others. Rows that need no attention are hidden first."""
    if lines is None or len(rows) <= lines:
        return rows, ""
    surplus = len(rows) - max(lines - 1, 0)
    left_out = set(sorted(range(len(rows)), key=lambda index: _interest(rows[index], index))[:surplus])
    states = Counter(rows[index].state for index in sorted(left_out))
    counted = ", ".join(f"{number} {state}" for state, number in states.items())
    return [row for index, row in enumerate(rows) if index not in left_out], f"… and {counted}"


def _interest(row: BoardRow, index: int) -> tuple[int, int]:
    """The order in which rows are hidden. The latest ready row stays longest; of the others, the one whose turn comes first."""
    return _HIDDEN_FIRST.index(row.tone), index if row.tone == "ready" else -index


def _grid(rows: Sequence[BoardRow], now: float | None, width: int) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0), expand=True)
    grid.width = width
    grid.add_column(width=2, no_wrap=True)
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True, min_width=9)
    grid.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    grid.add_column(justify="right", no_wrap=True)
    for row in rows:
        mark, color = _MARKS[row.tone]
        if not mark:
            mark = _LEFT if now is None else _SPINNER[int(now * _PER_SECOND) % len(_SPINNER)]
        quiet = "dim" if row.tone == "queued" else ""
        grid.add_row(
            Text(f" {mark}", color),
            Text(shortened(row.name, _NAME_WIDEST), quiet),
            Text(row.state, color),
            _bar(*row.progress) if row.progress else Text(row.detail, "" if row.tone == "failed" else "dim"),
            Text("" if row.seconds is None else duration(row.seconds), "dim"),
        )
    return grid


def _bar(current: int, total: int) -> Text:
    full = min(_BAR_CELLS * current // total, _BAR_CELLS)
    amount = f"{size(current)} / {size(total)}"
    return Text.assemble(("━" * full, "cyan"), ("─" * (_BAR_CELLS - full), "dim"), "  ", (amount, "dim"))

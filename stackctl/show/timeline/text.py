"""The timeline of a run for a terminal: a bar for each service, the critical path, and what the waits cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter

from stackctl.planner.steps.critical import NOTICED, CriticalPart, critical_path, waits
from stackctl.planner.steps.timeline import PHASES, Phase, TimedStep, Timeline, seconds_of_phases
from stackctl.show.text.amounts import counted, duration, iso, quoted
from stackctl.show.text.safe import one_line, shortened
from stackctl.show.text.style import PLAIN, Name, Style
from stackctl.show.text.table import GAP, table
from stackctl.show.timeline.reasons import reason, wait_said

_COLORS: Mapping[Phase, Name] = {
    "pull": "blue",
    "build": "magenta",
    "stop": "red",
    "create": "cyan",
    "start": "yellow",
    "ready": "green",
}
_LETTERS: Mapping[Phase, str] = {phase: "x" if phase == "stop" else phase[0] for phase in PHASES}
_IDLE = "·"
_WIDTH = 80
_WIDEST = 120
_NAME_WIDEST = 24
_BAR = range(10, 61)
"""How many columns a bar may have."""
_WAITS_SHOWN = 10


def timeline_text(run: Timeline, style: Style = PLAIN) -> str:
    """The whole timeline, in several lines of at most `style.width` (80) columns where that can be."""
    head = "  ".join(
        part
        for part in (
            style(one_line(run.command), "bold"),
            one_line(run.project),
            iso(run.at) if run.at else "",
            duration(run.seconds),
            f"exit code {run.exit_code}" if run.exit_code else "",
        )
        if part
    )
    if not run.steps:
        return f"{head}\n\nnothing was done"
    parts = [head, _bars(run, style), why_text(run, style)]
    return "\n\n".join(part for part in parts if part)


def why_text(run: Timeline, style: Style = PLAIN) -> str:
    """The critical path of a run, and what its waits cost; "" for a run that did nothing."""
    parts = [_path(critical_path(run), style), _waits(run, style)] if run.steps else []
    return "\n\n".join(part for part in parts if part)


# Bars


def _bars(run: Timeline, style: Style) -> str:
    rows, times = run.rows(), seconds_of_phases(run)
    if not rows:
        return ""
    shown = [phase for phase in PHASES if any(phase in each for each in times.values())]
    names = {row: shortened(quoted(row), _NAME_WIDEST) for row in rows}
    cells = {
        row: [duration(times[row][phase]) if phase in times[row] else "" for phase in shown] for row in rows
    }
    wide = max(len("SERVICE"), *map(len, names.values()))
    wide += sum(
        max(len(phase), *(len(cells[row][index]) for row in rows)) for index, phase in enumerate(shown)
    )
    left = min(style.width or _WIDTH, _WIDEST) - wide - len(GAP) * (len(shown) + 1)
    columns = min(max(left, _BAR[0]), _BAR[-1])
    end = duration(run.seconds)
    headers = ["SERVICE", f"0 s{end:>{columns - 3}}", *(phase.upper() for phase in shown)]
    lines = [
        [names[row], _bar(steps, run.seconds, columns, style), *cells[row]] for row, steps in rows.items()
    ]
    legend = GAP.join(
        f"{style('█', _COLORS[phase]) if style.color else _LETTERS[phase]} {phase}" for phase in shown
    )
    return f"{table(headers, lines, style.unbounded, tight=True)}\n\n{legend}{GAP}{_IDLE} waits"


def _bar(steps: Sequence[TimedStep], seconds: float, columns: int, style: Style) -> str:
    """In each column the phase that took most of its time; nothing after the last step."""
    step = seconds / columns or 1.0
    end = max(each.ended for each in steps)
    found = [_phase_in(steps, at * step, (at + 1) * step) for at in range(columns)]
    while found and not found[-1] and (len(found) - 1) * step >= end:
        found.pop()
    return "".join(
        style("█" * len([*group]), _COLORS[phase])
        if phase and style.color
        else (_LETTERS[phase] if phase else _IDLE) * len([*group])
        for phase, group in groupby(found)
    )


def _phase_in(steps: Sequence[TimedStep], began: float, ended: float) -> Phase | None:
    inside: dict[Phase, float] = {}
    for step in steps:
        time = min(step.ended, ended) - max(step.began, began)
        if time > 0:
            inside[step.phase] = inside.get(step.phase, 0.0) + time
    return max(inside.items(), key=itemgetter(1))[0] if inside else None


# Why


def _path(path: Sequence[CriticalPart], style: Style) -> str:
    long = [link for link in path if link.seconds >= NOTICED]
    short = [link for link in path if link.seconds < NOTICED]
    lines = [(link.seconds, reason(link)) for link in long]
    if (rest := sum(link.seconds for link in short)) >= NOTICED:
        lines.append((rest, f"{counted(len(short), 'step')} of less than {NOTICED} s each"))
    return "\n".join([style("critical path", "bold"), *_timed(lines)])


def _waits(run: Timeline, style: Style) -> str:
    found = [wait for wait in waits(run) if wait.seconds >= NOTICED]
    if not found:
        return ""
    lines = [
        f"  {wait_said(wait)}: {duration(wait.seconds)}; removing it saves "
        + (style(f"about {duration(wait.saves)}", "bold") if wait.saves >= NOTICED else "nothing")
        for wait in found[:_WAITS_SHOWN]
    ]
    if len(found) > _WAITS_SHOWN:
        lines.append(f"  and {len(found) - _WAITS_SHOWN} more")
    return "\n".join([style("waits", "bold"), *lines])


def _timed(lines: Sequence[tuple[float, str]]) -> Iterator[str]:
    width = max((len(duration(seconds)) for seconds, _ in lines), default=0)
    for seconds, text in lines:
        yield f"  {duration(seconds):>{width}}  {text}"

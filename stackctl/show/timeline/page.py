"""The timeline of a run as one page of HTML that needs nothing else: no script, no file beside it, no network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from itertools import pairwise

from stackctl.planner.steps.critical import NOTICED, CriticalPart, critical_path, waits
from stackctl.planner.steps.timeline import PHASES, TimedStep, Timeline, seconds_of_phases
from stackctl.show.text.amounts import duration, iso, quoted
from stackctl.show.text.safe import one_line, shortened
from stackctl.show.timeline.reasons import reason, said, wait_said
from stackctl.show.timeline.values import lanes

_LABEL, _CHART, _ROW, _TOP, _RIGHT = 180, 760, 26, 28, 20
"""Pixels: the names of services, the chart, the height of a row, the axis, the room behind the chart."""
_NAME_WIDEST = 24
_TICKS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600)
_TICKS_MOST = 10
_COLORS: Mapping[str, str] = {
    "pull": "#4c78a8",
    "build": "#b279a2",
    "stop": "#e45756",
    "create": "#72b7b2",
    "start": "#eeb23a",
    "ready": "#54a24b",
}
_STYLE = """\
:root { color-scheme: light dark; --ink: #1d2329; --dim: #67727e; --line: #d9dee3; --paper: #ffffff; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ec; --dim: #98a3ae; --line: #39424b; --paper: #16191d; } }
body { margin: 2rem auto; max-width: 62rem; padding: 0 1rem; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.4rem; margin-bottom: 0; } h2 { font-size: 1.1rem; margin-top: 2rem; }
p.about { margin-top: .2rem; color: var(--dim); }
svg { width: 100%; height: auto; } svg text { fill: var(--ink); font-size: 13px; } svg .tick { fill: var(--dim); font-size: 11px; }
svg .grid { stroke: var(--line); } svg .idle { stroke: var(--dim); stroke-dasharray: 2 4; } svg .path { stroke: var(--ink); fill: none; stroke-width: 1.5; }
svg .critical { stroke: var(--ink); stroke-width: 2; } svg .failed { stroke: #d62728; stroke-width: 3; }
ul.legend { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; color: var(--dim); }
ul.legend span { display: inline-block; width: .9em; height: .9em; margin-right: .4em; vertical-align: -.1em; }
table { border-collapse: collapse; } th, td { padding: .25rem 1.2rem .25rem 0; text-align: left; border-bottom: 1px solid var(--line); }
th { font-weight: 600; } td.time { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
"""


def timeline_page(run: Timeline) -> str:
    """The page. Everything from outside is escaped, and without control characters."""
    title = f"{run.command} · {run.project}"
    about = [iso(run.at) if run.at else "", duration(run.seconds)]
    about.append(f"exit code {run.exit_code}" if run.exit_code else "")
    path = critical_path(run)
    parts = [
        "<!doctype html>",
        '<html lang="en">',
        '<head><meta charset="utf-8">',
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{_safe(title)}</title>",
        f"<style>\n{_STYLE}</style></head>",
        "<body>",
        f"<h1>{_safe(title)}</h1>",
        f'<p class="about">{" · ".join(filter(None, about))}</p>',
    ]
    if run.steps:
        parts += [*_chart(run, path), *_legend(run), *_path(path), *_waits(run), *_phases(run)]
    else:
        parts.append("<p>Nothing was done.</p>")
    return "\n".join([*parts, "</body></html>"]) + "\n"


def _safe(text: str) -> str:
    return escape(one_line(text))


# The chart


def _chart(run: Timeline, path: Sequence[CriticalPart]) -> Iterator[str]:
    critical = {link.step.id for link in path if link.step}
    rows = [
        (row, lane, not index) for row, steps in run.rows().items() for index, lane in enumerate(lanes(steps))
    ]
    height = _TOP + _ROW * len(rows) + 6
    yield f'<svg viewBox="0 0 {_LABEL + _CHART + _RIGHT} {height}" role="img" aria-label="A bar for each service">'
    for tick in _ticks(run.seconds):
        x = _x(tick, run)
        yield f'<line class="grid" x1="{x}" x2="{x}" y1="{_TOP - 6}" y2="{height}"/>'
        yield f'<text class="tick" x="{x}" y="14" text-anchor="middle">{tick:g} s</text>'
    places: dict[int, int] = {}
    for number, (row, lane, first) in enumerate(rows):
        y = _TOP + _ROW * number
        if first:
            yield f'<text x="0" y="{y + 17}">{_safe(shortened(quoted(row), _NAME_WIDEST))}</text>'
        middle = y + _ROW // 2
        begin = _x(run.stages[0], run)
        yield f'<line class="idle" x1="{begin}" x2="{_x(lane[-1].began, run)}" y1="{middle}" y2="{middle}"/>'
        for step in lane:
            places.setdefault(step.id, middle)
            yield _rectangle(step, y, run, critical=step.id in critical)
    yield from _arrows(path, places, run)
    yield "</svg>"


def _rectangle(step: TimedStep, y: int, run: Timeline, *, critical: bool) -> str:
    x = _x(step.began, run)
    width = max(round(_x(step.ended, run) - x, 1), 1)
    named = "failed" if step.result == "failed" else "critical" if critical else ""
    told = f"{said(step)}: {duration(step.seconds)}" + (f" ({step.why})" if step.why else "")
    return (
        f'<rect class="{named}" x="{x}" y="{y + 4}" width="{width}" height="{_ROW - 8}" fill="{_COLORS[step.phase]}">'
        f"<title>{_safe(told)}</title></rect>"
    )


def _arrows(path: Sequence[CriticalPart], places: Mapping[int, int], run: Timeline) -> Iterator[str]:
    """A line from each row of the critical path to the next one."""
    steps = [link.step for link in path if link.kind == "step" and link.step and link.step.id in places]
    for before, after in pairwise(steps):
        here, there = places[before.id], places[after.id]
        if here != there:
            yield f'<path class="path" d="M{_x(before.ended, run)} {here} V{there} H{_x(after.began, run)}"/>'


def _x(seconds: float, run: Timeline) -> float:
    return round(_LABEL + _CHART * seconds / (run.seconds or 1.0), 1)


def _ticks(seconds: float) -> list[float]:
    step = next((tick for tick in _TICKS if seconds / tick <= _TICKS_MOST), seconds / _TICKS_MOST)
    return [round(step * number, 1) for number in range(int(seconds / step) + 1)]


def _legend(run: Timeline) -> Iterator[str]:
    yield '<ul class="legend">'
    for phase in PHASES:
        if any(step.phase == phase for step in run.steps):
            yield f'<li><span style="background:{_COLORS[phase]}"></span>{phase}</li>'
    yield "<li>framed: on the critical path</li><li>dotted: waits</li></ul>"


# Tables


def _path(path: Sequence[CriticalPart]) -> Iterator[str]:
    yield "<h2>Critical path</h2>"
    yield from _table(
        ["Took", "Reason"],
        [[duration(link.seconds), reason(link)] for link in path if link.seconds >= NOTICED],
        times=[0],
    )


def _waits(run: Timeline) -> Iterator[str]:
    found = waits(run)
    if found:
        yield "<h2>Waits</h2>"
        rows = [
            [
                wait_said(wait),
                duration(wait.seconds),
                f"about {duration(wait.saves)}" if wait.saves >= NOTICED else "nothing",
            ]
            for wait in found
        ]
        yield from _table(["Wait", "Took", "Removing it saves"], rows, times=[1, 2])


def _phases(run: Timeline) -> Iterator[str]:
    times = seconds_of_phases(run)
    shown = [phase for phase in PHASES if any(phase in each for each in times.values())]
    rows = [
        [quoted(row), *(duration(each[phase]) if phase in each else "" for phase in shown)]
        for row, each in times.items()
    ]
    yield "<h2>Services</h2>"
    yield from _table(
        ["Service", *(phase.capitalize() for phase in shown)], rows, times=range(1, len(shown) + 1)
    )


def _table(headers: Sequence[str], rows: Sequence[Sequence[str]], times: Sequence[int]) -> Iterator[str]:
    yield "<table>"
    yield "<tr>" + "".join(f"<th>{_safe(header)}</th>" for header in headers) + "</tr>"
    for row in rows:
        cells = (
            f'<td class="time">{_safe(cell)}</td>' if index in times else f"<td>{_safe(cell)}</td>"
            for index, cell in enumerate(row)
        )
        yield f"<tr>{''.join(cells)}</tr>"
    yield "</table>"

"""Mistakes in what the user wrote: place, rule, message, the line with a caret under the mistake, and a hint."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from stackctl.errors import Place, Problem, Severity, told
from stackctl.show.text.amounts import counted
from stackctl.show.text.fold import folded
from stackctl.show.text.safe import clean, one_line
from stackctl.show.text.style import PLAIN, Name, Style
from stackctl.spec.output.redact import veiled_line

VERSION = 1

_COLORS: Mapping[Severity, Name] = {"error": "red", "warning": "yellow", "note": "cyan", "info": "blue"}
_TAB = 4
_LONGEST_LINE = 100
_CONTEXT = 40
"""How much of a long line is shown before the caret."""


def problem_text(problem: Problem, style: Style = PLAIN) -> str:
    """One mistake, as compilers report it.

    ::

        stack.toml:14:15: error SC101: services.api.depends_on[0]: no service is called "postgress"
           14 | depends_on = ["postgress", "redis"]
              |               ^^^^^^^^^^^
              = did you mean "postgres"?
    """
    return "\n".join(_lines(problem, style))


def problems_text(problems: Iterable[Problem], style: Style = PLAIN) -> str:
    """The mistakes (of many of one kind only the first), and at the end how many there are; "" for none."""
    problems = tuple(problems)
    if not problems:
        return ""
    number = Counter(problem.severity for problem in problems)
    total = ", ".join(counted(number[kind], kind) for kind in _COLORS if number[kind])
    shown, more = told(problems)
    return "\n\n".join([*(problem_text(problem, style) for problem in shown), *more, total])


def problems_json(problems: Iterable[Problem]) -> dict[str, Any]:
    """The mistakes as JSON, version 1. Lines and columns count from 1; they are null if a mistake has no place in a text."""
    return {"version": VERSION, "problems": [_json(problem) for problem in problems]}


def _json(problem: Problem) -> dict[str, Any]:
    place = problem.place
    return {
        "rule": problem.rule,
        "severity": problem.severity,
        "where": problem.where,
        "path": list(problem.path),
        "message": problem.message,
        "hint": problem.hint,
        "file": place.file if place else None,
        "line": place.line if place else None,
        "column": place.column if place else None,
    }


def _lines(problem: Problem, style: Style) -> Iterator[str]:
    color = _COLORS[problem.severity]
    kind = f"{problem.severity} {problem.rule}".rstrip()
    place = one_line(str(problem.place)) if problem.place else ""
    where = f"{one_line(problem.where)}: " if problem.path else ""
    plain = f"{place}: {kind}: " if place else f"{kind}: "
    dressed = (
        f"{style(place, 'bold')}: {style(kind, 'bold', color)}: "
        if place
        else f"{style(kind, 'bold', color)}: "
    )
    first, *rest = folded(f"{plain}{where}{one_line(problem.message)}", style.width, "  ")
    yield first.replace(plain, dressed, 1)
    yield from rest
    margin = " " * 5
    if problem.place and problem.place.text.strip():
        number = f"{problem.place.line:>5}"
        margin = " " * len(number)
        frame = len(f"{margin} | ……")
        longest = _LONGEST_LINE if style.width is None else min(_LONGEST_LINE, max(style.width - frame, 1))
        line, before, length = _excerpt(problem.place, longest)
        yield f"{style(f'{number} |', 'dim')} {line}"
        yield f"{style(f'{margin} |', 'dim')} {' ' * before}{style('^' * length, color)}"
    if problem.hint:
        equals = f"{margin} ="
        first, *rest = folded(f"{equals} {one_line(problem.hint)}", style.width, " " * (len(equals) + 1))
        yield first.replace(equals, style(equals, "dim"), 1)
        yield from rest


def _excerpt(place: Place, longest: int) -> tuple[str, int, int]:
    """The line as it can be shown (a part of a long line), how many characters stand before the mistake, and how long it is."""
    column = min(max(place.column, 1), len(place.text) + 1)
    text = veiled_line(place.text)
    culprit = _token(text[column - 1 :])
    before = clean(text[: column - 1]).expandtabs(_TAB)
    line = clean(text).expandtabs(_TAB).rstrip()
    cut = max(len(before) - min(_CONTEXT, longest // 2), 0) if len(line) > longest else 0
    shown = line[cut : cut + longest]
    head = "…" if cut else ""
    tail = "…" if cut + longest < len(line) else ""
    start = len(before) - cut
    length = max(min(len(clean(culprit)), len(shown) - start), 1)
    return head + shown + tail, len(head) + start, length


def _token(text: str) -> str:
    """The string, table header or word a text begins with, else its first character."""
    match = re.match(r'"(?:[^"\\]|\\.)*"|\'[^\']*\'|\[+[^\],]*\]+|[\w.+:-]+|.', text)
    return match[0] if match else ""

"""What two sides make differently, as a table and as JSON."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

from msgspec import Struct

from stackctl.errors import Key, Place
from stackctl.planner.same.compare import Comparison, Difference, NotCompared
from stackctl.planner.same.side import Side
from stackctl.show.text.amounts import counted
from stackctl.show.text.safe import one_line
from stackctl.show.text.style import PLAIN, Style
from stackctl.show.text.table import GAP, table

VERSION = 1
"""The version of the JSON."""

_LEAST = 10
"""Columns of a value on the narrowest terminal."""
_LINES = 6
"""Lines of one value on a terminal."""
_BULLET = "· "
_UNBROKEN = "\0"
"""Stands for a space at which no line ends."""
_NOTES = 10
"""Notes of one side that are shown."""


class ShownSide(Struct, frozen=True):
    """A side, as people know it."""

    name: str
    side: Side
    place: Callable[[Sequence[Key]], Place | None]
    notes: Sequence[str] = ()


def differences_text(
    comparison: Comparison, left: ShownSide, right: ShownSide, *, style: Style = PLAIN
) -> str:
    """A table with a row for each difference, then what could not be compared, then the result."""
    parts = [_table(comparison.differences, left, right, style)] if comparison.differences else []
    for heading, lines in (
        ("Not compared:", [*_not_compared(comparison.not_compared)]),
        ("Left out:", [*_notes(left), *_notes(right)]),
    ):
        if lines:
            parts.append("\n".join([style(heading, "bold"), *_indented(lines, style)]))
    number = len(comparison.differences)
    parts.append(
        style(counted(number, "difference"), "red")
        if number
        else style(f"{one_line(left.name)} and {one_line(right.name)} make the same", "green")
        + f": {_amounts(left.side)}"
    )
    return "\n\n".join(parts)


def differences_json(comparison: Comparison, left: ShownSide, right: ShownSide) -> dict[str, Any]:
    """The comparison as JSON, version 1. A value that is not there is null, as is a place that has no file."""
    return {
        "version": VERSION,
        "same": comparison.same,
        "left": left.name,
        "right": right.name,
        "differences": [
            {
                "kind": each.kind,
                "name": each.name,
                "key": each.what,
                "left": each.left,
                "right": each.right,
                "left_place": _place_json(_place(left, each.left, each.left_path)),
                "right_place": _place_json(_place(right, each.right, each.right_path)),
            }
            for each in comparison.differences
        ],
        "not_compared": [
            {"kind": each.kind, "name": each.name, "key": each.what, "why": each.why}
            for each in comparison.not_compared
        ],
        "notes": [*left.notes, *right.notes],
    }


def _table(differences: Iterable[Difference], left: ShownSide, right: ShownSide, style: Style) -> str:
    rows: list[list[str]] = []
    for (kind, name), found in groupby(differences, key=lambda each: (each.kind, each.name)):
        for index, each in enumerate(found):
            if index == 0 and each.key:
                rows.append([f"{kind} {one_line(name)}", "", ""])
            what = f"{_BULLET}{one_line(each.what)}" if each.key else f"{kind} {one_line(name)}"
            cells = (
                _cell(left, each.left, each.left_path),
                _cell(right, each.right, each.right_path),
            )
            rows.append([what, *cells])
    if style.width is not None:
        first = min(max(len(row[0]) for row in rows), style.width // 2)
        room = max((style.width - first - 2 * len(GAP)) // 2, _LEAST)
        rows = [
            [_wrapped(what, first), _wrapped(one, room), _wrapped(other, room)] for what, one, other in rows
        ]
    return table(["WHAT", one_line(left.name), one_line(right.name)], rows, style)


def _cell(side: ShownSide, text: str | None, path: Sequence[Key]) -> str:
    if text is None:
        return "-"
    place = _place(side, text, path)
    return one_line(text) + (f" (line {place.line})" if place and place.line else "")


def _place(side: ShownSide, text: str | None, path: Sequence[Key]) -> Place | None:
    return None if text is None else side.place(path)


def _place_json(place: Place | None) -> dict[str, Any] | None:
    return None if place is None else {"file": place.file, "line": place.line, "column": place.column}


def _wrapped(text: str, room: int) -> str:
    """The text in lines; a bullet and a line's number stay with their words."""
    for words in ("(line ", _BULLET):
        text = text.replace(words, words[:-1] + _UNBROKEN)
    lines = textwrap.wrap(text, room, max_lines=_LINES, placeholder=" …")
    return "\n".join(lines).replace(_UNBROKEN, " ")


def _indented(lines: Iterable[str], style: Style) -> Iterator[str]:
    for line in lines:
        if style.width is None:
            yield f"  {line}"
        else:
            yield from textwrap.wrap(line, style.width, initial_indent="  ", subsequent_indent="    ")


def _not_compared(found: Iterable[NotCompared]) -> Iterator[str]:
    """A line for each reason: what it concerns."""
    reasons: dict[str, dict[str, list[str]]] = {}
    for each in found:
        reasons.setdefault(each.why, {}).setdefault(each.name, []).append(each.what)
    for why, names in reasons.items():
        what = "; ".join(
            f"{one_line(name)}: {', '.join(map(one_line, keys))}" for name, keys in names.items()
        )
        yield f"{what} ({one_line(why)})"


def _notes(side: ShownSide) -> Iterator[str]:
    for note in side.notes[:_NOTES]:
        yield one_line(note)
    if (more := len(side.notes) - _NOTES) > 0:
        yield f"and {more:,} more in {one_line(side.name)}"


def _amounts(side: Side) -> str:
    kinds = [thing.kind for thing in side.things]
    return ", ".join(
        counted(kinds.count(kind), kind) for kind in ("container", "network", "volume") if kind in kinds
    )

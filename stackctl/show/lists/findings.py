"""What `doctor` has found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from stackctl.planner.doctor import Finding, State
from stackctl.show.text.amounts import counted
from stackctl.show.text.safe import one_line
from stackctl.show.text.style import PLAIN, Name, Style

VERSION = 1
"""The version of the JSON; version 1 only ever gains keys."""

_COLORS: Mapping[State, Name] = {"ok": "green", "note": "yellow", "wrong": "red"}


def findings_text(findings: Sequence[Finding], style: Style = PLAIN) -> str:
    """A line for each, with what to type below it; then how much is wrong."""
    lines = []
    for each in findings:
        state = style(each.state.ljust(5), _COLORS[each.state])
        lines.append(f"{state}  {each.area.ljust(10)}  {one_line(each.text)}")
        if each.hint:
            lines.append(f"{' ' * 19}→ {one_line(each.hint)}")
    wrong, notes = (sum(each.state == state for each in findings) for state in ("wrong", "note"))
    found = [*([f"{wrong} wrong"] if wrong else []), *([counted(notes, "note")] if notes else [])]
    return "\n".join([*lines, "", ", ".join(found) or "all is well"])


def findings_json(findings: Iterable[Finding]) -> dict[str, Any]:
    """The same as JSON, version 1."""
    told = [{"area": f.area, "state": f.state, "text": f.text, "hint": f.hint} for f in findings]
    return {"version": VERSION, "findings": told}

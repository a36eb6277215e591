"""Whether one service reaches another, for `reach`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from stackctl.planner.reach.route import RouteLink, RouteVerdict, State
from stackctl.show.text.safe import one_line
from stackctl.show.text.style import PLAIN, Name, Style

VERSION = 1
"""The version of the JSON; version 1 only ever gains keys."""

_COLORS: Mapping[State, Name] = {"ok": "green", "broken": "red", "unknown": "yellow"}


def route_text(verdicts: Iterable[RouteVerdict], style: Style = PLAIN) -> str:
    """Each way with its links, and the first one that is broken."""
    return "\n\n".join("\n".join(_lines(each, style)) for each in verdicts)


def _lines(verdict: RouteVerdict, style: Style) -> Iterator[str]:
    yield style(f"{verdict.client} → {one_line(verdict.target)}", "bold")
    for link in verdict.links:
        state = style(link.state.ljust(8), _COLORS[link.state])
        yield f"  {state} {link.name.ljust(8)} {one_line(link.text)}"
    broken = verdict.broken
    if broken is None:
        yield f"{verdict.client} reaches {one_line(verdict.target)}"
        return
    yield f"{verdict.client} does not reach {one_line(verdict.target)}: {one_line(broken.text)}"
    yield f"  → {one_line(broken.hint)}"


def route_json(verdicts: Iterable[RouteVerdict], project: str) -> dict[str, Any]:
    """The same as JSON, version 1. `cause` is a word for what the first broken link lacks; null if all links hold."""
    return {
        "version": VERSION,
        "project": project,
        "routes": [
            {
                "client": each.client,
                "host": each.host,
                "port": each.port,
                "reachable": each.reachable,
                "cause": each.cause,
                "links": [_link(link) for link in each.links],
            }
            for each in verdicts
        ],
    }


def _link(link: RouteLink) -> dict[str, Any]:
    return {"name": link.name, "state": link.state, "text": link.text, "cause": link.cause, "hint": link.hint}

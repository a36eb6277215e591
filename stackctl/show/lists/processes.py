"""The processes of running containers, for `top`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from stackctl.planner.world.asked import Processes
from stackctl.planner.world.observed import ObservedContainer
from stackctl.show.text.safe import one_line
from stackctl.show.text.style import PLAIN, Style
from stackctl.show.text.table import table
from stackctl.spec.output.redact import redacted

VERSION = 1
"""The version of the JSON; version 1 only ever gains keys."""

Found = tuple[ObservedContainer, Processes]


def processes_text(found: Sequence[Found], *, style: Style = PLAIN) -> str:
    """Compose's table: service and replica, then the columns of ps(1), `CMD` last."""
    titles = list(dict.fromkeys(title for _, each in found for title in each.titles))
    titles.sort(key=lambda title: title in _COMMANDS)
    cells = []
    for container, each in found:
        for row in each.rows:
            told = dict(zip(each.titles, map(one_line, map(redacted, row)), strict=False))
            values = [told.get(title, "-") for title in titles]
            cells.append([one_line(container.service), str(container.number), *values])
    return table(["SERVICE", "#", *map(one_line, titles)], cells, style, _COMMANDS)


def processes_json(found: Iterable[Found], project: str) -> dict[str, Any]:
    """The processes as JSON, version 1. What a process tells has the names of ps(1)."""
    return {
        "version": VERSION,
        "project": project,
        "containers": [
            {
                "service": container.service,
                "number": container.number,
                "container": container.name,
                "id": container.id,
                "processes": [dict(zip(each.titles, map(redacted, row), strict=False)) for row in each.rows],
            }
            for container, each in found
        ],
    }


_COMMANDS = ("CMD", "COMMAND")

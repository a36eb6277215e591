"""The snapshots of the engine, for `snapshot ls`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from stackctl.planner.data.snapshots import Snapshot
from stackctl.show.text.amounts import ago, iso, size
from stackctl.show.text.safe import one_line
from stackctl.show.text.style import PLAIN, Style
from stackctl.show.text.table import table

VERSION = 1
"""The version of the JSON; version 1 only ever gains keys."""


def snapshots_text(
    rows: Sequence[Snapshot], *, now: float, sizes: Mapping[str, int], style: Style = PLAIN
) -> str:
    """A table. `now` is in seconds since the epoch; `sizes` are bytes by volume."""
    cells = [
        [
            one_line(row.name),
            one_line(row.project),
            ", ".join(one_line(each.key) for each in row.saved),
            ago(now - row.created) if row.created else "",
            "" if (bytes_of := _size(row, sizes)) is None else size(bytes_of),
            "" if row.complete else "incomplete",
        ]
        for row in rows
    ]
    return table(
        ["SNAPSHOT", "PROJECT", "DATA", "CREATED", "SIZE", "NOTE"], cells, style, ("CREATED", "DATA")
    )


def snapshots_json(rows: Iterable[Snapshot], sizes: Mapping[str, int]) -> dict[str, Any]:
    """The snapshots as JSON, version 1. A `size` is in bytes, null if the engine does not know it."""
    return {
        "version": VERSION,
        "snapshots": [
            {
                "name": row.name,
                "project": row.project,
                "created": iso(row.created) if row.created else None,
                "complete": row.complete,
                "size": _size(row, sizes),
                "data": [
                    {
                        "key": each.key,
                        "services": list(each.services),
                        "volume": each.volume,
                        "size": sizes.get(each.volume),
                    }
                    for each in row.saved
                ],
            }
            for row in rows
        ],
    }


def _size(row: Snapshot, sizes: Mapping[str, int]) -> int | None:
    known = [sizes[each.volume] for each in row.saved if each.volume in sizes]
    return sum(known) if known else None

"""A table of text that fits its width."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from stackctl.show.text.safe import shortened
from stackctl.show.text.style import Style

GAP = "  "
"""Between columns."""
_PADDING = 2
"""What tabulate leaves beside a header."""
_LEAST = 10
"""A column that would be narrower is left out."""
_WHOLE = ("CREATED", "SINCE")
"""Half a time says nothing: these columns are left out, not cut."""
_STYLED = r"\x1b\[[0-9;]*m"


def table(
    headers: Sequence[str],
    rows: Sequence[Sequence[str]],
    style: Style,
    yielding: Sequence[str] = (),
    *,
    tight: bool = False,
) -> str:
    """A table. `tight`: without room beside the headers. If it is wider than the terminal, the room beside the headers goes, then the columns of `yielding` are cut or
    left out, the first of them first.
    """
    from tabulate import tabulate  # loading it takes a sixth of a short run

    columns = {header: [row[index] for row in rows] for index, header in enumerate(headers)}
    if not tight and (style.width is None or _width(columns, _PADDING) <= style.width):
        titles = [style(header, "bold") for header in columns]
        text = tabulate(rows, headers=titles, tablefmt="plain", disable_numparse=True)
    else:
        if style.width is not None:
            columns = _fitted(columns, style.width, yielding)
        lines = [[style(header, "bold") for header in columns], *zip(*columns.values(), strict=True)]
        text = tabulate(lines, tablefmt="plain", disable_numparse=True)
    return "\n".join(line.rstrip() for line in text.splitlines())


def _fitted(columns: dict[str, list[str]], width: int, yielding: Sequence[str]) -> dict[str, list[str]]:
    columns = {header: cells for header, cells in columns.items() if any(cells) or not cells}
    if ports := columns.get("PORTS"):
        columns["PORTS"] = [re.sub(" +", "\n", cell) for cell in ports]
    for header in yielding:
        over = _width(columns) - width
        if over > 0 and header in columns:
            room = _width({header: columns[header]}) - over
            if room < _LEAST or header in _WHOLE:
                del columns[header]
            else:
                columns[header] = [shortened(cell, room) for cell in columns[header]]
    return columns


def _width(columns: Mapping[str, Sequence[str]], padding: int = 0) -> int:
    wide = [
        max(len(header) + padding, *map(_visible, (line for cell in cells for line in cell.split("\n"))), 0)
        for header, cells in columns.items()
    ]
    return sum(wide) + len(GAP) * (len(wide) - 1)


def _visible(text: str) -> int:
    """How many columns a text takes on a terminal; its colours take none."""
    return len(re.sub(_STYLED, "", text))

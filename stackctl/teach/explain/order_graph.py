"""The order of a start as a picture: inline SVG, row by row. Who stands lower waits for who stands above."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from stackctl.planner.world.desired import DesiredContainer
from stackctl.show.text.safe import one_line, shortened

_WIDTH, _HEIGHT, _GAP, _ROW = 150, 40, 24, 100
_LONGEST = 17
"""Letters that fit into a box."""


def rows(containers: Sequence[DesiredContainer]) -> list[list[DesiredContainer]]:
    """The containers by how many others, one after the other, must be ready first. `containers` are in dependency order."""
    depth: dict[str, int] = {}
    for spec in containers:
        depth[spec.service] = 1 + max((depth.get(need.service, -1) for need in spec.needs), default=-1)
    found: list[list[DesiredContainer]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for spec in containers:
        found[depth[spec.service]].append(spec)
    return found


def order_graph(containers: Sequence[DesiredContainer]) -> str:
    """The picture. Its title says the same in words."""
    layers = rows(containers)
    width = max((len(row) for row in layers), default=1) * (_WIDTH + _GAP) + _GAP
    height = max(len(layers), 1) * _ROW - (_ROW - _HEIGHT) + 2 * _GAP
    at: dict[str, tuple[float, float]] = {}
    for level, row in enumerate(layers):
        left = (width - len(row) * (_WIDTH + _GAP) + _GAP) / 2
        for index, spec in enumerate(row):
            at[spec.service] = (left + index * (_WIDTH + _GAP), _GAP + level * _ROW)
    parts = [
        f'<svg class="order" role="img" viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}">',
        f"<title>{escape(order_words(containers))}</title>",
        (
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
            '<path d="M0 0 8 4 0 8z"/></marker></defs>'
        ),
    ]
    for spec in containers:
        x, y = at[spec.service]
        for need in spec.needs:
            if need.service in at:
                a, b = at[need.service]
                parts.append(
                    f'<path class="edge" marker-end="url(#tip)" d="M{a + _WIDTH / 2:g} {b + _HEIGHT:g} C{a + _WIDTH / 2:g} '
                    f'{b + _HEIGHT + 30:g} {x + _WIDTH / 2:g} {y - 30:g} {x + _WIDTH / 2:g} {y:g}"/>'
                )
    for spec in containers:
        x, y = at[spec.service]
        name = escape(shortened(one_line(spec.service), _LONGEST))
        parts.append(
            f'<g class="{spec.kind}"><rect x="{x:g}" y="{y:g}" width="{_WIDTH}" height="{_HEIGHT}" '
            f'rx="{20 if spec.kind == "job" else 6}"/><text x="{x + _WIDTH / 2:g}" y="{y + _HEIGHT / 2:g}">{name}</text></g>'
        )
    return "".join([*parts, "</svg>"])


def order_words(containers: Sequence[DesiredContainer]) -> str:
    """The order in words: `db and cache start at once; api waits for db, cache`."""
    free = [spec.service for spec in containers if not spec.needs]
    parts = [f"{', '.join(free)} start{'s' if len(free) == 1 else ''} at once"] if free else []
    parts += [
        f"{spec.service} waits for {', '.join(need.service for need in spec.needs)}"
        for spec in containers
        if spec.needs
    ]
    return "; ".join(parts) + "."

"""A stack as a graph for Mermaid or Graphviz: who waits for whom, who is in which network, which volumes hold data.

Names of services, jobs, networks and volumes have letters, digits, `.`, `_` and `-` only, so nothing in them needs quoting
within double quotes.
"""

from __future__ import annotations

from collections.abc import Iterator

from stackctl.planner.world.desired import Desired, Need
from stackctl.spec.model import Condition

_WAITS = {Condition.started: "started", Condition.healthy: "healthy", Condition.completed: "completed"}


def mermaid(desired: Desired) -> str:
    """A flowchart: an arrow goes from what comes first to who waits for it; dotted lines tell networks and volumes."""
    lines = ["flowchart TD"]
    shapes = {"service": '["{}"]', "job": '(["{}"])', "network": '{{{{"{}"}}}}', "volume": '[("{}")]'}
    ids: dict[tuple[str, str], str] = {}
    for kind, name in _nodes(desired):
        ids[kind, name] = f"{kind}{len(ids)}"
        lines.append(f"  {ids[kind, name]}{shapes[kind].format(name)}")
    for (a, b, label), waits in _edges(desired):
        arrow = f"-->|{label}|" if waits else "-.-"
        lines.append(f"  {ids[a]} {arrow} {ids[b]}")
    return "\n".join(lines) + "\n"


def dot(desired: Desired) -> str:
    """The same graph for Graphviz."""
    lines = ["digraph stack {"]
    shapes = {"service": "box", "job": "oval", "network": "hexagon", "volume": "cylinder"}
    lines += [f'  "{kind} {name}" [label="{name}", shape={shapes[kind]}];' for kind, name in _nodes(desired)]
    for (a, b, label), waits in _edges(desired):
        how = f'[label="{label}"]' if waits else "[dir=none, style=dotted]"
        lines.append(f'  "{" ".join(a)}" -> "{" ".join(b)}" {how};')
    return "\n".join([*lines, "}"]) + "\n"


_Node = tuple[str, str]
_Edge = tuple[_Node, _Node, str]


def _nodes(desired: Desired) -> Iterator[_Node]:
    yield from ((spec.kind, spec.service) for spec in desired.containers)
    yield from (("network", network.key) for network in desired.networks)
    yield from (("volume", volume.key) for volume in desired.volumes)


def _edges(desired: Desired) -> Iterator[tuple[_Edge, bool]]:
    """Each edge, and whether it is a wait."""
    kinds = {spec.service: spec.kind for spec in desired.containers}
    networks = {network.name: network.key for network in desired.networks}
    volumes = {volume.name: volume.key for volume in desired.volumes}
    for spec in desired.containers:
        own = (spec.kind, spec.service)
        for need in spec.needs:
            yield ((kinds[need.service], need.service), own, _label(need)), True
        for place in spec.networks:
            yield (own, ("network", networks[place.network]), ""), False
        for mount in spec.mounts:
            if mount.type == "volume" and mount.source in volumes:
                yield (own, ("volume", volumes[mount.source]), ""), False


def _label(need: Need) -> str:
    return _WAITS.get(need.condition, "ready")

"""Graphs for Mermaid and Graphviz: of a stack (who waits for whom, networks and volumes), and of a plan (see `plan_graph.py`)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

from stackctl.planner.world.desired import Desired, DesiredContainer
from stackctl.spec.model import Condition
from stackctl.teach.shell import comment

NodeKey = tuple[str, str]
"""What tells a node from all others: its kind and its name."""

_MERMAID = {
    "service": '["{}"]',
    "job": '(["{}"])',
    "network": '{{{{"{}"}}}}',
    "volume": '[("{}")]',
    "image": '[/"{}"/]',
}
_DOT = {"service": "box", "job": "oval", "network": "hexagon", "volume": "cylinder", "image": "note"}
_COLORS = {
    "made": ("#d3f9d8", "#2b8a3e"),
    "changed": ("#fff3bf", "#e67700"),
    "removed": ("#ffe3e3", "#c92a2a"),
    "kept": ("#f1f3f5", "#868e96"),
}
"""By look: fill and line. The text is black, also where a page is dark."""


class Node(Struct, frozen=True):
    """A thing. `look`: what becomes of it, which is shown as a colour; "" for none."""

    key: NodeKey
    lines: tuple[str, ...]
    look: Literal["", "made", "changed", "removed", "kept"] = ""

    @property
    def kind(self) -> str:
        return self.key[0]


class Edge(Struct, frozen=True):
    """Two things that have to do with each other. `order`: the first one comes first."""

    first: NodeKey
    then: NodeKey
    label: str = ""
    order: bool = True


class Graph(Struct, frozen=True):
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    notes: tuple[str, ...] = ()
    """Comments at the top of the text."""


def stack_graph(desired: Desired) -> Graph:
    """An arrow goes from what comes first to who waits for it; dotted lines tell networks and volumes."""
    nodes = [Node((spec.kind, spec.service), (spec.service,)) for spec in desired.containers]
    nodes += [Node(("network", network.key), (network.key,)) for network in desired.networks]
    nodes += [Node(("volume", volume.key), (volume.key,)) for volume in desired.volumes]
    return Graph(tuple(nodes), tuple(_edges(desired)))


def _edges(desired: Desired) -> Iterator[Edge]:
    kinds = {spec.service: spec.kind for spec in desired.containers}
    networks = {network.name: network.key for network in desired.networks}
    volumes = {volume.name: volume.key for volume in desired.volumes}
    for spec in desired.containers:
        own = (spec.kind, spec.service)
        for need in spec.needs:
            yield Edge((kinds[need.service], need.service), own, wait_label(need.condition))
        for place in spec.networks:
            yield Edge(own, ("network", networks[place.network]), order=False)
        for name in volumes_of(spec):
            if name in volumes:
                yield Edge(own, ("volume", volumes[name]), order=False)


def volumes_of(spec: DesiredContainer) -> Iterator[str]:
    """The names of the volumes of a container."""
    return (mount.source for mount in spec.mounts if mount.type == "volume" and mount.source)


def wait_label(condition: Condition) -> str:
    return "ready" if condition is Condition.ready else condition.name


def mermaid(graph: Graph) -> str:
    """A flowchart. An arrow is order; a dotted line is none."""
    lines = [*(f"%% {comment(note)}" for note in graph.notes), "flowchart TD"]
    ids: dict[NodeKey, str] = {}
    for node in graph.nodes:
        ids[node.key] = f"{node.kind}{len(ids)}"
        text = "<br/>".join(map(_mermaid_text, node.lines))
        look = f":::{node.look}" if node.look else ""
        lines.append(f"  {ids[node.key]}{_MERMAID[node.kind].format(text)}{look}")
    for edge in graph.edges:
        arrow = ("-->" + (f"|{edge.label}|" if edge.label else "")) if edge.order else "-.-"
        lines.append(f"  {ids[edge.first]} {arrow} {ids[edge.then]}")
    lines += [
        f"  classDef {look} fill:{fill},stroke:{line},color:#000"
        for look, (fill, line) in _COLORS.items()
        if any(node.look == look for node in graph.nodes)
    ]
    return "\n".join(lines) + "\n"


def dot(graph: Graph) -> str:
    """The graph for Graphviz."""
    lines = [*(f"// {comment(note)}" for note in graph.notes), "digraph stack {"]
    for node in graph.nodes:
        label = "\\n".join(map(_dot_text, node.lines))
        fill, line = _COLORS.get(node.look, ("", ""))
        look = f', style=filled, fillcolor="{fill}", color="{line}"' if node.look else ""
        lines.append(f'  "{_dot_id(node.key)}" [label="{label}", shape={_DOT[node.kind]}{look}];')
    for edge in graph.edges:
        how = "" if edge.order else " [dir=none, style=dotted]"
        how = f' [label="{edge.label}"]' if edge.label else how
        lines.append(f'  "{_dot_id(edge.first)}" -> "{_dot_id(edge.then)}"{how};')
    return "\n".join([*lines, "}"]) + "\n"


def _mermaid_text(text: str) -> str:
    """A text within double quotes. What Mermaid, Markdown or HTML may read in another way is written by its number."""
    return re.sub(r"[^\w .,:()/=+-]", lambda match: f"#{ord(match[0])};", comment(text))


def _dot_text(text: str) -> str:
    return re.sub(r'["\\]', r"\\\g<0>", comment(text))


def _dot_id(key: NodeKey) -> str:
    return _dot_text(" ".join(key))

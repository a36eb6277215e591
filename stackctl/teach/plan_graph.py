"""A plan as a graph: what becomes of each thing, and what is done before what."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from msgspec import Struct, field

from stackctl.planner.steps.actions import WaitFor
from stackctl.planner.steps.plan import Plan
from stackctl.planner.world.desired import Desired
from stackctl.planner.world.replica import Replica
from stackctl.show.changes import Change, changes
from stackctl.teach.graph import Edge, Graph, Node, NodeKey, volumes_of, wait_label

_WIDTH = 32
"""Characters of a line within a node."""
_LOOKS: Mapping[str, Literal["made", "changed", "removed"]] = {"+": "made", "~": "changed", "-": "removed"}
_KINDS = {"Networks": "network", "Volumes": "volume", "Images": "image"}


def plan_graph(desired: Desired, plan: Plan) -> Graph:
    """An arrow goes from what is done first to what is done after it. Its label says what is waited for in between. Dotted lines
    tell the networks and volumes that stay.
    """
    things = _Things()
    kinds = {spec.service: spec.kind for spec in desired.containers}
    for change in changes(plan):
        things.add_change(change, kinds)
    things.add_kept(desired)
    for step in plan.steps:
        if isinstance(step.action, WaitFor) and step.of in things.containers:
            things.of_step[step.id] = things.containers[step.of]
    about = f"The plan of {plan.project}." if plan.changes else "Nothing to do."
    edges = (*_order(plan, things), *_uses(desired, things))
    return Graph(tuple(things.nodes.values()), edges, (about, *plan.notes))


class _Things(Struct):
    """What the plan changes, and what stays."""

    nodes: dict[NodeKey, Node] = field(default_factory=dict)
    of_step: dict[int, NodeKey] = field(default_factory=dict)
    containers: dict[Replica, NodeKey] = field(default_factory=dict)
    """The containers that should be there after the plan."""

    def add_change(self, change: Change, kinds: Mapping[str, str]) -> None:
        service = next((step.of for step in change.steps if step.of), None)
        kind = _KINDS.get(change.group) or kinds.get(service.service if service else "", "service")
        key = (kind, change.name)
        if key in self.nodes:  # what goes has the name of what comes
            key = (kind, f"{change.name} {change.steps[0].id}")
        why = f": {change.why}" if change.why else ""
        lines = (change.name, *textwrap.wrap(change.verb + why, _WIDTH))
        self.nodes[key] = Node(key, lines, _LOOKS.get(change.mark, "changed"))
        self.of_step |= dict.fromkeys((step.id for step in change.steps), key)
        if change.group == "Services" and change.verb != "remove" and service:
            self.containers[service] = key

    def add_kept(self, desired: Desired) -> None:
        for spec in desired.containers:
            if spec.replica not in self.containers:
                self.containers[spec.replica] = self._keep((spec.kind, spec.service))
        for network in desired.networks:
            self._keep(("network", network.name))
        for volume in desired.volumes:
            self._keep(("volume", volume.name))

    def _keep(self, key: NodeKey) -> NodeKey:
        self.nodes.setdefault(key, Node(key, (key[1], "keep"), "kept"))
        return key


def _order(plan: Plan, things: _Things) -> Iterator[Edge]:
    """The order of the steps as an order of things: by the last step of each that is no wait. An arrow that follows from others is
    left out, unless something is waited for.
    """
    waits = {step.id: step.action.condition for step in plan.steps if isinstance(step.action, WaitFor)}
    done: dict[NodeKey, int] = {}
    for step in plan.steps:
        key = things.of_step.get(step.id)
        if key is not None and (step.id not in waits or key not in done):
            done[key] = step.id
    labels: dict[NodeKey, dict[NodeKey, str]] = {key: {} for key in done}
    for step in plan.steps:
        then = things.of_step.get(step.id)
        for before in step.after:
            first = things.of_step.get(before)
            if first and then and done[first] < done[then]:
                label = wait_label(waits[before]) if before in waits else ""
                labels[then][first] = label or labels[then].get(first, "")
    for then, first, label in _not_implied(sorted(done, key=done.__getitem__), labels):
        yield Edge(first, then, label)


def _not_implied(
    order: Iterable[NodeKey], labels: Mapping[NodeKey, Mapping[NodeKey, str]]
) -> Iterator[tuple[NodeKey, NodeKey, str]]:
    """The pairs that do not follow from other pairs, and those with a label."""
    bits = {key: 1 << place for place, key in enumerate(order)}
    before: dict[NodeKey, int] = {}
    for then in bits:
        implied = 0
        for first in labels[then]:
            implied |= before[first]
        before[then] = implied | sum(bits[first] for first in labels[then])
        for first, label in labels[then].items():
            if label or not implied & bits[first]:
                yield then, first, label


def _uses(desired: Desired, things: _Things) -> Iterator[Edge]:
    """Who uses what stays."""
    for spec in desired.containers:
        own = things.containers[spec.replica]
        used = [("network", place.network) for place in spec.networks]
        used += [("volume", name) for name in dict.fromkeys(volumes_of(spec))]
        for thing in used:
            if thing in things.nodes and "kept" in (things.nodes[own].look, things.nodes[thing].look):
                yield Edge(own, thing, order=False)

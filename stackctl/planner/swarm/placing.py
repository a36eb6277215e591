"""On which nodes of a Swarm tasks may run, by the constraints of a service. The rules are those of swarmkit (manager/constraint and
manager/scheduler).
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Mapping

from stackctl.planner.world.swarm_desired import DesiredService, DesiredSwarm
from stackctl.planner.world.swarm_observed import ObservedNode, ObservedSwarm
from stackctl.spec.model.deploy import CONSTRAINT

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i386": "386"}


def nodes_for(want: DesiredService, nodes: Iterable[ObservedNode]) -> list[ObservedNode]:
    """The nodes that take tasks and that the service may run on."""
    return [node for node in nodes if node.takes_tasks and fits(want, node)]


def fits(want: DesiredService, node: ObservedNode, ignoring: frozenset[str] = frozenset()) -> bool:
    """Whether a node meets the constraints and the platform of a service. `ignoring`: constraints that do not count."""
    placement = want.placement
    return _has_platform(placement.platform, node) and all(
        meets(constraint, node) for constraint in placement.constraints if constraint not in ignoring
    )


def meets(constraint: str, node: ObservedNode) -> bool:
    match = re.fullmatch(CONSTRAINT, constraint)
    if match is None:
        return False
    key, sign, value = match.groups()
    found = value_of(key, node)
    pattern = value.replace("[", "[[]")
    same = found is not None and fnmatch.fnmatchcase(found.lower(), pattern.lower())
    return same == (sign == "==")


def value_of(key: str, node: ObservedNode) -> str | None:
    """What a node says to the key of a constraint; None if it has no such label."""
    if key.startswith("node.labels."):
        return node.labels.get(key.removeprefix("node.labels."))
    if key.startswith("engine.labels."):
        return node.engine_labels.get(key.removeprefix("engine.labels."))
    return {
        "node.id": node.id,
        "node.hostname": node.name,
        "node.role": node.role,
        "node.ip": node.address,
        "node.platform.os": node.os,
        "node.platform.arch": node.arch,
    }.get(key)


def chosen_nodes(desired: DesiredSwarm, observed: ObservedSwarm) -> Mapping[str, ObservedNode]:
    """The nodes that get the label of a sticky volume that no node has yet, by label.

    The volumes of one service go to one node: to the one that keeps a volume of it already; else to the engine that is asked, where
    an `up` may have made the data; else to the first one by name.
    """
    found: dict[str, ObservedNode] = {}
    holders = {
        label: node
        for label in desired.sticky.values()
        for node in observed.nodes
        if node.labels.get(label) == "1"
    }
    for want in desired.services:
        wanted = [desired.sticky[volume.key] for volume in want.volumes if volume.key in desired.sticky]
        missing = [label for label in wanted if label not in holders]
        if not missing:
            continue
        kept = next((holders[label] for label in wanted if label in holders), None)
        own = frozenset(f"node.labels.{label}==1" for label in wanted)
        able = [node for node in observed.nodes if node.takes_tasks and fits(want, node, own)]
        able.sort(key=lambda node: (node.id != observed.node_id, node.name, node.id))
        if node := kept or next(iter(able), None):
            for label in missing:
                holders[label] = found[label] = node
    return found


def _has_platform(platform: str, node: ObservedNode) -> bool:
    if not platform or not node.arch:
        return True
    os, _, arch = platform.partition("/")
    return os == (node.os or os) and arch.partition("/")[0] == _ARCHITECTURES.get(node.arch, node.arch)

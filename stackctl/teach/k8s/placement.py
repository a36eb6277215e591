"""On which nodes Pods run, and how an update replaces them: what `deploy` says for a Swarm."""

from __future__ import annotations

import re
from collections.abc import Iterator

from stackctl.planner.world.desired import DesiredContainer
from stackctl.spec.model import Deploy
from stackctl.spec.model.deploy import CONSTRAINT
from stackctl.teach.compose.texts import Keys, without_none
from stackctl.teach.k8s.context import NAME, Exporting
from stackctl.teach.k8s.names import dns_name

_LABELS = {
    "node.hostname": "kubernetes.io/hostname",
    "node.platform.os": "kubernetes.io/os",
    "node.platform.arch": "kubernetes.io/arch",
}
"""What every node of Kubernetes has as a label."""
_OWN = "node.labels."


def placement(export: Exporting, spec: DesiredContainer) -> Keys:
    """The nodes of the Pods."""
    wanted = (spec.settings.deploy or Deploy()).placement
    if wanted is None:
        return {}
    selector = {"matchLabels": {NAME: dns_name(spec.service)}}
    matches = [*_matches(export, spec)]
    apart = {"labelSelector": selector, "topologyKey": "kubernetes.io/hostname"}
    if (wanted.max_replicas_per_node or 0) > 1:
        export.say(
            spec,
            ("deploy", "placement", "max_replicas_per_node"),
            "a node has either one Pod of a kind or any number of them",
            "write topologySpreadConstraints",
        )
    affinity = {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [{"matchExpressions": matches}]
            }
        }
        if matches
        else None,
        "podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [apart]}
        if wanted.max_replicas_per_node == 1
        else None,
    }
    spread = [
        {"maxSkew": 1, "topologyKey": label, "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": selector}
        for each in wanted.preferences
        if (label := _label(each.spread))
    ]
    return without_none(
        {"affinity": without_none(affinity) or None, "topologySpreadConstraints": spread or None}
    )


def rollout(export: Exporting, spec: DesiredContainer, kind: str) -> Keys:
    """How an update replaces the Pods of a Deployment or a DaemonSet."""
    wanted = (spec.settings.deploy or Deploy()).update_config
    if wanted is None:
        return {}
    if kind == "StatefulSet":
        export.say(
            spec,
            ("deploy", "update_config"),
            "a StatefulSet replaces one Pod after the other, the old one first",
            "",
        )
        return {}
    number: int | str = 1 if wanted.parallelism is None else wanted.parallelism or "100%"
    first = wanted.order != "stop-first"
    rolling = {"maxSurge": number if first else 0, "maxUnavailable": 0 if first else number}
    return without_none(
        {
            "minReadySeconds": wanted.monitor.whole_seconds or None if wanted.monitor else None,
            "strategy" if kind == "Deployment" else "updateStrategy": {
                "type": "RollingUpdate",
                "rollingUpdate": rolling,
            },
        }
    )


def is_on_each_node(spec: DesiredContainer) -> bool:
    """Whether one Pod runs on each node. What a mode loses in Kubernetes is told elsewhere."""
    return (spec.settings.deploy or Deploy()).mode == "global"


def _matches(export: Exporting, spec: DesiredContainer) -> Iterator[Keys]:
    wanted = (spec.settings.deploy or Deploy()).placement
    for index, constraint in enumerate(wanted.constraints if wanted else ()):
        match = re.fullmatch(CONSTRAINT, constraint)
        label = _label(match[1]) if match else None
        if match and label:
            yield {"key": label, "operator": "In" if match[2] == "==" else "NotIn", "values": [match[3]]}
        else:
            export.say(
                spec,
                ("deploy", "placement", "constraints", index),
                f"no label of a node tells {match[1] if match else constraint}",
                "label the nodes, and write nodeSelector",
            )


def _label(name: str) -> str | None:
    """The label of a node in Kubernetes for what a Swarm calls so."""
    return name.removeprefix(_OWN) if name.startswith(_OWN) else _LABELS.get(name)

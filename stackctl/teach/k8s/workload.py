"""Deployments, StatefulSets, DaemonSets and Jobs."""

from __future__ import annotations

from collections.abc import Mapping

from stackctl.planner.world.desired import DesiredContainer
from stackctl.spec.model import Deploy
from stackctl.teach.compose.texts import Keys, without_none
from stackctl.teach.k8s.context import NAME, Exporting
from stackctl.teach.k8s.labels import labelled
from stackctl.teach.k8s.names import dns_name
from stackctl.teach.k8s.network import Port
from stackctl.teach.k8s.placement import is_on_each_node, rollout
from stackctl.teach.k8s.pod import pod
from stackctl.teach.k8s.storage import is_database


def workload(export: Exporting, spec: DesiredContainer, ports: Mapping[str, tuple[Port, ...]]) -> Keys:
    """What runs the Pods of a service or job."""
    name, labels = dns_name(spec.service), export.labels(spec.service)
    database = is_database(spec)
    made = pod(export, spec, ports, database=database)
    metadata = {"name": name, "labels": labels}
    if spec.kind == "job":
        export.say(
            spec,
            (),
            "a Job does not change: kubectl apply refuses another one of the same name",
            f"kubectl delete job {name} comes before the next kubectl apply",
        )
        return {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": metadata,
            "spec": {"backoffLimit": 0, "template": made.template},
        }
    if database and export.replicas(spec.service) > 1:
        export.say(
            spec,
            ("scale",),
            "each Pod has data of its own: nothing replicates them",
            "use an operator of this database",
        )
    kind = "StatefulSet" if database else "DaemonSet" if is_on_each_node(spec) else "Deployment"
    _tell_mode(export, spec, kind)
    own, annotations = labelled(export, spec, ("deploy", "labels"), (spec.settings.deploy or Deploy()).labels)
    keys: Keys = {
        "replicas": export.replicas(spec.service) if kind != "DaemonSet" else None,
        "serviceName": name if database else None,
        "selector": {"matchLabels": {NAME: name}},
        **rollout(export, spec, kind),
        "template": made.template,
        "volumeClaimTemplates": [*made.templates] or None,
    }
    if made.claims and kind == "Deployment":
        keys["strategy"] = {"type": "Recreate"}
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": without_none({"name": name, "labels": own | labels, "annotations": annotations or None}),
        "spec": without_none(keys),
    }


def _tell_mode(export: Exporting, spec: DesiredContainer, kind: str) -> None:
    """Tell what a mode of a Swarm loses."""
    mode = (spec.settings.deploy or Deploy()).mode or ""
    if mode.endswith("-job"):
        export.say(
            spec, ("deploy", "mode"), f"it becomes a {kind}, which starts it again", "write it as a job"
        )
    elif mode == "global" and kind == "StatefulSet":
        export.say(
            spec,
            ("deploy", "mode"),
            "a StatefulSet has a number of Pods, not one on each node",
            "write a DaemonSet",
        )

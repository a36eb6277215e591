"""Deployments, StatefulSets and Jobs."""

from __future__ import annotations

from collections.abc import Mapping

from stackctl.planner.world.desired import DesiredContainer
from stackctl.teach.compose.texts import Keys, without_none
from stackctl.teach.k8s.context import NAME, Exporting
from stackctl.teach.k8s.names import dns_name
from stackctl.teach.k8s.network import Port
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
    keys: Keys = {
        "replicas": export.replicas(spec.service),
        "serviceName": name if database else None,
        "selector": {"matchLabels": {NAME: name}},
        "strategy": {"type": "Recreate"} if made.claims and not database else None,
        "template": made.template,
        "volumeClaimTemplates": [*made.templates] or None,
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet" if database else "Deployment",
        "metadata": metadata,
        "spec": without_none(keys),
    }

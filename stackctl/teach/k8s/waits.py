"""Init containers that wait for what comes first. For a service they wait until its Service accepts a connection: it does as soon as a Pod is
ready. For a job they ask the cluster whether it is complete, which needs a right.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from stackctl.planner.world.desired import DesiredContainer, Need
from stackctl.spec.model import Condition
from stackctl.teach.compose.texts import Keys
from stackctl.teach.k8s.context import PART_OF, Exporting
from stackctl.teach.k8s.names import dns_name
from stackctl.teach.k8s.network import Port, in_network

WAIT_IMAGE = "busybox:1.36"
"""Has `nc` and `true`. Its `nc` has no `-z`: it runs a program once it is connected."""
JOB_IMAGE = "registry.k8s.io/kubectl:v1.34.0"
"""Kubernetes' own image of kubectl."""


def waits(export: Exporting, spec: DesiredContainer, ports: Mapping[str, tuple[Port, ...]]) -> Iterator[Keys]:
    """The init containers of a Pod that wait. `ports`: the ports of all services."""
    there = {each.service: each for each in export.desired.containers}
    for need in spec.needs:
        key = ("depends_on", need.service)
        if not need.required:
            export.say(spec, key, "a Pod waits for what it must have, and not for what may be missing", "")
        elif waits_for_job(need):
            yield _wait_for_job(dns_name(need.service))
        elif there[need.service].kind == "job":
            export.say(
                spec,
                key,
                "nobody can wait for the start of a Job",
                "wait for its end: service_completed_successfully",
            )
        else:
            yield from _wait_for_service(export, spec, need, there[need.service], ports[need.service])


def waits_for_job(need: Need) -> bool:
    return need.required and need.condition is Condition.completed


def job_rights(export: Exporting) -> Iterator[Keys]:
    """Who may ask whether which Jobs are complete."""
    jobs = sorted(
        {need.service for spec in export.desired.containers for need in spec.needs if waits_for_job(need)}
    )
    if not jobs:
        return
    for job in jobs:
        for spec in export.desired.containers:
            if any(need.service == job and waits_for_job(need) for need in spec.needs):
                export.say(
                    spec,
                    ("depends_on", job),
                    f"its Pod asks the cluster whether the Job {dns_name(job)} is complete, and needs the right to: a ServiceAccount,"
                    " a Role and a RoleBinding",
                    "who may not make Roles takes the init container out, and waits with kubectl wait between two kubectl apply",
                )
    name, label = account(export), {PART_OF: export.project}
    yield {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "labels": label}}
    yield {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": name, "labels": label},
        "rules": [
            {
                "apiGroups": ["batch"],
                "resources": ["jobs"],
                "resourceNames": [dns_name(job) for job in jobs],
                "verbs": ["get", "list", "watch"],
            }
        ],
    }
    yield {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": name, "labels": label},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": name}],
    }


def account(export: Exporting) -> str:
    """The name of the account whose Pods may ask."""
    return f"{export.project}-waits"


def _wait_for_job(name: str) -> Keys:
    return {
        "name": f"wait-for-{name}",
        "image": JOB_IMAGE,
        "args": ("wait", "--for=condition=Complete", "--timeout=-1s", f"job/{name}"),
    }


def _wait_for_service(
    export: Exporting, spec: DesiredContainer, need: Need, other: DesiredContainer, ports: tuple[Port, ...]
) -> Iterator[Keys]:
    name = dns_name(need.service)
    port = next((number for protocol, number in ports if protocol == "tcp"), None)
    key = ("depends_on", need.service)
    if port is None or not in_network(other):
        export.say(
            spec,
            key,
            f"its Pod does not wait for {need.service}, because no port of {need.service} is known",
            "write expose, or a check with tcp or http",
        )
        return
    if need.condition is Condition.started:
        export.say(
            spec,
            (*key, "condition"),
            f"its Pod waits until {need.service} is ready: nobody can wait for the start alone",
            "",
        )
    yield {
        "name": f"wait-for-{name}",
        "image": WAIT_IMAGE,
        "command": ("sh", "-c", f"until nc -w 2 {name} {port} -e true; do sleep 1; done"),
    }

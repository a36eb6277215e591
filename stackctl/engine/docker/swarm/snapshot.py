"""The Swarm's lists → values. Values in, values out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

from stackctl.engine.docker.snapshot import Row, epoch
from stackctl.planner.world import labels as names
from stackctl.planner.world.swarm_observed import (
    Mode,
    ObservedNode,
    ObservedService,
    ObservedServicePort,
    ObservedSwarmFile,
    ObservedTask,
)

_MODES: Mapping[str, Mode] = {
    "Replicated": "replicated",
    "Global": "global",
    "ReplicatedJob": "replicated-job",
    "GlobalJob": "global-job",
}


def node(row: Row) -> ObservedNode:
    """A row of GET /nodes."""
    spec, about = row.get("Spec") or {}, row.get("Description") or {}
    platform, resources = about.get("Platform") or {}, about.get("Resources") or {}
    status, manager = row.get("Status") or {}, row.get("ManagerStatus") or {}
    return ObservedNode(
        id=row["ID"],
        name=about.get("Hostname", ""),
        role=spec.get("Role", "worker"),
        state=status.get("State", "unknown"),
        availability=spec.get("Availability", "active"),
        leader=bool(manager.get("Leader")),
        reachability=manager.get("Reachability", ""),
        address=status.get("Addr", ""),
        labels=spec.get("Labels") or {},
        engine_labels=(about.get("Engine") or {}).get("Labels") or {},
        os=platform.get("OS", ""),
        arch=platform.get("Architecture", ""),
        nano_cpus=resources.get("NanoCPUs") or 0,
        memory=resources.get("MemoryBytes") or 0,
    )


def service(row: Row) -> ObservedService:
    """A row of GET /services?status=true."""
    spec, before = row["Spec"], row.get("PreviousSpec") or {}
    task, status = spec.get("TaskTemplate") or {}, row.get("ServiceStatus") or {}
    update, job = row.get("UpdateStatus") or {}, row.get("JobStatus") or {}
    endpoint = row.get("Endpoint") or {}
    mode, replicas = _mode(spec.get("Mode") or {})
    present = [*_files(spec, "Secrets"), *_files(spec, "Configs")]
    container = task.get("ContainerSpec") or {}
    return ObservedService(
        id=row["ID"],
        name=spec["Name"],
        labels=spec.get("Labels") or {},
        version=row["Version"]["Index"],
        image=container.get("Image", ""),
        task_digest=(container.get("Labels") or {}).get(names.DIGEST, ""),
        mode=mode,
        replicas=replicas,
        running=status.get("RunningTasks", 0),
        desired=status.get("DesiredTasks", 0),
        completed=status.get("CompletedTasks", 0),
        iteration=(job.get("JobIteration") or {}).get("Index", 0),
        force=task.get("ForceUpdate") or 0,
        update_state=update.get("State", ""),
        update_message=update.get("Message", ""),
        previous=bool(before),
        previous_digest=(before.get("Labels") or {}).get(names.DIGEST),
        endpoint_mode=(spec.get("EndpointSpec") or {}).get("Mode") or "vip",
        secrets=frozenset([*_files(spec, "Secrets"), *_files(before, "Secrets")]),
        configs=frozenset([*_files(spec, "Configs"), *_files(before, "Configs")]),
        present_files=frozenset(present),
        networks=tuple(each["Target"] for each in task.get("Networks") or ()),
        volumes=tuple(_volumes(spec)),
        ports=tuple(
            ObservedServicePort(
                port.get("TargetPort", 0),
                port.get("PublishedPort", 0),
                port.get("Protocol", "tcp"),
                port.get("PublishMode", "ingress"),
            )
            for port in endpoint.get("Ports") or (spec.get("EndpointSpec") or {}).get("Ports") or ()
        ),
        constraints=tuple((task.get("Placement") or {}).get("Constraints") or ()),
        created=epoch(row.get("CreatedAt")),
        updated=epoch(row.get("UpdatedAt")),
    )


def file(row: Row) -> ObservedSwarmFile:
    """A row of GET /secrets or /configs."""
    spec = row["Spec"]
    return ObservedSwarmFile(
        id=row["ID"],
        name=spec["Name"],
        labels=spec.get("Labels") or {},
        created=epoch(row.get("CreatedAt")),
    )


def task(row: Row) -> ObservedTask:
    """A row of GET /tasks. The exit code is known only once the container has ended: before, the engine says 0."""
    status, spec = row.get("Status") or {}, row.get("Spec") or {}
    container = spec.get("ContainerSpec") or {}
    ran = status.get("ContainerStatus") or {}
    state = status.get("State", "new")
    ended = state in ("complete", "failed", "shutdown")
    return ObservedTask(
        id=row["ID"],
        service_id=row.get("ServiceID", ""),
        node_id=row.get("NodeID", ""),
        slot=row.get("Slot", 0),
        state=state,
        desired_state=row.get("DesiredState", ""),
        message=status.get("Message", ""),
        error=status.get("Err", ""),
        exit_code=ran.get("ExitCode", 0) if ended and ran else None,
        container=ran.get("ContainerID", ""),
        image=container.get("Image", ""),
        digest=(container.get("Labels") or {}).get(names.DIGEST, ""),
        created=epoch(row.get("CreatedAt")),
        updated=epoch(status.get("Timestamp")),
        iteration=(row.get("JobIteration") or {}).get("Index", 0),
    )


def _mode(mode: Mapping[str, Any]) -> tuple[Mode, int]:
    for name, about in mode.items():
        number = (about or {}).get("Replicas", (about or {}).get("TotalCompletions", 1))
        return _MODES.get(name, "replicated"), cast("int", number)
    return "replicated", 1


def _volumes(spec: Row) -> Iterator[str]:
    """The volumes that a definition mounts and that carry the label of its project: those that the nodes make for it."""
    project = (spec.get("Labels") or {}).get(names.PROJECT)
    container = (spec.get("TaskTemplate") or {}).get("ContainerSpec") or {}
    for mount in container.get("Mounts") or ():
        given = (mount.get("VolumeOptions") or {}).get("Labels") or {}
        if mount.get("Source") and project and given.get(names.PROJECT) == project:
            yield mount["Source"]


def _files(spec: Row, kind: str) -> Iterable[str]:
    """The ids of the secrets or configs that a definition uses."""
    container = (spec.get("TaskTemplate") or {}).get("ContainerSpec") or {}
    return [use[f"{kind.removesuffix('s')}ID"] for use in container.get(kind) or ()]

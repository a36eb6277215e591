"""What the scenarios on a Swarm speak in: a project of its own, the command line run in it, and what the nodes then have."""

from __future__ import annotations

import subprocess
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

import docker
from cluster import Cluster, Node
from scenario import Project, eventually

NOTHING: dict[str, list[str]] = {
    "services": [],
    "networks": [],
    "secrets": [],
    "configs": [],
    "containers": [],
}
_NAMESPACE = "com.docker.stack.namespace"

QUICK = """\
image = "busybox"
stop_grace_period = "0s"
deploy.endpoint_mode = "dnsrr"
deploy.update_config.monitor = "500ms"
deploy.update_config.parallelism = 0
deploy.rollback_config.monitor = "500ms"
deploy.restart_policy.delay = "100ms"
"""
SLEEP = QUICK + 'command = "sleep infinity"\n'
"""What a service does that does nothing. This kernel has no IPVS: no service has an address of its own."""


@dataclass
class Deployed(Project):
    """A project on the cluster. `api` is a client of the manager."""

    api: Any  # its types say too little
    cluster: Cluster = field(kw_only=True)

    def __post_init__(self) -> None:
        self.env.setdefault("DOCKER_HOST", self.cluster.manager.host)

    # What the Swarm has, without asking the tool under test

    def service(self, key: str) -> dict[str, Any]:
        found: dict[str, Any] = self.api.inspect_service(f"{self.name}_{key}")
        return found

    def environment_of(self, key: str) -> list[str]:
        found: list[str] = self.service(key)["Spec"]["TaskTemplate"]["ContainerSpec"].get("Env") or []
        return found

    def versions(self) -> dict[str, int]:
        """The version of each service, which any change raises."""
        return {row["Spec"]["Name"]: row["Version"]["Index"] for row in self._mine(self.api.services)}

    def tasks(self, key: str, state: str | None = "running") -> list[dict[str, Any]]:
        """The tasks of a service in this state (None: any), the oldest first. One that is to stop does not count as running."""
        found = [
            task
            for task in self.api.tasks(filters={"service": f"{self.name}_{key}"})
            if state in (None, task["Status"]["State"])
            and (state != "running" or task["DesiredState"] == "running")
        ]
        return sorted(found, key=created)

    def nodes_of(self, key: str) -> set[str]:
        """The names of the nodes on which tasks of a service run."""
        names = {node["ID"]: node["Description"]["Hostname"] for node in self.api.nodes()}
        return {names[task["NodeID"]] for task in self.tasks(key)}

    def left(self) -> dict[str, list[str]]:
        """All that the Swarm and the nodes have of the project, but for its volumes."""
        return {
            "services": sorted(row["Spec"]["Name"] for row in self._mine(self.api.services)),
            "networks": sorted(row["Name"] for row in self._mine(self.api.networks)),
            "secrets": sorted(row["Spec"]["Name"] for row in self._mine(self.api.secrets)),
            "configs": sorted(row["Spec"]["Name"] for row in self._mine(self.api.configs)),
            "containers": sorted(
                f"{node.name}: {row['Names'][0]}" for node in self.cluster.nodes for row in self.on(node)
            ),
        }

    def on(self, node: Node) -> list[dict[str, Any]]:
        """The project's containers on a node, those that have ended, too."""
        return [row for row in node.containers() if row["Labels"].get(_NAMESPACE) == self.name]

    def volumes(self) -> dict[str, list[str]]:
        """The project's volumes, by the names of the nodes that have one."""
        found = {}
        for node in self.cluster.nodes:
            with closing(node.api) as api:
                names = [v["Name"] for v in api.volumes()["Volumes"] or [] if v["Name"].startswith(self.name)]
            if names:
                found[node.name] = names
        return found

    def within(self, key: str, *argv: str) -> str:
        """What a command says in the one task of a service, on whatever node it runs."""
        (task,) = self.tasks(key)
        container = task["Status"]["ContainerStatus"]["ContainerID"]
        (node,) = (n for n in self.cluster.nodes for row in self.on(n) if row["Id"] == container)
        with closing(node.api) as api:
            made = api.exec_create(container, list(argv))
            output: str = api.exec_start(made["Id"]).decode()
            assert api.exec_inspect(made["Id"])["ExitCode"] == 0, output
        return output

    def docker(self, *argv: str) -> str:
        """What Docker's own command line says on the manager."""
        done = subprocess.run(
            ["docker", "--host", self.cluster.manager.host, *argv],
            capture_output=True,
            text=True,
            check=False,
        )
        assert not done.returncode, done.stderr
        return done.stdout

    def clean(self) -> None:
        for service in self._mine(self.api.services):
            self.api.remove_service(service["ID"])
        eventually(self._no_containers, 60)
        for network in self._mine(self.api.networks):
            eventually(partial(self._removed, network["Id"]), 60)
        for secret in self._mine(self.api.secrets):
            self.api.remove_secret(secret["ID"])
        for config in self._mine(self.api.configs):
            self.api.remove_config(config["ID"])
        for node in self.cluster.nodes:
            with closing(node.api) as api:
                for volume in api.volumes()["Volumes"] or []:
                    if volume["Name"].startswith(self.name):
                        api.remove_volume(volume["Name"], force=True)

    def story(self) -> str:
        return self.docker("service", "ls") + "".join(
            self.docker("service", "ps", "--no-trunc", row["ID"]) for row in self._mine(self.api.services)
        )

    def _mine(self, listed: Any) -> list[dict[str, Any]]:  # type: ignore[override]
        found: list[dict[str, Any]] = listed(filters={"label": f"{_NAMESPACE}={self.name}"})
        return found

    def _no_containers(self) -> bool:
        """Whether none is left. Those of jobs stay when a service is removed by others than stackctl."""
        for node in self.cluster.nodes:
            with closing(node.api) as api:
                for row in self.on(node):
                    if row["State"] != "running":
                        with suppress(docker.errors.APIError):
                            api.remove_container(row["Id"], force=True)
        return not self.left()["containers"]

    def _removed(self, network: str) -> bool:
        try:
            self.api.remove_network(network)
        except docker.errors.NotFound:
            return True
        except docker.errors.APIError:
            return False
        return True


def created(row: dict[str, Any]) -> datetime:
    return moment(row["CreatedAt"])


def changed(task: dict[str, Any]) -> datetime:
    """When a task came to its present state."""
    return moment(task["Status"]["Timestamp"])


def moment(text: str) -> datetime:
    """A time of the engine, of whose nine digits Python reads six."""
    whole, _, rest = text.rstrip("Z").partition(".")
    return datetime.fromisoformat(f"{whole}.{rest[:6].ljust(6, '0')}+00:00")

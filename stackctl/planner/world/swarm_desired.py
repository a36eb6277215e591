"""What should be there on a Swarm: the services, secrets, configs and networks of a stack, with every name decided."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct, field

from stackctl.planner.world.desired import (
    DesiredContainer,
    DesiredNetwork,
    DesiredVolume,
    Image,
    Need,
)
from stackctl.planner.world.digests import field_digests
from stackctl.planner.world.swarm_observed import Mode
from stackctl.secret import Secret, veiled

EndpointMode = Literal["vip", "dnsrr"]
FailureAction = Literal["rollback", "pause", "continue"]
UpdateOrder = Literal["start-first", "stop-first"]
Section = Literal["secrets", "configs"]


class DesiredSwarmFile(Struct, frozen=True, kw_only=True):
    """A secret or config of the Swarm. Its name has its version: a Swarm changes no content."""

    section: Section
    key: str
    """The name in the file."""
    name: str
    content: Secret = Secret("")
    labels: Mapping[str, str] = field(default_factory=dict)
    external: bool = False
    """It is there already, and is taken as it is."""
    driver: str = ""
    """The driver that keeps a secret's content outside of the Swarm; "" for the Swarm itself."""
    driver_opts: Mapping[str, str] = field(default_factory=dict)
    template_driver: str = ""
    """`golang`: the content is a template that the engine fills for each task."""


class SwarmFileUse(Struct, frozen=True, kw_only=True):
    """A secret or config in the tasks of a service. The engine wants its id, too, and looks the id up by `name`."""

    section: Section
    name: str
    """The name of the `DesiredSwarmFile`."""
    target: str
    """The path in the container. That of a secret may be absolute or relative to /run/secrets."""
    uid: int = 0
    gid: int = 0
    mode: int = 0o444


class SwarmPort(Struct, frozen=True, kw_only=True):
    """A port of a service. `ingress`: every node of the Swarm answers on it; `host`: only the nodes on which a task runs."""

    target: int
    published: int | None = None
    """None: the Swarm chooses one."""
    protocol: str = "tcp"
    mode: Literal["ingress", "host"] = "ingress"
    index: int = 0
    """The index in the list of the file, for messages."""

    def __str__(self) -> str:
        return f"*:{self.published or '*'}→{self.target}" + (
            "" if self.protocol == "tcp" else f"/{self.protocol}"
        )


class Rollout(Struct, frozen=True, kw_only=True):
    """How tasks are replaced in an update or a rollback. Times are in seconds. Everything is always sent: no default of an
    engine decides.
    """

    parallelism: int = 1
    """How many tasks are replaced at once; 0 is all."""
    delay: float = 0.0
    failure_action: FailureAction = "rollback"
    monitor: float = 5.0
    """How long a new task is watched for failures."""
    max_failure_ratio: float = 0.0
    order: UpdateOrder = "stop-first"


class Restarting(Struct, frozen=True, kw_only=True):
    """When the Swarm replaces a task that ended. Times are in seconds."""

    condition: Literal["none", "on-failure", "any"] = "any"
    delay: float = 5.0
    max_attempts: int = 0
    """0: as often as needed."""
    window: float = 0.0
    """The time in which attempts are counted; 0: always."""


class Placing(Struct, frozen=True, kw_only=True):
    """On which nodes tasks may run."""

    constraints: tuple[str, ...] = ()
    """`node.role==manager`, `node.labels.zone!=b`."""
    spread: tuple[str, ...] = ()
    """What tasks are spread over, in order: `node.labels.zone`."""
    max_per_node: int = 0
    """0: no limit."""
    platform: str = ""
    """Such as linux/amd64; "" for every node."""


class Amounts(Struct, frozen=True, kw_only=True):
    """An amount of what a node has. 0 and empty mean: not said."""

    nano_cpus: int = 0
    memory: int = 0
    """Bytes."""
    pids: int = 0
    generic: Mapping[str, int] = field(default_factory=dict)
    """Of each named resource of a node a number: `{"gpu": 2}`."""


class DesiredService(Struct, frozen=True, kw_only=True):
    """A service of the Swarm as it should be: the template of its containers, and how many of them.

    The engine takes from `template` what every task is: settings, command, environment, mounts, healthcheck, grace. Its
    `networks` hold the aliases. What a Swarm says in another way stands in the other fields, which win: image, ports, files,
    restart, resources, labels.
    """

    name: str
    """`<project>_<service>`."""
    service: str
    """The key in the file."""
    template: DesiredContainer
    image: str
    """What is sent: with the digest that the registry knows, if one does."""
    mode: Mode = "replicated"
    replicas: int = 1
    """How many tasks, or how many completions of a job. A global service has one on each node, whatever this says."""
    endpoint_mode: EndpointMode = "vip"
    ports: tuple[SwarmPort, ...] = ()
    volumes: tuple[DesiredVolume, ...] = ()
    """The named volumes that its mounts use. The node on which a task starts makes them."""
    files: tuple[SwarmFileUse, ...] = ()
    update: Rollout = Rollout()
    rollback: Rollout = Rollout(failure_action="pause")
    restart: Restarting = Restarting()
    placement: Placing = Placing()
    limits: Amounts = Amounts()
    reservations: Amounts = Amounts()
    labels: Mapping[str, str] = field(default_factory=dict)
    """Every label of the service."""
    task_labels: Mapping[str, str] = field(default_factory=dict)
    """Every label of its containers."""
    force: int = 0
    """`TaskTemplate.ForceUpdate`: another number makes all tasks new, though nothing else changed."""
    needs: tuple[Need, ...] = ()
    digest: str = ""
    """The digest of all of it: a label of the service."""
    task_digest: str = ""
    """The digest of what a task is, without the number of tasks: a label of the containers. A task with another one is outdated."""
    definition: Mapping[str, Any] = field(default_factory=dict)
    """What `digest` covers, by field."""

    @property
    def fields(self) -> Mapping[str, str]:
        """A short digest of each field of the definition."""
        return field_digests(self.definition)

    @property
    def job(self) -> bool:
        """Whether its tasks run to completion."""
        return self.mode.endswith("-job")

    def __repr__(self) -> str:
        return veiled(self, "definition")


class DesiredSwarm(Struct, frozen=True, kw_only=True):
    """A stack on a Swarm, in dependency order."""

    project: str
    instance: str
    source: str
    """The path of the spec."""
    networks: tuple[DesiredNetwork, ...] = ()
    volumes: tuple[DesiredVolume, ...] = ()
    files: tuple[DesiredSwarmFile, ...] = ()
    images: tuple[Image, ...] = ()
    services: tuple[DesiredService, ...] = ()
    sticky: Mapping[str, str] = field(default_factory=dict)
    """The label of a node that keeps a sticky volume, by the key of the volume."""
    known: frozenset[str] = frozenset()
    """All services and jobs of the file, selected or not. Any other service of the project is an orphan."""


class SwarmGoal(Struct, frozen=True, kw_only=True):
    """What a service must come to before whoever waits for it goes on."""

    name: str
    digest: str = ""
    """The `digest` of the live service. "": any."""
    task_digest: str = ""
    """The digest of the tasks that count. "": those of the live service."""
    image: str = ""
    """The image of the tasks that count. "": any."""
    mode: Mode = "replicated"
    tasks: int = 1
    """How many tasks must run, or have completed."""
    nodes: frozenset[str] = frozenset()
    """The ids of the nodes that may run a global service. Those that take no tasks any more do not count: `tasks` is then less."""
    settle: float = 5.0
    """How many seconds it must stay so. Of an update the engine has watched this itself."""
    monitor: float = 5.0
    """How many seconds the engine watches each new task of an update."""
    started: bool = False
    """It is enough that one task runs."""
    rolled_back: bool = False
    """It is to go back: then a rollback is no failure."""

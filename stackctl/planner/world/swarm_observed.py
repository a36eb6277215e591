"""What is there in a Swarm: one snapshot of its manager, and the tasks of a project, with the labels already read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from typing import Literal

from msgspec import Struct, field

from stackctl.planner.world import labels as names
from stackctl.planner.world.observed import Labelled, ObservedEngine, ObservedNetwork

Mode = Literal["replicated", "global", "replicated-job", "global-job"]

ENDED = ("complete", "shutdown", "failed", "rejected", "remove", "orphaned")
"""The states that a task does not leave any more (Swarm task states, docs.docker.com)."""


class ObservedNode(Struct, frozen=True, kw_only=True):
    """A machine of the Swarm, as the manager sees it."""

    id: str
    name: str
    """Its hostname."""
    role: str = "worker"
    """manager or worker."""
    state: str = "ready"
    """ready, down, disconnected or unknown."""
    availability: str = "active"
    """active, pause (it gets no new tasks) or drain (it must have no tasks)."""
    leader: bool = False
    reachability: str = ""
    """Of a manager: reachable, unreachable or unknown; "" for a worker."""
    address: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    """`node.labels` of a constraint."""
    engine_labels: Mapping[str, str] = field(default_factory=dict)
    """`engine.labels` of a constraint."""
    os: str = ""
    arch: str = ""
    """As the node says it: x86_64, aarch64."""
    nano_cpus: int = 0
    memory: int = 0
    """Bytes."""

    @property
    def down(self) -> bool:
        """Whether nothing is known of its tasks any more."""
        return self.state == "down"

    @property
    def takes_tasks(self) -> bool:
        return self.state == "ready" and self.availability == "active"


class ObservedServicePort(Struct, frozen=True):
    target: int
    published: int
    """0 while the Swarm has not chosen one."""
    protocol: str = "tcp"
    mode: str = "ingress"
    """ingress or host."""


class ObservedService(Labelled, frozen=True, kw_only=True):
    """A service of the Swarm. `version` is the one that an update must name."""

    id: str
    version: int
    image: str = ""
    """As the Swarm runs it, with the digest if it is pinned."""
    mode: Mode = "replicated"
    replicas: int = 1
    """How many tasks the definition asks for; of a job how many completions. 1 for a global service: the nodes decide."""
    running: int = 0
    """The Swarm's own count of running tasks. It counts tasks of dead nodes, too."""
    desired: int = 0
    """The Swarm's own count of the tasks that should run."""
    completed: int = 0
    """Of a job: the tasks of this iteration that have completed."""
    iteration: int = 0
    """Of a job: how often it was started again."""
    force: int = 0
    """The counter that makes new tasks of an unchanged definition."""
    update_state: str = ""
    """"", updating, paused, completed, rollback_started, rollback_paused or rollback_completed."""
    update_message: str = ""
    previous: bool = False
    """Whether it can go back to an earlier definition."""
    task_digest: str = ""
    """The label of the definition that its tasks are made from."""
    previous_digest: str | None = None
    """The label of that definition."""
    endpoint_mode: str = "vip"
    secrets: frozenset[str] = frozenset()
    """The ids of the secrets that it or its earlier definition uses."""
    configs: frozenset[str] = frozenset()
    present_files: frozenset[str] = frozenset()
    """The ids of the secrets and configs that its present definition uses, without the earlier one."""
    networks: tuple[str, ...] = ()
    """The ids of its networks."""
    volumes: tuple[str, ...] = ()
    """The names of the volumes of its project that its tasks mount, without external ones."""
    ports: tuple[ObservedServicePort, ...] = ()
    constraints: tuple[str, ...] = ()
    created: float = 0.0
    """Seconds since the epoch, on the manager's clock."""
    updated: float = 0.0

    @property
    def is_job(self) -> bool:
        return self.mode.endswith("-job")

    @property
    def stack(self) -> str | None:
        """The stack that it belongs to, also if another tool has made it."""
        return self.labels.get(names.STACK)

    @property
    def fields(self) -> Mapping[str, str]:
        return names.unpack_fields(self.labels.get(names.FIELDS))

    @property
    def image_as_written(self) -> str:
        """The image without its pinned digest, as the file names it."""
        return self.labels.get(names.STACK_IMAGE, "") or self.image.partition("@")[0]

    @property
    def depends(self) -> tuple[str, ...]:
        """The services that come before it; `down` removes it before them. A label that somebody broke counts as empty."""
        try:
            found = json.loads(self.labels.get(names.DEPENDS, "[]"))
        except ValueError:
            return ()
        return tuple(str(each) for each in found) if isinstance(found, list) else ()


class ObservedSwarmFile(Labelled, frozen=True, kw_only=True):
    """A secret or config of the Swarm. It never changes; its content is not read."""

    id: str
    created: float = 0.0


class ObservedTask(Struct, frozen=True, kw_only=True):
    """One container of a service, or what became of it."""

    id: str
    service_id: str
    node_id: str = ""
    """"" while no node is chosen."""
    slot: int = 0
    """The replica, from 1; 0 for a global service, whose tasks are told apart by their nodes."""
    state: str = "new"
    """new, pending, assigned, accepted, preparing, ready, starting, running, or one of `ENDED`."""
    desired_state: str = "running"
    """What the Swarm wants it to be: ready, running, shutdown, complete, remove."""
    message: str = ""
    error: str = ""
    exit_code: int | None = None
    """None if its container has not ended."""
    container: str = ""
    """The id of its container on the node; "" if it has none."""
    image: str = ""
    digest: str = ""
    """The label of the definition that it was made from."""
    created: float = 0.0
    """Seconds since the epoch, on the manager's clock."""
    updated: float = 0.0
    """When it came into its state, on the node's clock."""
    iteration: int = 0
    """Of a job: the iteration of the service that it belongs to."""

    @property
    def stays(self) -> bool:
        """Whether its node has not removed its container yet. The Swarm removes a task from its list when the node has stopped it. It
        forgets ended tasks that it did not mean to remove.
        """
        return not self.ended or self.desired_state == "remove"

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    @property
    def place(self) -> str:
        """What only one task at a time may have: the slot, or the node of a global service."""
        return str(self.slot) if self.slot else self.node_id


class ObservedSwarm(Struct, frozen=True, kw_only=True, dict=True):
    """One snapshot of a Swarm. Nothing but `engine`, `state` and `reason` is known if `manager` is false or there is a reason.

    `services` are those of the project; `networks`, `secrets` and `configs` are all that there are.
    """

    engine: ObservedEngine
    state: str = "active"
    """Of this engine in the Swarm: inactive, pending, active, error or locked."""
    manager: bool = True
    """Whether this engine manages the Swarm."""
    reason: str = ""
    """Why the Swarm does not answer, in the engine's words: it has no leader, it is locked."""
    managers: tuple[str, ...] = ()
    """The addresses of the managers, `10.0.0.1:2377`, as far as this engine knows them."""
    node_id: str = ""
    """The node that this engine is."""
    nodes: tuple[ObservedNode, ...] = ()
    services: tuple[ObservedService, ...] = ()
    networks: tuple[ObservedNetwork, ...] = ()
    secrets: tuple[ObservedSwarmFile, ...] = ()
    configs: tuple[ObservedSwarmFile, ...] = ()
    time: float = 0.0
    """When it was taken: seconds since the epoch, on the engine's clock."""

    @cached_property
    def by_key(self) -> Mapping[str, ObservedService]:
        """The services that stackctl made, by the key in the file."""
        return {service.key: service for service in self.services if service.key}

    @cached_property
    def node(self) -> Mapping[str, ObservedNode]:
        """Nodes by id."""
        return {node.id: node for node in self.nodes}

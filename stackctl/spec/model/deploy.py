"""`deploy`: what holds on one machine, too, and what only a Swarm reads."""

import re
from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from stackctl.spec.model.devices import DeviceRequest, requests_sent
from stackctl.spec.model.keys import Check, key, pair
from stackctl.spec.structure import Annotated
from stackctl.spec.text.parts import Text
from stackctl.spec.values import ByteSize, Cpus, Duration, Restart

_SWARM = " On a Swarm alone."


class DiscreteResource(Struct, frozen=True, kw_only=True):
    """A resource that nodes have a number of."""

    kind: Annotated[str, key("Its name on the nodes.")]
    value: Annotated[int, key("How many of them.")]

    def check(self) -> Check:
        if self.value < 1:
            yield ("value",), f"expected 1 or more, found {self.value}", ""


class GenericResource(Struct, frozen=True, kw_only=True):
    """A resource that the operator of a node has named."""

    discrete_resource_spec: Annotated[DiscreteResource, key("Its name and how many of them.")]


class ResourceLimits(Struct, frozen=True, kw_only=True):
    """The most that a container may use."""

    cpus: Annotated[
        Cpus | None,
        key("As `cpus`.", body="HostConfig.NanoCpus", flag="cpus", sent=lambda cpus: cpus.nano),
    ] = None
    memory: Annotated[ByteSize | None, key("As `mem_limit`.", body="HostConfig.Memory", flag="memory")] = None
    pids: Annotated[int | None, key("As `pids_limit`.", body="HostConfig.PidsLimit", flag="pids-limit")] = (
        None
    )


class Reservations(Struct, frozen=True, kw_only=True):
    """What is kept for a container."""

    cpus: Annotated[Cpus | None, key("Nothing reads it outside of a Swarm.")] = None
    memory: Annotated[
        ByteSize | None,
        key("As `mem_reservation`.", body="HostConfig.MemoryReservation", flag="memory-reservation"),
    ] = None
    devices: Annotated[
        tuple[DeviceRequest, ...],
        key(
            "As `gpus`, and other devices by their capabilities.",
            body="HostConfig.DeviceRequests",
            flag="gpus",
            sent=requests_sent,
        ),
    ] = ()
    generic_resources: Annotated[
        tuple[GenericResource, ...],
        key("Resources that the operators of nodes have named, such as GPUs." + _SWARM),
    ] = ()


class Resources(Struct, frozen=True, kw_only=True):
    """Limits and reservations."""

    limits: Annotated[ResourceLimits | None, key("The most that it may use.")] = None
    reservations: Annotated[Reservations | None, key("What is kept for it.")] = None


class RestartPolicy(Struct, frozen=True, kw_only=True):
    """When the engine starts a container again. It wins over `restart`."""

    condition: Annotated[
        Literal["none", "on-failure", "any"], key("After no end, after a failure, or after any end.")
    ] = "any"
    max_attempts: Annotated[int | None, key("How often, with on-failure.")] = None
    delay: Annotated[Duration | None, key("The time before a new attempt (5s)." + _SWARM)] = None
    window: Annotated[Duration | None, key("The time in which attempts are counted (always)." + _SWARM)] = (
        None
    )

    @property
    def restart(self) -> Restart:
        """The same as a value of `restart`."""
        policy = {"none": "no", "any": "always"}.get(self.condition, self.condition)
        return Restart(policy, self.max_attempts or 0)

    def check(self) -> Check:
        if self.max_attempts is not None and self.max_attempts < 0:
            yield ("max_attempts",), f"cannot be negative, found {self.max_attempts}", ""
        elif self.max_attempts and self.condition != "on-failure":
            yield (
                ("max_attempts",),
                f'the engine counts attempts with condition = "on-failure" alone, not with {self.condition}',
                'write condition = "on-failure", or leave max_attempts out',
            )


class Rollouts(Struct, frozen=True, kw_only=True):
    """How tasks are replaced in an update or a rollback."""

    parallelism: Annotated[int | None, key("How many tasks are replaced at once (1); 0 is all.")] = None
    delay: Annotated[Duration | None, key("The time between two of them (0s).")] = None
    failure_action: Annotated[
        Literal["rollback", "pause", "continue"] | None,
        key("What a failure leads to (an update: rollback; a rollback: pause)."),
    ] = None
    monitor: Annotated[Duration | None, key("How long a new task is watched for failures (5s).")] = None
    max_failure_ratio: Annotated[float | None, key("The part of the tasks that may fail (0).")] = None
    order: Annotated[
        Literal["start-first", "stop-first"] | None,
        key(
            "Which comes first: the new task or the end of the old one (start-first; stop-first if both cannot"
            " run at once: a port of the node, a volume, a bind mount)."
        ),
    ] = None

    def check(self) -> Check:
        if self.parallelism is not None and self.parallelism < 0:
            yield ("parallelism",), f"cannot be negative, found {self.parallelism}", ""
        if self.max_failure_ratio is not None and not 0 <= self.max_failure_ratio <= 1:
            yield ("max_failure_ratio",), f"expected a number from 0 to 1, found {self.max_failure_ratio}", ""


class Spread(Struct, frozen=True, kw_only=True):
    """What tasks are spread over."""

    spread: Annotated[str, key("A label of nodes: `node.labels.zone`.")]


class Placement(Struct, frozen=True, kw_only=True):
    """On which nodes of a Swarm tasks may run."""

    constraints: Annotated[
        tuple[Text, ...],
        key("What a node must be: `node.role == worker`, `node.labels.disk == ssd`, `node.hostname != a`."),
    ] = ()
    preferences: Annotated[tuple[Spread, ...], key("What tasks are spread over, in order.")] = ()
    max_replicas_per_node: Annotated[int | None, key("How many tasks a node may run; 0 is no limit.")] = None

    def check(self) -> Check:
        for index, constraint in enumerate(self.constraints):
            if not re.fullmatch(CONSTRAINT, str(constraint)):
                yield (
                    ("constraints", index),
                    f"{str(constraint)!r} is not a constraint",
                    "write KEY == VALUE or KEY != VALUE, where KEY is node.hostname, node.role, node.labels.NAME or another one",
                )
        yield from count(("max_replicas_per_node",), self.max_replicas_per_node)


CONSTRAINT = (
    r"\s*(node\.(?:id|hostname|ip|role|platform\.os|platform\.arch|labels\.[\w.\-/]+)|engine\.labels\.[\w.\-/]+)"
    r"\s*(==|!=)\s*(.*\S)\s*"
)
"""A constraint: what of a node, equal or not, and the value (swarmkit, manager/constraint)."""


class Deploy(Struct, frozen=True, kw_only=True):
    """How many, on which machines, with which limits. `deploy` on a Swarm reads all of it; on one machine, limits and restarts hold, too."""

    mode: Annotated[
        Literal["replicated", "global", "replicated-job", "global-job"] | None,
        key(
            "Whether a number of tasks run (replicated) or one on each node (global); a job runs to completion (replicated)."
            + _SWARM
        ),
    ] = None
    endpoint_mode: Annotated[
        Literal["vip", "dnsrr"] | None,
        key(
            "Whether the name of the service stands for one address that the engine balances (vip, the default), or for those of all"
            " its tasks (dnsrr)." + _SWARM
        ),
    ] = None
    labels: Annotated[
        Mapping[str, Text],
        key("Labels of the service, not of its containers." + _SWARM, listed=pair()),
    ] = {}
    placement: Annotated[Placement | None, key("On which nodes it may run." + _SWARM)] = None
    update_config: Annotated[Rollouts | None, key("How an update replaces tasks." + _SWARM)] = None
    rollback_config: Annotated[
        Rollouts | None, key("How going back to what was before replaces tasks." + _SWARM)
    ] = None
    replicas: Annotated[int | None, key("How many containers the service has (1); 0 is possible.")] = None
    resources: Annotated[Resources | None, key("Limits and reservations.")] = None
    restart_policy: Annotated[RestartPolicy | None, key("When it is started again.")] = None

    @property
    def limits(self) -> ResourceLimits:
        """The limits; empty if none are given."""
        return (self.resources and self.resources.limits) or ResourceLimits()

    @property
    def reservations(self) -> Reservations:
        """The reservations; empty if none are given."""
        return (self.resources and self.resources.reservations) or Reservations()

    def check(self) -> Check:
        yield from count(("replicas",), self.replicas)
        if self.replicas is not None and (self.mode or "").startswith("global"):
            yield ("replicas",), f"mode {self.mode} runs one task on each node", "leave replicas or mode out"
        if self.rollback_config and self.rollback_config.failure_action == "rollback":
            yield (
                ("rollback_config", "failure_action"),
                "a rollback that fails cannot be rolled back",
                "write pause or continue",
            )


def count(path: tuple[str, ...], number: int | None) -> Check:
    """A problem if this cannot be a number of containers."""
    if number is not None and number < 0:
        yield path, f"expected a number of containers, 0 or more, found {number}", ""

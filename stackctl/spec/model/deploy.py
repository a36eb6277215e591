"""`deploy`: what Compose also applies on one machine."""

from collections.abc import Mapping
from typing import ClassVar, Literal

from msgspec import Struct

from stackctl.spec.model.devices import DeviceRequest, requests_sent
from stackctl.spec.model.keys import Check, key
from stackctl.spec.structure import Annotated
from stackctl.spec.unsupported import DEPLOY_KEYS
from stackctl.spec.values import ByteSize, Cpus, Restart

_SWARM = "only a Swarm reads it"


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

    NOT_DONE: ClassVar[Mapping[str, str]] = {
        "generic_resources": _SWARM,
    }


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

    IGNORED: ClassVar[Mapping[str, str]] = {"delay": _SWARM, "window": _SWARM}

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


class Deploy(Struct, frozen=True, kw_only=True):
    """How Compose writes limits and restarts for a Swarm. On one machine they hold, too."""

    replicas: Annotated[int | None, key("How many containers the service has (1); 0 is possible.")] = None
    resources: Annotated[Resources | None, key("Limits and reservations.")] = None
    restart_policy: Annotated[RestartPolicy | None, key("When it is started again.")] = None

    NOT_DONE: ClassVar[Mapping[str, str]] = DEPLOY_KEYS

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


def count(path: tuple[str, ...], number: int | None) -> Check:
    """A problem if this cannot be a number of containers."""
    if number is not None and number < 0:
        yield path, f"expected a number of containers, 0 or more, found {number}", ""

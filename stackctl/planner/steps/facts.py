"""What steps make true, and what they need to be true before them. The edges of a plan follow from these.

A fact that no earlier step makes is taken to be true already: a need of it gives no edge.
"""

from __future__ import annotations

from msgspec import Struct

from stackctl.planner.world.replica import Replica
from stackctl.spec.model import Condition


class ImageHere(Struct, frozen=True):
    ref: str


class NetworkThere(Struct, frozen=True):
    """A network of that name is there, with the definition it should have."""

    name: str


class VolumeThere(Struct, frozen=True):
    name: str


class Created(Struct, frozen=True):
    """There is a container for the replica, and it is in its networks."""

    replica: Replica


class ContainerStarted(Struct, frozen=True):
    replica: Replica


class HooksDone(Struct, frozen=True):
    """The containers of `pre_start` of a service have done their work."""

    service: str


class Met(Struct, frozen=True):
    """The replica meets a condition. If this is not `required`, it is enough that it was waited for."""

    replica: Replica
    condition: Condition
    required: bool = True


class Stopped(Struct, frozen=True):
    """The container of that id does not run. Its ports are free."""

    container: str


class Unpaused(Struct, frozen=True):
    """The container of that id is no longer paused for a copy."""

    container: str


class Retired(Struct, frozen=True):
    """The container of that id does not run, and no engine that restarts starts it again."""

    container: str


class Removed(Struct, frozen=True):
    container: str


class Renamed(Struct, frozen=True):
    """The container of that id no longer has the name with which it was found."""

    container: str


class FileThere(Struct, frozen=True):
    """A Swarm has a secret or config of that name."""

    name: str


class NodeLabelled(Struct, frozen=True):
    """A node has that label."""

    label: str


class NameFree(Struct, frozen=True):
    name: str


class PortFree(Struct, frozen=True):
    """A port of the host is free."""

    port: int
    protocol: str


Fact = (
    ImageHere
    | NetworkThere
    | VolumeThere
    | Created
    | ContainerStarted
    | HooksDone
    | Met
    | Stopped
    | Unpaused
    | Retired
    | Removed
    | Renamed
    | FileThere
    | NodeLabelled
    | NameFree
    | PortFree
)

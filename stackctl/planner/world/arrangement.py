"""What the lists of an engine do not tell, and what must be known to put things back: restart policies, places in networks, and the
definitions of networks.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from stackctl.planner.world.desired import Attachment, DesiredNetwork


class ContainerArrangement(Struct, frozen=True, kw_only=True):
    """What can be changed in a container without another one taking its place, and what it cannot start without."""

    restart: str = "no"
    restart_times: int = 0
    networks: Mapping[str, Attachment] = field(default_factory=dict)
    """Its place in each network, by the network's name."""
    holders: tuple[str, ...] = ()
    """The ids of the containers whose network, memory, processes or volumes it shares."""


class Arrangement(Struct, frozen=True, kw_only=True):
    """The containers and networks that were asked for, by id. What is not there is left out."""

    containers: Mapping[str, ContainerArrangement] = field(default_factory=dict)
    networks: Mapping[str, DesiredNetwork] = field(default_factory=dict)
    """The definitions with which networks of the same kind can be made again, with the addresses that they have."""

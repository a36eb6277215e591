"""Say which network a name means. Several networks may have one name, so calls name a network by its id."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from msgspec import Struct

from stackctl.engine.docker import snapshot
from stackctl.engine.transport.client import WireClient
from stackctl.errors import EngineError, OutOfSequenceError
from stackctl.planner.world.observed import Observed, ObservedNetwork


class _Known(Struct, frozen=True):
    id: str
    name: str
    instance: str | None


class NetworkIds:
    """The engine's networks that are known, and which instance made which container.

    If several networks have one name, a container means the network that its own instance made; if its instance made
    several, the one with the smallest id.
    """

    def __init__(self, client: WireClient) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._networks: dict[str, _Known] = {}
        self._instances: dict[str, str | None] = {}
        """Instance by container id and name."""

    def learn(self, observed: Observed) -> None:
        with self._lock:
            self._networks = _known(observed.networks)
            self._instances = {
                key: container.instance
                for container in observed.containers
                for key in (container.id, container.name)
            }

    def learn_networks(self, networks: Iterable[ObservedNetwork]) -> None:
        with self._lock:
            self._networks = _known(networks)

    def add(self, network_id: str, name: str, instance: str | None) -> None:
        with self._lock:
            self._networks[network_id] = _Known(network_id, name, instance)

    def drop(self, network_id: str) -> None:
        with self._lock:
            self._networks.pop(network_id, None)

    def created(self, container_id: str, name: str, instance: str | None) -> None:
        with self._lock:
            self._instances |= {container_id: instance, name: instance}

    def renamed(self, container: str, to: str) -> None:
        with self._lock:
            self._instances[to] = self._instances.get(container)

    def id_for(self, container: str, name: str) -> str:
        """The id of the network that this container means by the name."""
        return self.id_of(name, self._instances.get(container))

    def id_of(self, name: str, instance: str | None) -> str:
        """The id of the network that an instance means by the name.

        Raises `EngineError` if no network has the name, or if several have it and the instance made none of them.
        """
        found = self._named(name)
        if not found:
            with self._lock:
                self._networks = _known(map(snapshot.network, self._client.get("networks")))
            found = self._named(name)
        own = [network for network in found if instance and network.instance == instance]
        if not own and len(found) > 1:
            raise EngineError(
                f"{len(found)} networks are named {name}",
                f"remove those not needed: docker network rm {found[0].id[:12]}",
            )
        if not found:
            hint = f"create it: docker network create {name}"
            raise OutOfSequenceError(f"there is no network {name}", hint)
        return min(network.id for network in own or found)

    def _named(self, name: str) -> list[_Known]:
        with self._lock:
            return [network for network in self._networks.values() if network.name == name]


def _known(networks: Iterable[ObservedNetwork]) -> dict[str, _Known]:
    return {network.id: _Known(network.id, network.name, network.instance) for network in networks}

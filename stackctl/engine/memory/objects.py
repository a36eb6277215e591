"""What an engine in memory has: networks, volumes and containers, which refuse what they refuse on a real engine."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from stackctl.engine.directories import placed
from stackctl.engine.memory.commands import Behaviour
from stackctl.engine.memory.container import MemoryContainer, course_of
from stackctl.engine.memory.files import Files, Store
from stackctl.engine.memory.image_store import Images
from stackctl.engine.transport.client import RefusedError
from stackctl.errors import EngineError, OutOfSequenceError, PortTakenError
from stackctl.planner.world.desired import (
    Attachment,
    DesiredContainer,
    DesiredMount,
    DesiredNetwork,
    DesiredPort,
    DesiredVolume,
)
from stackctl.planner.world.labels import REPLACES
from stackctl.planner.world.observed import (
    ImageConfig,
    Mounted,
    ObservedNetwork,
    ObservedVolume,
    PublishedPort,
)

if TYPE_CHECKING:
    from stackctl.engine.memory.swarm import MemorySwarm

_FREE_PORTS = range(32768, 61000)
_STANDARD = ("bridge", "host", "none")


class MemoryObjects:
    """The objects, and each change of them alone. `MemoryEngine` says what the arguments mean."""

    def __init__(
        self,
        images: Images,
        behaviours: Mapping[str, Behaviour],
        taken: Collection[int],
        *,
        removes_running: bool,
        swarm: MemorySwarm | None,
    ) -> None:
        self._images = images
        self.behaviours = dict(behaviours)
        self.taken = set(taken)
        self.removes_running = removes_running
        self.swarm = swarm
        self._guard = threading.RLock()
        self._count = 0
        self._networks = {
            (id_ := self._new_id("network")): ObservedNetwork(id=id_, name=name) for name in _STANDARD
        }
        self._volumes: dict[str, ObservedVolume] = {}
        self._containers: dict[str, MemoryContainer] = {}
        self._resources: dict[str, DesiredNetwork | DesiredVolume] = {}
        """The networks and volumes as they were asked for, by name."""
        self._files: dict[str, Store] = {}
        """The files of each container by its id, and of each volume by its name."""

    # Networks and volumes

    def _create_network(self, network: DesiredNetwork) -> None:
        if any(n.name == network.name for n in self._networks.values()):
            raise OutOfSequenceError(f"network with name {network.name} already exists")
        id_ = self._new_id("network")
        self._networks[id_] = ObservedNetwork(
            id=id_, name=network.name, driver=network.driver, labels=placed(network.labels)
        )

    def _definition(self, network: ObservedNetwork) -> DesiredNetwork:
        """The network as it was asked for."""
        asked = self._resources.get(network.name)
        if isinstance(asked, DesiredNetwork) and asked.digest == network.digest:
            return asked
        return DesiredNetwork(
            key=network.key, name=network.name, driver=network.driver, labels=network.labels
        )

    def _network(self, name: str) -> ObservedNetwork:
        found = next((n for n in self._networks.values() if name in (n.name, n.id)), None)
        if found is None:
            raise RefusedError(f"network {name} not found", status=404)
        return found

    def _connect(self, container: MemoryContainer, attachment: Attachment) -> None:
        network = self._network(attachment.network)
        if container.network_mode.startswith(("container:", "host", "none")):
            raise EngineError(
                f"container {container.name} shares a network namespace and cannot join {network.name}"
            )
        if network.id in container.networks:
            raise RefusedError(
                f"endpoint with name {container.name} already exists in network {network.name}", status=403
            )
        container.networks[network.id] = Attachment(network.name, attachment.aliases)

    def _remove_network(self, network_id: str, name: str) -> None:
        users = [
            c.name
            for c in self._containers.values()
            if network_id in c.networks and c.state in ("running", "paused")
        ]
        if users:
            raise RefusedError(f"network {name} has active endpoints: {', '.join(users)}", status=403)
        if self.swarm and (services := self.swarm.network_users(name)):
            raise RefusedError(f"network {name} is in use by service {services[0]}", status=409)
        self._networks.pop(network_id, None)

    def _create_volume(self, name: str, driver: str, labels: Mapping[str, str]) -> None:
        if name not in self._volumes:
            self._volumes[name] = ObservedVolume(
                name=name, driver=driver, created=self._tick(), labels=placed(labels)
            )

    def _remove_volume(self, name: str) -> None:
        users = [c.name for c in self._containers.values() if any(m.name == name for m in c.mounts)]
        if users:
            raise RefusedError(f"volume {name} is in use by {', '.join(users)}", status=409)
        self._volumes.pop(name, None)
        self._files.pop(name, None)

    # Containers

    def _get(self, handle: str) -> MemoryContainer | None:
        """The container of that id or name."""
        with self._guard:
            named = (c for c in self._containers.values() if c.name == handle)
            return self._containers.get(handle) or next(named, None)

    def _find(self, handle: str) -> MemoryContainer:
        if found := self._get(handle):
            return found
        raise RefusedError(f"No such container: {handle}", status=404)

    def _check_name(self, name: str) -> None:
        if any(c.name == name for c in self._containers.values()):
            raise RefusedError(f'the container name "{name}" is already in use', status=409)

    def _create_container(self, spec: DesiredContainer, name: str, replaces: str | None) -> None:
        self._check_name(name)
        image = self._images.get(spec.image)
        if image is None:
            raise RefusedError(f"No such image: {spec.image}", status=404)
        image_id, config = image
        mode, networks = self._placed(spec)
        shared = {name: self._find(name).id for name in (*spec.namespaces, *spec.volume_sources)}
        spec = spec.sharing_with(shared)
        behaviour = self.behaviours.get(spec.service) or self.behaviours.get(spec.image) or Behaviour()
        mounts, anonymous = self._mounted(spec, config)
        container = MemoryContainer(
            id=self._new_id("container"),
            name=name,
            spec=spec,
            image_id=image_id,
            config=config,
            behaviour=behaviour,
            created=self._tick(),
            labels={**placed(spec.labels), **({REPLACES: replaces} if replaces else {})},
            mounts=mounts,
            anonymous=anonymous,
            network_mode=mode,
            networks=networks,
            restart=(spec.restart, spec.restart_times),
            course=course_of(spec, config, behaviour),
        )
        self._containers[container.id] = container

    def _placed(self, spec: DesiredContainer) -> tuple[str, dict[str, Attachment]]:
        """The container's network mode as the engine writes it, and the networks that it joins when it is created."""
        if spec.networks:
            first = spec.networks[0]
            network = self._network(first.network)
            return network.id, {network.id: Attachment(network.name, first.aliases)}
        mode = spec.network_mode or "bridge"
        if mode.startswith("container:"):
            return f"container:{self._find(mode.removeprefix('container:')).id}", {}
        return mode, {self._network(mode).id: Attachment(mode)}

    def _mounted(
        self, spec: DesiredContainer, config: ImageConfig
    ) -> tuple[tuple[Mounted, ...], frozenset[str]]:
        """The container's mounts: those that it names, and an anonymous volume for every other VOLUME of its image. The
        second value holds the names of the anonymous volumes.
        """
        covered = {mount.target.rstrip("/") for mount in spec.mounts}
        left = (DesiredMount(type="volume", target=p) for p in config.volumes if p.rstrip("/") not in covered)
        mounts, anonymous = [], set()
        for mount in (*spec.mounts, *left):
            name = mount.source
            if mount.type == "volume" and not name:
                name = self._new_id("volume")
                anonymous.add(name)
                self._create_volume(name, "local", mount.labels)
            elif mount.type == "volume" and name not in self._volumes:
                raise EngineError(f"no such volume: {name}")
            mounts.append(Mounted(mount.type, name, mount.target))
        for other in spec.volume_sources:
            mounts += (mount for mount in self._find(other).mounts if mount.type != "tmpfs")
        return tuple(mounts), frozenset(anonymous)

    def _start(self, container: MemoryContainer) -> None:
        if container.state == "paused":
            raise EngineError(f"{container.name} cannot start: it is paused", "unpause it first")
        if container.up:
            return
        try:
            self._check_start(container)
            ports = tuple(self._publish(container.spec.ports))
        except EngineError as error:
            container.fail(error.message)
            raise
        container.start(ports, self._tick)

    def _check_start(self, container: MemoryContainer) -> None:
        if container.behaviour.start_error:
            raise EngineError(f"{container.name} cannot start: {container.behaviour.start_error}")
        for network_id in container.networks:
            self._network(network_id)
        for other in map(self._find, container.spec.namespaces):
            if other.state not in ("running", "paused"):
                raise EngineError(
                    f"cannot share the network, memory or processes of {other.name}: it is not running"
                )

    def _publish(self, ports: Sequence[DesiredPort]) -> Iterator[PublishedPort]:
        """Publish each port at the first free host port of those it may have."""
        held = [p for c in self._containers.values() if c.up for p in c.ports]
        held += [PublishedPort(0, kind, "", number) for number in self.taken for kind in ("tcp", "udp")]
        for port in ports:
            first, _, last = port.published.partition("-")
            wanted = range(int(first), int(last or first) + 1) if first else _FREE_PORTS
            choice = (PublishedPort(port.target, port.protocol, port.host_ip, number) for number in wanted)
            found = next((new for new in choice if not any(_clash(new, old) for old in held)), None)
            if found is None:
                raise PortTakenError(
                    f"Bind for {port.host_ip}:{port.published} failed: port is already allocated"
                )
            held.append(found)
            yield found

    def _stop(self, handle: str, grace: int) -> str:
        container = self._get(handle)
        return container.stop(grace) if container and container.up else ""

    def _remove_container(self, handle: str, volumes: bool) -> None:
        container = self._get(handle)
        if container is None:
            return
        if container.up and not self.removes_running:
            raise RefusedError(
                f"container {container.name} is running: stop it before it is removed", status=409
            )
        del self._containers[container.id]
        self._files.pop(container.id, None)
        for name in container.anonymous if volumes else ():
            self._remove_volume(name)

    def _remove_ended(self) -> None:
        """Remove the containers that the engine has to remove when they end."""
        ended = [c for c in self._containers.values() if c.spec.auto_remove and c.begun and not c.up]
        for container in ended:
            self._remove_container(container.id, volumes=True)

    def _files_of(self, container: MemoryContainer) -> Files:
        places = {"/": container.id} | {m.target: m.name for m in container.mounts if m.type == "volume"}
        stores = {PurePosixPath(at): self._files.setdefault(key, {}) for at, key in places.items()}
        return Files(container.name, stores)

    def _tick(self) -> float:
        """A time that is later than all times before, in seconds since the epoch."""
        self._count += 1
        return float(self._count)

    def _new_id(self, kind: str) -> str:
        return _digest(f"{kind} {self._tick()}")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


_ALL = ("", "0.0.0.0", "::")  # noqa: S104


def _clash(one: PublishedPort, other: PublishedPort) -> bool:
    same = (one.published, one.protocol) == (other.published, other.protocol)
    return same and (one.host_ip == other.host_ip or one.host_ip in _ALL or other.host_ip in _ALL)

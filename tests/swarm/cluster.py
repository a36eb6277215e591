"""A private Swarm on this machine: each node is a private engine, and a bridge joins the nodes.

Images come by `load` or from `registry`. The kernel needs VXLAN.
"""

from __future__ import annotations

import fcntl
import socket
import tempfile
import threading
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Self

from private_engine import PREFIX, Machine, Namespaces, remove, save, sweep
from registry import Registry

_NETWORK = "10.211.0"
_REGISTRY = f"{_NETWORK}.254"


class Node(Machine):
    """A machine of the Swarm: a bridge joins it with the other nodes."""

    def __init__(self, number: int, directory: Path, bridge: Namespaces) -> None:
        self.number = number
        self.address = f"{_NETWORK}.{number}"
        self._bridge = bridge
        settings = {
            "bip": f"172.31.{number}.1/24",
            "default-address-pools": [{"base": "172.30.0.0/16", "size": 24}],
            "insecure-registries": [f"{_NETWORK}.0/24"],
        }
        super().__init__(f"node{number}", directory, settings)
        port = f"port{number}"
        bridge.ip("link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", str(self.pid))
        bridge.ip("link", "set", port, "master", "bridge", "up")
        self.ip("addr", "add", f"{self.address}/24", "dev", "eth0")
        self.ip("link", "set", "eth0", "up")

    def link(self, *, up: bool) -> None:
        """Pull the cable out of the bridge, or put it back."""
        self._bridge.ip("link", "set", f"port{self.number}", "up" if up else "down")

    def connect(self, port: int, timeout: float = 5.0) -> socket.socket:
        """A connection with a published port, as another machine of the network makes it."""
        return self._bridge.within(lambda: socket.create_connection((self.address, port), timeout))


class Cluster:
    """A Swarm with that many nodes, of which the first ones are managers. `nodes[0]` is the first leader.

    `images` are loaded into every node. Use it in a `with` block.
    """

    def __init__(self, nodes: int = 3, *, managers: int = 1, images: Iterable[str] = ("busybox",)) -> None:
        sweep()
        self.directory = Path(tempfile.mkdtemp(prefix=PREFIX))
        self._lock = (self.directory / "lock").open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self.nodes: list[Node] = []
        self._registry: Registry | None = None
        self._bridge: Namespaces | None = None
        try:
            self._bridge = Namespaces("bridge")
            self._bridge.ip("link", "add", "bridge", "type", "bridge")
            self._bridge.ip("addr", "add", f"{_REGISTRY}/24", "dev", "bridge")
            self._bridge.ip("link", "set", "bridge", "up")
            for number in range(1, nodes + 1):
                self.nodes.append(Node(number, self.directory, self._bridge))
                self.nodes[-1].begin()
            for node in self.nodes:
                node.wait()
            self._join(managers)
            self.load(*images)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def manager(self) -> Node:
        return self.nodes[0]

    @property
    def registry(self) -> Registry:
        """A registry that all nodes reach; it is started when it is first asked for."""
        if self._registry is None:
            self._registry = self.serve_registry()
        return self._registry

    def serve_registry(self, login: tuple[str, str] | None = None) -> Registry:
        """A registry of its own, which the caller closes. With a login (user, password) it asks for it."""
        assert self._bridge
        return self._bridge.within(lambda: Registry("base", host=_REGISTRY, login=login))

    def load(self, *images: str) -> None:
        """Load images of the shared engine into every node."""
        files = [save(image, self.directory) for image in images]
        threads = [threading.Thread(target=node.load, args=files) for node in self.nodes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def close(self) -> None:
        """Take everything away. Safe to call twice."""
        if self._registry:
            self._registry.close()
            self._registry = None
        for node in self.nodes:
            node.close()
        if self._bridge:
            self._bridge.close()
        remove(self.directory)
        self._lock.close()

    def _join(self, managers: int) -> None:
        with closing(self.manager.api) as api:
            api.init_swarm(advertise_addr=self.manager.address, listen_addr=self.manager.address)
            tokens = api.inspect_swarm()["JoinTokens"]
        for node in self.nodes[1:]:
            token = tokens["Manager" if node.number <= managers else "Worker"]
            with closing(node.api) as api:
                api.join_swarm([self.manager.address], token, node.address, node.address)

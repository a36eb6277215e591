"""A private Swarm on this machine: each node is a `dockerd` with its own namespaces, and a bridge joins the nodes.

A node's namespaces (network, mounts, processes, hostname) live as long as one process, its holder. When the holder ends, the
kernel ends all that is in them: engine, containers, mounts, links. A holder ends with the thread that started it, even if that
is killed. What can be left is a directory; the next cluster removes the directories whose owner is gone.

The nodes have no route out. So no look for a name or a registry waits, and images come by `load` or from `registry`.
The shared engine is only asked for images. Needs root, and a kernel with cgroup v1 or v2, bridges and VXLAN.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Self, TypeVar

import docker
from registry import Registry

_SHARED = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
_PREFIX = "stackctl-swarm-"
_NETWORK = "10.211.0"
_REGISTRY = f"{_NETWORK}.254"
_CLONE_NEWNET = 0x40000000
_PATIENCE = 120.0
"""Seconds until an engine must answer. The machine may be busy."""
_CGROUPS = Path("/sys/fs/cgroup")

_UNSHARED = (
    *("setpriv", "--pdeathsig", "KILL"),
    *("unshare", "--net", "--uts", "--mount", "--pid", "--fork", "--kill-child=KILL", "--mount-proc"),
)
"""Runs a command in namespaces of its own. It ends when the thread ends that started it."""

T = TypeVar("T")


def why_not() -> str:
    """Why no cluster can be made here; "" if it can."""
    if os.geteuid():
        return "only root can make namespaces and bridges"
    missing = [name for name in ("dockerd", "unshare", "nsenter", "setpriv", "ip") if not shutil.which(name)]
    return f"there is no {', '.join(missing)}" if missing else ""


class Namespaces:
    """The namespaces of one machine, with its name, and with a link to the bridge."""

    def __init__(self, name: str) -> None:
        # The shell takes the zombies away that are left to it: an engine would take that of its containerd for a living one.
        hold = 'hostname "$0"; echo; while :; do sleep 0.2; done'
        self._holder = subprocess.Popen(
            [*_UNSHARED, "sh", "-c", hold, name],
            stdout=subprocess.PIPE,
        )
        assert self._holder.stdout
        self._holder.stdout.readline()
        children = Path(f"/proc/{self._holder.pid}/task/{self._holder.pid}/children").read_text()
        self.pid = int(children)
        self.ip("link", "set", "lo", "up")

    def command(self, *argv: str) -> list[str]:
        return ["nsenter", "-t", str(self.pid), "-n", "-u", "-m", "-p", *argv]

    def run(self, *argv: str, check: bool = True) -> str:
        return _run(*self.command(*argv), check=check)

    def ip(self, *argv: str) -> None:
        """Run ip(8) in the network namespace alone: it names other namespaces by their processes."""
        _run("nsenter", "-t", str(self.pid), "-n", "ip", *argv)

    def within(self, do: Callable[[], T]) -> T:
        """Call a function in the network namespace. A socket that it makes stays there."""
        done: list[T] = []
        failed: list[BaseException] = []

        def enter() -> None:
            try:
                with Path(f"/proc/{self.pid}/ns/net").open() as namespace:
                    failed_to_enter = ctypes.CDLL(None, use_errno=True).setns(
                        namespace.fileno(), _CLONE_NEWNET
                    )
                assert not failed_to_enter, os.strerror(ctypes.get_errno())
                done.append(do())
            except BaseException as error:
                failed.append(error)

        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()
        for error in failed:
            raise error
        return done[0]

    def close(self) -> None:
        self._holder.kill()
        self._holder.wait()
        if self._holder.stdout:
            self._holder.stdout.close()


class Machine(Namespaces):
    """A machine with its own engine. `host` is the engine's address for clients on this machine. `settings` are further ones of
    dockerd.
    """

    def __init__(self, name: str, directory: Path, settings: Mapping[str, Any] | None = None) -> None:
        self.name = name
        self.directory = directory / name
        self.directory.mkdir()
        self.socket = self.directory / "docker.sock"
        self.host = f"unix://{self.socket}"
        self._engine: subprocess.Popen[bytes] | None = None
        super().__init__(name)
        (self.directory / "daemon.json").write_text(
            json.dumps(
                {
                    "data-root": str(self.directory / "data"),
                    "exec-root": str(self.directory / "exec"),
                    "pidfile": str(self.directory / "docker.pid"),
                    "hosts": [self.host],
                    "cgroup-parent": f"/{directory.name}-{name}",
                    "shutdown-timeout": 1,
                    **(settings or {}),
                }
            )
        )

    @property
    def api(self) -> Any:
        """A new `docker.APIClient`, whose types say too little. The caller closes it."""
        return docker.APIClient(base_url=self.host, version="auto", timeout=60)

    def begin(self) -> None:
        """Start the engine, and do not wait for it."""
        with (self.directory / "log").open("ab") as log:
            self._engine = subprocess.Popen(
                self.command("dockerd", "--config-file", str(self.directory / "daemon.json")),
                stdout=log,
                stderr=log,
                env={"PATH": os.environ["PATH"]},
                start_new_session=True,
            )

    def wait(self) -> None:
        """Wait until the engine answers."""
        deadline = time.monotonic() + _PATIENCE
        while not _answers(self.socket):
            if (self._engine and self._engine.poll() is not None) or time.monotonic() > deadline:
                raise RuntimeError(f"the engine of {self.name} does not answer: {self.log()}")
            time.sleep(0.05)

    def start(self) -> None:
        self.begin()
        self.wait()

    def kill(self) -> None:
        """End the engine as a crash does. Its containers go on without it."""
        self.run("sh", "-c", f"kill -9 $(cat {self.directory}/docker.pid)")
        if self._engine:
            self._engine.wait()
            self._engine = None

    def crash(self) -> None:
        """End all that runs on the machine at once, as if the power failed."""
        self.run("sh", "-c", "kill -9 -1", check=False)
        if self._engine:
            self._engine.wait()
            self._engine = None

    def restart(self) -> None:
        """Kill the engine if it runs, and start it again."""
        if self._engine:
            self.kill()
        self.start()

    def containers(self, *, running: bool = False) -> list[dict[str, Any]]:
        """The containers of its engine, as the Docker API lists them."""
        with closing(self.api) as api:
            found: list[dict[str, Any]] = api.containers(all=not running)
            return found

    def load(self, *images: Path) -> None:
        """Load images that `save` has written."""
        with closing(self.api) as api:
            for image in images:
                with image.open("rb") as data:
                    for _ in api.load_image(data):
                        """The engine tells its progress."""

    def log(self, lines: int = 20) -> str:
        """The last lines of the engine's log."""
        text = (self.directory / "log").read_text(errors="replace")
        return "\n".join(text.splitlines()[-lines:])

    def close(self) -> None:
        super().close()
        if self._engine:
            self._engine.wait()


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


@contextmanager
def alone(settings: Mapping[str, Any] | None = None, *, images: Iterable[str] = ()) -> Iterator[Machine]:
    """A machine with an engine that belongs to no Swarm, and nothing else. `settings` are those of dockerd; `images` are loaded."""
    with _directory() as directory, closing(Machine("alone", directory, settings)) as machine:
        machine.start()
        machine.load(*(save(image, directory) for image in images))
        yield machine


@contextmanager
def _directory() -> Iterator[Path]:
    """A directory that is removed at the end, or by the next cluster if this process is killed."""
    sweep()
    directory = Path(tempfile.mkdtemp(prefix=_PREFIX))
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield directory
        finally:
            _remove(directory)


class Cluster:
    """A Swarm with that many nodes, of which the first ones are managers. `nodes[0]` is the first leader.

    `images` are loaded into every node. Use it in a `with` block.
    """

    def __init__(self, nodes: int = 3, *, managers: int = 1, images: Iterable[str] = ("busybox",)) -> None:
        sweep()
        self.directory = Path(tempfile.mkdtemp(prefix=_PREFIX))
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
        _remove(self.directory)
        self._lock.close()

    def _join(self, managers: int) -> None:
        with closing(self.manager.api) as api:
            api.init_swarm(advertise_addr=self.manager.address, listen_addr=self.manager.address)
            tokens = api.inspect_swarm()["JoinTokens"]
        for node in self.nodes[1:]:
            token = tokens["Manager" if node.number <= managers else "Worker"]
            with closing(node.api) as api:
                api.join_swarm([self.manager.address], token, node.address, node.address)


def sweep() -> None:
    """Remove what clusters have left whose owner is gone."""
    for directory in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        try:
            lock = (directory / "lock").open("r+")
        except OSError:
            continue  # its owner has just begun, or has just ended
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            _remove(directory)


def save(image: str, directory: Path) -> Path:
    """An image of the shared engine as a file."""
    file = directory / (image.replace("/", "_").replace(":", "_") + ".tar")
    with closing(docker.APIClient(base_url=_SHARED, version="auto")) as api, file.open("wb") as out:
        for chunk in api.get_image(image):
            out.write(chunk)
    return file


def _remove(directory: Path) -> None:
    shutil.rmtree(directory, ignore_errors=True)
    for cgroup in _CGROUPS.glob(f"*/{directory.name}-*"):
        for root, _, _ in os.walk(cgroup, topdown=False):
            with suppress(OSError):  # a process of it ends at this moment: an empty directory stays
                Path(root).rmdir()


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5)
        try:
            connection.connect(str(path))
            connection.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
            return b"200" in connection.recv(64)
        except OSError:
            return False


def _run(*argv: str, check: bool = True) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if check and done.returncode:
        raise RuntimeError(f"{' '.join(argv)}: {done.stderr or done.stdout}")
    return done.stdout

"""Private engines on this machine: each is a real `dockerd` with namespaces of its own, which may be killed, restarted and filled.

The namespaces (network, mounts, processes, hostname) live as long as one process, their holder. When the holder ends, the
kernel ends all that is in them: engine, containers, mounts, loop devices, links. A holder ends with the thread that started it,
even if that is killed. What can be left is a directory; the next engine removes the directories whose owner is gone.

A private engine has no route out. So no look for a name or a registry waits, and images come by `load`.
The shared engine is only asked for images. Needs root, and a kernel with cgroup v1 or v2, and bridges.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import docker
from forked import enter_network
from scenario import Project
from ways import ENGINE

PREFIX = "stackctl-engine-"
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
                enter_network(self.pid)
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
    """A machine with its own engine. `host` is the engine's address for clients on this machine.

    `settings` are further ones of dockerd. `dockerd` is the program; what it starts (containerd, runc) is first looked for beside it.
    With `disk` the engine's data are on a disk of that many megabytes, on ext4.
    """

    def __init__(
        self,
        name: str,
        directory: Path,
        settings: Mapping[str, Any] | None = None,
        *,
        dockerd: str = "dockerd",
        disk: int = 0,
    ) -> None:
        self.name = name
        self._dockerd = dockerd
        self.directory = directory / name
        self.directory.mkdir()
        self.socket = self.directory / "docker.sock"
        self.host = f"unix://{self.socket}"
        self._engine: subprocess.Popen[bytes] | None = None
        super().__init__(name)
        self.data = self.directory / "data"
        if disk:
            self._mount(disk)
        self.settings: dict[str, Any] = {
            "data-root": str(self.data),
            "exec-root": str(self.directory / "exec"),
            "pidfile": str(self.directory / "docker.pid"),
            "hosts": [self.host],
            "cgroup-parent": f"/{directory.name}-{name}",
            "shutdown-timeout": 1,
            **(settings or {}),
        }
        """Those of the next start. A crash ends containers only without `live-restore`."""

    @property
    def api(self) -> Any:
        """A new `docker.APIClient`, whose types say too little. The caller closes it."""
        return docker.APIClient(base_url=self.host, version="auto", timeout=60)

    def begin(self) -> None:
        """Start the engine, and do not wait for it."""
        (self.directory / "daemon.json").write_text(json.dumps(self.settings))
        with (self.directory / "log").open("ab") as log:
            self._engine = subprocess.Popen(
                self.command(self._dockerd, "--config-file", str(self.directory / "daemon.json")),
                stdout=log,
                stderr=log,
                env={"PATH": f"{Path(self._dockerd).parent.resolve()}:{os.environ['PATH']}"}
                if "/" in self._dockerd
                else {"PATH": os.environ["PATH"]},
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

    @contextmanager
    def project(self, directory: Path, name: str = "") -> Iterator[Project]:
        """A project on this engine, and nothing of it afterwards. Its commands run in the network of this machine, as those of a user
        do who sits at it.
        """
        directory.mkdir(exist_ok=True)
        made = Project(name or f"t{secrets.token_hex(4)}", directory, self.api, network_of=self.pid)
        made.env["DOCKER_HOST"] = self.host
        try:
            yield made
        finally:
            made.clean()
            made.api.close()

    def _mount(self, megabytes: int) -> None:
        """The loop device and the mount go with the machine's mount namespace."""
        image = self.directory / "disk"
        with image.open("wb") as file:
            file.truncate(megabytes << 20)
        self.data.mkdir()
        _run("mkfs.ext4", "-q", "-m", "0", str(image))
        self.run("mount", "-o", "loop", str(image), str(self.data))

    def log(self, lines: int = 20) -> str:
        """The last lines of the engine's log."""
        text = (self.directory / "log").read_text(errors="replace")
        return "\n".join(text.splitlines()[-lines:])

    def close(self) -> None:
        super().close()
        if self._engine:
            self._engine.wait()


@contextmanager
def alone(
    settings: Mapping[str, Any] | None = None,
    *,
    images: Iterable[str] = (),
    dockerd: str = os.environ.get("STACKCTL_TEST_DOCKERD") or "dockerd",
    disk: int = 0,
) -> Iterator[Machine]:
    """A machine with an engine that belongs to no Swarm, and nothing else. `images` are loaded; the rest is as for `Machine`."""
    with (
        own_directory() as directory,
        closing(Machine("alone", directory, settings, dockerd=dockerd, disk=disk)) as machine,
    ):
        machine.start()
        machine.load(*(save(image, directory) for image in images))
        yield machine


@contextmanager
def own_directory() -> Iterator[Path]:
    """A directory that is removed at the end, or by the next cluster if this process is killed."""
    sweep()
    directory = Path(tempfile.mkdtemp(prefix=PREFIX))
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield directory
        finally:
            remove(directory)


def sweep() -> None:
    """Remove what clusters have left whose owner is gone."""
    for directory in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            lock = (directory / "lock").open("r+")
        except OSError:
            continue  # its owner has just begun, or has just ended
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            remove(directory)


def save(image: str, directory: Path) -> Path:
    """An image of the shared engine as a file."""
    file = directory / (image.replace("/", "_").replace(":", "_") + ".tar")
    with (
        closing(docker.APIClient(base_url=f"unix://{ENGINE}", version="auto")) as api,
        file.open("wb") as out,
    ):
        for chunk in api.get_image(image):
            out.write(chunk)
    return file


def remove(directory: Path) -> None:
    """Remove the directory of an engine that has ended, and its cgroups."""
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

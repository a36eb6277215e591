"""Engines, and ways to an engine, that a Debian 12 machine does not have by itself. Each is the whole machine for the tests on it.

A machine has namespaces of its own (`private_engine.Machine`). Packages that are unpacked beside the system lie over its /usr and /etc there,
and nowhere else; its /run is empty at first. So the tests see an engine at the usual socket and its program on PATH, and cannot reach the engine of
this machine. Containers reach the package registries by slirp4netns, which needs no rule in this machine's firewall.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from private_engine import Machine, own_directory
from ways import certificates

ROOT = Path(__file__).parents[2]
IMAGES = ("postgres:15", "redis:7", "python:3.11-slim", "nginx:1", "busybox")
"""What `tools/images` makes sure of on the engine of this machine."""


class Around(Machine):
    """A machine whose engine comes from packages (`tools/unpack` ARGUMENTS), or is that of this machine."""

    packages: tuple[tuple[str, ...], ...] = ()

    def __init__(self, directory: Path, settings: Mapping[str, Any] | None = None) -> None:
        super().__init__("machine", directory, settings)
        self.environment: dict[str, str] = {}
        """How programs find the way to the engine; empty if it listens at the usual socket."""
        self.etc = self.directory / "etc"
        self.etc.mkdir()
        self._network: subprocess.Popen[bytes] | None = None
        self.configure()
        layers = [unpacked(*words) for words in self.packages]
        for place, own in (("/usr", []), ("/etc", [self.etc])):
            lower = ":".join([*map(str, own), *(f"{layer}{place}" for layer in layers), place])
            if own or layers:
                self.run("mount", "-t", "overlay", "overlay", "-o", f"lowerdir={lower}", place)
        self.run("mount", "-t", "tmpfs", "run", "/run")
        self.run(
            "sh", "-c", f"mkdir -p /run/lock /run/sshd /run/user/0; ln -s {self.socket} /run/docker.sock"
        )

    def configure(self) -> None:
        """Write what belongs into the machine's /etc."""

    def begin(self) -> None:
        self._network = self._network or self._connected()
        super().begin()

    def _connected(self) -> subprocess.Popen[bytes]:
        """The process that gives the machine a way out."""
        slirp = unpacked("here", "slirp4netns")
        return subprocess.Popen(
            [
                "env",
                f"LD_LIBRARY_PATH={slirp}/usr/lib/x86_64-linux-gnu",
                f"{slirp}/usr/bin/slirp4netns",
                *("--configure", "--mtu=1500", "--disable-host-loopback", str(self.pid), "outside"),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def open(self) -> None:
        """What else is needed for the way to the engine, once it answers."""

    def close(self) -> None:
        if self._network:
            self._network.terminate()
            self._network.wait()
        super().close()

    def load_from_here(self, images: Iterable[str] = IMAGES) -> None:
        with subprocess.Popen(["docker", "save", *images], stdout=subprocess.PIPE) as saved:
            load = ["docker", "--host", self.host, "load", "--quiet"]
            subprocess.run(load, stdin=saved.stdout, stdout=subprocess.DEVNULL, check=True)

    def call(self, *argv: str) -> int:
        """Run a command on the machine, in the directory of the project; its exit code."""
        given = [f"{name}={value}" for name, value in self.environment.items()]
        return subprocess.run(self.command("env", f"--chdir={ROOT}", *given, *argv), check=False).returncode


class Docker28(Around):
    packages = (("sid", "docker.io", "containerd"),)


class Podman(Around):
    """Podman's service, which speaks Docker's API."""

    packages = (
        (
            "here",
            "podman",
            "catatonit",
            "containernetworking-plugins",
            "golang-github-containernetworking-plugin-dnsname",
        ),
    )

    def configure(self) -> None:
        directory = self.etc / "containers"
        directory.mkdir()
        # crun refuses the hybrid hierarchy of cgroups that some machines have.
        (directory / "containers.conf").write_text(
            f"""[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[network]
network_backend = "cni"
network_config_dir = "{self.directory}/networks"
"""
        )
        (directory / "storage.conf").write_text(
            f"""[storage]
driver = "overlay"
runroot = "{self.directory}/runroot"
graphroot = "{self.directory}/data"
"""
        )

    def begin(self) -> None:
        self._network = self._network or self._connected()
        with (self.directory / "log").open("ab") as log:
            self._engine = subprocess.Popen(
                self.command("podman", "system", "service", "--time", "0", self.host),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )


class WithTls(Around):
    """The engine listens on tcp, and lets in only who has a certificate. A context of the Docker CLI names it."""

    def __init__(self, directory: Path) -> None:
        self.certificates = directory / "certificates"
        self.certificates.mkdir()
        certificates(self.certificates)
        ca, cert, key = (str(self.certificates / f"{name}.pem") for name in ("ca", "cert", "key"))
        super().__init__(
            directory,
            {
                "hosts": [f"unix://{directory}/machine/docker.sock", "tcp://127.0.0.1:2376"],
                "tlsverify": True,
                "tlscacert": ca,
                "tlscert": cert,
                "tlskey": key,
            },
        )
        self._host = f"host=tcp://127.0.0.1:2376,ca={ca},cert={cert},key={key}"

    def open(self) -> None:
        name_by_context(self, self._host)


class WithSsh(Around):
    """An sshd in front of the engine. A context of the Docker CLI names it by a name that only the user's ssh configuration knows."""

    packages = (("here", "openssh-server"),)

    def configure(self) -> None:
        # The user whom the installation of sshd would have made.
        users = Path("/etc/passwd").read_text()
        (self.etc / "passwd").write_text(f"{users}sshd:x:999:65534::/run/sshd:/usr/sbin/nologin\n")

    def open(self) -> None:
        keys = self.directory / "keys"
        keys.mkdir()
        for name in ("host", "user"):
            self.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(keys / name))
        home = self.directory / "ssh"
        home.mkdir(mode=0o700)
        host_key = (keys / "host.pub").read_text().split()[:2]
        (home / "known_hosts").write_text(f"[127.0.0.1]:2222 {' '.join(host_key)}\n")
        (home / "authorized_keys").write_text((keys / "user.pub").read_text())
        (home / "config").write_text(
            f"Host engine\n HostName 127.0.0.1\n Port 2222\n User root\n IdentityFile {keys}/user\n BatchMode yes\n"
        )
        (home / "sshd_config").write_text(
            f"""ListenAddress 127.0.0.1:2222
HostKey {keys}/host
PidFile {self.directory}/sshd.pid
PermitRootLogin prohibit-password
PasswordAuthentication no
AuthorizedKeysFile {home}/authorized_keys
StrictModes no
MaxStartups 100
MaxSessions 100
UsePAM no
"""
        )
        # The client takes the home of the user from the password file, whatever HOME says.
        self.run("sh", "-c", f"mkdir -p -m 700 ~root/.ssh; mount --bind {home} ~root/.ssh")
        self.run("/usr/sbin/sshd", "-f", str(home / "sshd_config"))
        name_by_context(self, "host=ssh://engine")


def name_by_context(machine: Around, host: str) -> None:
    """A context of the Docker CLI, in a configuration of its own that has the plugin for builds as well; the tests get it."""
    config = machine.directory / "config"
    config.mkdir()
    plugin = subprocess.run(
        [ROOT / "tools/cli-plugin", "buildx"], stdout=subprocess.PIPE, text=True, check=True
    )
    (config / "cli-plugins").symlink_to(Path(plugin.stdout.strip()) / "cli-plugins")
    machine.environment = {"DOCKER_CONFIG": str(config)}
    machine.call("docker", "context", "create", "engine", "--docker", host)
    machine.environment["DOCKER_CONTEXT"] = "engine"


def unpacked(*words: str) -> Path:
    done = subprocess.run([ROOT / "tools/unpack", *words], stdout=subprocess.PIPE, text=True, check=True)
    return Path(done.stdout.strip())


MACHINES: Mapping[str, type[Around]] = {
    "docker-20": Around,
    "docker-28": Docker28,
    "podman": Podman,
    "tls": WithTls,
    "ssh": WithSsh,
}


@contextmanager
def machine(name: str) -> Iterator[Around]:
    """A machine whose engine answers, with the images of the tests."""
    with own_directory() as directory:
        made = MACHINES[name](directory)
        try:
            made.start()
            made.open()
            made.load_from_here()
            yield made
        finally:
            made.close()

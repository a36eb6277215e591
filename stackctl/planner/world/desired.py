"""What should be there: the networks, volumes, images and containers of a stack, with every name decided."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from stackctl.planner.world.digests import field_digests
from stackctl.planner.world.probes import Probe, Timing
from stackctl.planner.world.replica import Replica
from stackctl.secret import Secret, veiled
from stackctl.spec.model import Build, Condition, FileSource, Hook, Ipam, NetworkUse, PullPolicy, Service

USUAL_NETWORK_DRIVER = "bridge"
USUAL_VOLUME_DRIVER = "local"
USUAL_PROTOCOL = "tcp"
USUAL_GRACE = 10
"""Seconds that a container has to stop (Docker's default)."""
_SHARED = "container:"


def grace(service: Service | None) -> int:
    """The whole seconds that a container of the service has to stop before it is killed."""
    given = service.stop_grace_period if service else None
    return given.whole_seconds if given else USUAL_GRACE


def stop_hooks(service: Service | None) -> tuple[Hook, ...]:
    """What is run in a container of the service before it is stopped."""
    return service.pre_stop if service else ()


def init_name(container: str, number: int) -> str:
    """The name of the container of a `pre_start` hook, by the name of the service's container and the number of the hook."""
    return f"{container}.pre-start-{number}"


def pending_name(container: str) -> str:
    """The name of the volume that tells of `post_start` hooks which have not all succeeded, by the name of the container."""
    return f"{container}.post-start"


class DesiredNetwork(Struct, frozen=True, kw_only=True):
    key: str
    name: str
    external: bool = False
    driver: str = USUAL_NETWORK_DRIVER
    internal: bool = False
    attachable: bool = False
    options: Mapping[str, str] = field(default_factory=dict)
    ipam: Ipam = Ipam()
    enable_ipv4: bool | None = None
    enable_ipv6: bool | None = None
    pool: str = ""
    """The pool of which it takes a small subnet when it is made; "": its `ipam` says, or the engine chooses."""
    members: int = 0
    """How many containers of the stack join it. With `pool` this decides how small the subnet may be."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Every label it gets, stackctl's own included."""
    digest: str = ""


class DesiredVolume(Struct, frozen=True, kw_only=True):
    key: str
    name: str
    external: bool = False
    driver: str = USUAL_VOLUME_DRIVER
    options: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    digest: str = ""
    protect: bool = False


class BuildSecret(Struct, frozen=True):
    """A secret that RUN can mount by its id: from a file, or a text."""

    id: str
    file: str
    content: Secret


class DesiredBuild(Struct, frozen=True, kw_only=True):
    """How an image is built. `settings` is what the file says; the builder gets its plain keys. The other fields hold decisions."""

    context: Path = Path()
    remote: str = ""
    """The URL of the context, if the builder fetches it."""
    settings: Build = Build()
    contexts: Mapping[str, str] = field(default_factory=dict)
    """Further contexts by name: a directory, or what the builder fetches."""
    secrets: tuple[BuildSecret, ...] = ()
    bases: tuple[str, ...] = ()
    """The references of images of the stack among the contexts: they are built first."""
    dockerfile: str = "Dockerfile"
    target: str | None = None
    args: Mapping[str, str] = field(default_factory=dict)
    live: tuple[str, ...] = ()
    """Paths in the context that every container of the image gets as a bind mount: a change there needs no build. "." is all."""

    @property
    def source(self) -> str:
        """The directory or the URL."""
        return self.remote or str(self.context)

    def __repr__(self) -> str:
        return veiled(self, "args")


class Image(Struct, frozen=True, kw_only=True):
    """An image that containers need: pulled, or built when `build` is given. `services` are those who use it.

    `policy` is None if no service says one: an image without `build` is then pulled when it is missing, and one with `build` is
    never pulled. An image that nobody has named is never pulled, either.

    It carries no label of a project: several projects that build the same context then have the same image.
    """

    ref: str
    build: DesiredBuild | None = None
    policy: PullPolicy | None = None
    platform: str = ""
    """The platform to pull for, such as linux/arm64; "" for the engine's own."""
    services: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """`redis:7 for cache, queue`"""
        return f"{self.ref} for {', '.join(self.services)}" if self.services else self.ref


class Attachment(Struct, frozen=True):
    """A container's place in a network: the network's name and all names the container answers to there."""

    network: str
    aliases: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    """Other containers with the names by which this one alone knows them: `shop-db-1:database`."""
    use: NetworkUse = NetworkUse()
    """How the service takes part in it, without the aliases."""


class DesiredPort(Struct, frozen=True, kw_only=True):
    """A port of the container on the host. `host_ip` is "" for every address, IPv4 and IPv6. `published` is "8000", "8000-8010" (the engine picks one) or "" (any free one)."""

    target: int
    protocol: str = USUAL_PROTOCOL
    host_ip: str = "127.0.0.1"
    published: str = ""
    index: int = 0
    """The index in the list of the file, for messages."""

    @property
    def host_port(self) -> int | None:
        """The one host port it will have, if that is known before the start."""
        return int(self.published) if self.published.isdigit() else None

    @property
    def choice(self) -> range:
        """The host ports of which the engine chooses one; empty if there is only one, or if it may be any."""
        first, _, last = self.published.partition("-")
        return range(int(first), int(last) + 1) if last else range(0)

    def __str__(self) -> str:
        return f"{self.host_ip or '*'}:{self.published or '*'}→{self.target}" + (
            "" if self.protocol == "tcp" else f"/{self.protocol}"
        )


class DesiredMount(Struct, frozen=True, kw_only=True):
    """Storage in a container. `source` is a volume's name, an absolute host path, or "" for an anonymous volume or tmpfs."""

    type: str
    source: str = ""
    target: str
    read_only: bool = False
    nocopy: bool = False
    create_host_path: bool = False
    selinux: str = ""
    propagation: str = ""
    tmpfs_size: int | None = None
    tmpfs_mode: int | None = None
    tmpfs_options: str = ""
    """Options of the mount that have no field of their own: `uid=1000,noexec`."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Labels of an anonymous volume."""
    own_labels: Mapping[str, str] = field(default_factory=dict)
    """Those of its labels that the file gives."""
    subpath: str = ""
    recursive: str = ""
    contents: bool = False
    """An anonymous volume for secrets and configs alone. It holds no data."""


class DesiredFile(Struct, frozen=True, kw_only=True):
    """A secret or config in a container: a file that is copied in before each start."""

    section: str
    """`secrets` or `configs`: the table where it is defined."""
    key: str
    target: str
    """The absolute path in the container."""
    content: Secret
    source: FileSource = FileSource()
    """What the file says of it."""
    base: str = "/"
    """The directory into which it is unpacked: the root, or the directory of the volume that is made for it."""
    uid: int = 0
    gid: int = 0
    mode: int = 0o444


class DesiredHealthcheck(Struct, frozen=True, kw_only=True):
    """The check written into the container. None for a timing leaves the image's or the engine's own."""

    test: tuple[str, ...] = ()
    interval: float | None = None
    timeout: float | None = None
    retries: int | None = None
    start_period: float | None = None
    start_interval: float | None = None


class Need(Struct, frozen=True):
    """Another service or job that comes first."""

    service: str
    condition: Condition
    required: bool = True
    restart: bool = False


class DesiredContainer(Struct, frozen=True, kw_only=True):
    """A container as it should be. It holds everything that the engine is told; nothing is looked up later.

    `settings` is the service as it was read; the engine gets its plain keys. All other fields hold decisions: they depend on
    names, on other services or on the engine.
    """

    name: str
    service: str
    number: int = 1
    kind: str = "service"
    image: str
    settings: Service = Service()
    command: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None
    environment: Mapping[str, str | None] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    ports: tuple[DesiredPort, ...] = ()
    mounts: tuple[DesiredMount, ...] = ()
    files: tuple[DesiredFile, ...] = ()
    networks: tuple[Attachment, ...] = ()
    network_mode: str | None = None
    ipc: str | None = None
    pid: str | None = None
    volumes_from: tuple[str, ...] = ()
    """Containers whose volumes it has, too: `shop-db-1:ro`."""
    restart: str = "no"
    restart_times: int = 0
    grace: int = USUAL_GRACE
    """Whole seconds to stop before it is killed."""
    healthcheck: DesiredHealthcheck | None = None

    auto_remove: bool = False
    """The engine removes it when it ends, with its anonymous volumes."""
    attached: bool = False
    """Its input ends when the process that is attached to it leaves."""
    terminal_size: tuple[int, int] | None = None
    """Lines and columns of its terminal at its start. An engine before API 1.42 learns the size a moment later."""

    needs: tuple[Need, ...] = ()
    probes: tuple[Probe, ...] = ()
    timing: Timing = Timing()
    always: bool = False
    """A job that runs on every `up`, because what it reads from the host is not part of its digest."""
    digest: str = ""
    definition: Mapping[str, Any] = field(default_factory=dict)
    """What the digest covers, by field."""

    @property
    def replica(self) -> Replica:
        return Replica(self.service, self.number)

    @property
    def fields(self) -> Mapping[str, str]:
        """A short digest of each field of the definition: only a container that is new or changed needs them."""
        return field_digests(self.definition)

    @property
    def namespaces(self) -> tuple[str, ...]:
        """The containers whose network, memory or processes it shares."""
        modes = (self.network_mode, self.ipc, self.pid)
        return tuple(mode.removeprefix(_SHARED) for mode in modes if mode and mode.startswith(_SHARED))

    @property
    def volume_sources(self) -> tuple[str, ...]:
        """The containers whose volumes it has, too."""
        return tuple(each.removesuffix(":ro") for each in self.volumes_from)

    def sharing_with(self, addresses: Mapping[str, str]) -> DesiredContainer:
        """The same container, which names other containers by their present addresses."""

        def there(text: str | None) -> str | None:
            if not text or not text.startswith(_SHARED):
                return text
            name = text.removeprefix(_SHARED)
            return f"{_SHARED}{addresses.get(name, name)}"

        sources = zip(self.volumes_from, self.volume_sources, strict=True)
        return replace(
            self,
            network_mode=there(self.network_mode),
            ipc=there(self.ipc),
            pid=there(self.pid),
            volumes_from=tuple(addresses.get(name, name) + text.removeprefix(name) for text, name in sources),
        )

    def __repr__(self) -> str:
        return veiled(self, "environment", "definition")


class Desired(Struct, frozen=True, kw_only=True):
    """A stack with every name decided, in dependency order."""

    project: str
    instance: str
    source: str
    """The path of the spec."""
    networks: tuple[DesiredNetwork, ...] = ()
    volumes: tuple[DesiredVolume, ...] = ()
    images: tuple[Image, ...] = ()
    containers: tuple[DesiredContainer, ...] = ()
    services: Mapping[str, Service] = field(default_factory=dict)
    """The services and jobs that are selected. One that is scaled to 0 has no container."""
    named: frozenset[str] = frozenset()
    """The containers whose service was named by the user; empty if no service was named."""
    known: frozenset[str] = frozenset()
    """All services and jobs of the file, selected or not. A container of any other service is an orphan."""

"""A service, a job, and their files of variables."""

import posixpath
import re
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from msgspec import Struct

from stackctl.secret import veiled
from stackctl.spec.known import KnownImage
from stackctl.spec.known_images import BUILT_IN, KnownImages
from stackctl.spec.model.deploy import count
from stackctl.spec.model.develop import Develop
from stackctl.spec.model.files import ConfigUse, FileUse, SecretUse
from stackctl.spec.model.health import Healthcheck
from stackctl.spec.model.hooks import Hook, InitHook
from stackctl.spec.model.images import Build, PullPolicy
from stackctl.spec.model.keys import FILLED_IN, Check, key, lines_of_hosts, listed_name, pair, variable_names
from stackctl.spec.model.log import Logging
from stackctl.spec.model.mounts import Mount
from stackctl.spec.model.networks import NetworkUse
from stackctl.spec.model.order import Dependency
from stackctl.spec.model.ports import Port
from stackctl.spec.model.rights import Rights
from stackctl.spec.structure import Annotated
from stackctl.spec.text.parts import Text
from stackctl.spec.unsupported import SERVICE_KEYS
from stackctl.spec.values import (
    Address,
    ByteSize,
    Command,
    ContainerLink,
    Duration,
    ExposedPorts,
    NetworkMode,
    Restart,
    Tmpfs,
    Variable,
    VolumesFrom,
)


class EnvFile(Struct, frozen=True, kw_only=True):
    """A file of environment variables for the container."""

    path: Annotated[str, key("The file, relative to the stack.toml.")]
    required: Annotated[bool, key("Whether a missing file is an error.")] = True
    format: Annotated[
        Literal["raw"] | None, key("`raw`: as `docker run --env-file` reads it, no quotes and no variables.")
    ] = None

    SHORT: ClassVar[dict[str, Any]] = {"type": "string"}

    @classmethod
    def short(cls, value: object) -> dict[str, Any]:
        if isinstance(value, str) and value:
            return {"path": value}
        raise ValueError(f'expected a file such as ".env", found {value!r}')


_MOUNTS = ("volumes", "tmpfs")


class Extends(Struct, frozen=True, kw_only=True):
    """Where a service takes its keys from. The reader has put them in before anything else looks at the service."""

    service: Annotated[str, key("The name of the template or service.")]
    file: Annotated[str | None, key("The file in which it stands, if it is another one.")] = None

    SHORT: ClassVar[dict[str, Any]] = {"type": "string"}

    @classmethod
    def short(cls, value: object) -> dict[str, Any]:
        if isinstance(value, str) and value:
            return {"service": value}
        raise ValueError(f"expected the name of a template or a service, found {value!r}")


class Service(Rights, frozen=True, kw_only=True):
    """A container that keeps running."""

    extends: Annotated[
        Extends | None,
        key("The template or service that it takes everything over from; its own keys are laid over that."),
    ] = None
    image: Annotated[str | None, key("The image to run; with `build`, the name it gets.")] = None
    build: Annotated[Build | None, key("How to build the image.")] = None
    pull_policy: Annotated[
        PullPolicy | None,
        key(
            "When to pull the image: `always`, `missing`, `never`, `build`, `daily`, `weekly` or `every_12h` (missing; with `build`: never).",
            flag="pull",
        ),
    ] = None
    command: Annotated[
        Command | None,
        key("The command, instead of the image's. A string is split into words; no shell runs it."),
    ] = None
    entrypoint: Annotated[Command | None, key("The entrypoint, instead of the image's.")] = None
    environment: Annotated[
        Mapping[str, Variable], key("Environment variables; a name alone is passed through.", listed=pair())
    ] = {}
    env_file: Annotated[
        tuple[EnvFile, ...], key("Files of environment variables; the last one wins.", one=True)
    ] = ()
    ports: Annotated[tuple[Port, ...], key("Ports published on the host.")] = ()
    expose: Annotated[
        tuple[ExposedPorts, ...],
        key("Ports other services use; documentation only.", digest=True, flag="expose"),
    ] = ()
    volumes: Annotated[tuple[Mount, ...], key("Volumes, host paths and tmpfs in the container.")] = ()
    tmpfs: Annotated[tuple[Tmpfs, ...], key("Paths held in memory.", one=True, flag="tmpfs")] = ()
    secrets: Annotated[
        tuple[SecretUse, ...], key("Secrets of the stack that are copied into the container.")
    ] = ()
    configs: Annotated[
        tuple[ConfigUse, ...], key("Configs of the stack that are copied into the container.")
    ] = ()
    develop: Annotated[
        Develop | None,
        key("What happens to it when files of its developer change: `watch` and `up --watch` do it."),
    ] = None
    pre_start: Annotated[
        tuple[InitHook, ...],
        key("Containers that run to completion, one after the other, before it starts for the first time."),
    ] = ()
    post_start: Annotated[
        tuple[Hook, ...], key("Commands that are run in the container after each start by stackctl.")
    ] = ()
    pre_stop: Annotated[
        tuple[Hook, ...], key("Commands that are run in the container before stackctl stops it.")
    ] = ()
    depends_on: Annotated[Mapping[str, Dependency], key("What must be ready first.", listed=listed_name)] = {}
    healthcheck: Annotated[Healthcheck | None, key("How to tell that it is ready.")] = None
    builtin_check: Annotated[
        bool,
        key(
            "Whether stackctl also asks it itself whether it is ready: a known server in its own protocol, another"
            " without a check at its published ports.",
            own=True,
        ),
    ] = True
    restart: Annotated[Restart, key("When the engine starts it again after it stopped.")] = Restart("no")
    scale: Annotated[int | None, key("How many containers it has; the same as deploy.replicas.")] = None
    container_name: Annotated[str | None, key("The container's name, instead of PROJECT-SERVICE-1.")] = None
    init: Annotated[
        bool | None,
        key("Run an init as PID 1 (yes, unless the image brings its own).", digest=True, flag="init"),
    ] = None
    labels: Annotated[Mapping[str, Text], key("Labels of the container.", listed=pair())] = {}
    networks: Annotated[
        Mapping[str, NetworkUse], key("The networks it joins (default).", listed=listed_name)
    ] = {}
    network_mode: Annotated[
        NetworkMode | None, key("none, host, bridge, service:NAME or container:NAME, instead of networks.")
    ] = None
    hostname: Annotated[
        str | None, key("The host name inside the container.", body="Hostname", flag="hostname")
    ] = None
    extra_hosts: Annotated[
        Mapping[str, Text],
        key(
            'Lines for /etc/hosts, "name:address"; host-gateway is the host. A name may have several addresses: "a,b".',
            listed=pair("=:"),
            joined=",",
            body="HostConfig.ExtraHosts",
            flag="add-host",
            between=":",
            sent=lines_of_hosts,
        ),
    ] = {}
    user: Annotated[
        Text | None,
        key("The user, name or number, optionally with a group: 1000:1000.", body="User", flag="user"),
    ] = None
    working_dir: Annotated[str | None, key("The working directory.", body="WorkingDir", flag="workdir")] = (
        None
    )
    stop_signal: Annotated[
        str | None,
        key(
            "The signal that asks it to stop (the image's, else SIGTERM).",
            body="StopSignal",
            flag="stop-signal",
        ),
    ] = None
    stop_grace_period: Annotated[
        Duration | None, key("How long it may take to stop before it is killed (10s).")
    ] = None
    profiles: Annotated[tuple[str, ...], key("Only started when one of these profiles is asked for.")] = ()
    tty: Annotated[bool, key("Give it a terminal.", body="Tty", flag="tty")] = False
    stdin_open: Annotated[
        bool, key("Keep its standard input open.", body="OpenStdin", flag="interactive")
    ] = False
    read_only: Annotated[
        bool, key("Make its root file system read-only.", body="HostConfig.ReadonlyRootfs", flag="read-only")
    ] = False
    privileged: Annotated[
        bool, key("All rights on the host. Avoid.", body="HostConfig.Privileged", flag="privileged")
    ] = False
    cap_add: Annotated[
        tuple[str, ...], key("Linux capabilities to add.", body="HostConfig.CapAdd", flag="cap-add")
    ] = ()
    cap_drop: Annotated[
        tuple[str, ...], key("Linux capabilities to drop.", body="HostConfig.CapDrop", flag="cap-drop")
    ] = ()
    domainname: Annotated[
        str | None, key("The domain of the host name.", body="Domainname", flag="domainname")
    ] = None
    dns: Annotated[
        tuple[Address, ...] | None,
        key(
            "Name servers for what is not in the stack, instead of the host's.",
            one=True,
            body="HostConfig.Dns",
            flag="dns",
        ),
    ] = None
    dns_search: Annotated[
        tuple[str, ...] | None,
        key(
            "Domains in which a name without a dot is looked for.",
            one=True,
            body="HostConfig.DnsSearch",
            flag="dns-search",
        ),
    ] = None
    dns_opt: Annotated[
        tuple[str, ...],
        key(
            "Options of /etc/resolv.conf, such as ndots:1.",
            one=True,
            body="HostConfig.DnsOptions",
            flag="dns-opt",
        ),
    ] = ()
    mac_address: Annotated[
        str | None,
        key("Its hardware address in its first network.", body="MacAddress", flag="mac-address"),
    ] = None
    links: Annotated[
        tuple[ContainerLink, ...],
        key(
            "Services that come first, under the names by which this container alone knows them: SERVICE:ALIAS.",
            digest=True,
        ),
    ] = ()
    external_links: Annotated[
        tuple[ContainerLink, ...],
        key("Containers outside of the stack, under names of its own: CONTAINER:ALIAS.", digest=True),
    ] = ()
    volumes_from: Annotated[
        tuple[VolumesFrom, ...],
        key(
            "All volumes of another service, SERVICE[:ro], or of container:NAME[:ro].",
            digest=True,
            flag="volumes-from",
        ),
    ] = ()
    platform: Annotated[
        str | None, key("The platform of its image: linux/amd64.", digest=True, flag="platform")
    ] = None
    label_file: Annotated[
        tuple[str, ...], key("Files of labels; `labels` win, then the last file.", one=True)
    ] = ()
    attach: Annotated[bool, key("Whether `up --follow` shows its log.")] = True
    logging: Annotated[Logging | None, key("Where its output goes.")] = None
    shm_size: Annotated[
        ByteSize | None, key("The size of /dev/shm (64m).", body="HostConfig.ShmSize", flag="shm-size")
    ] = None

    resolved: Annotated[Mapping[str, str | None], FILLED_IN] = {}
    """The environment that the container gets, from `environment` and `env_file`. None removes a variable of the image."""
    known_images: Annotated[KnownImages, FILLED_IN] = BUILT_IN

    NOT_DONE: ClassVar[Mapping[str, str]] = SERVICE_KEYS
    KIND: ClassVar[str] = "service"

    @property
    def known(self) -> KnownImage | None:
        """What is known about the image; None if it is not known."""
        return self.known_images.of(self.image) if self.image else None

    @property
    def restarts(self) -> Restart:
        """When the engine starts it again: `deploy.restart_policy` wins over `restart`."""
        policy = self.deploy and self.deploy.restart_policy
        return policy.restart if policy else self.restart

    @property
    def restart_key(self) -> tuple[str, ...]:
        """The key that says when the engine starts it again."""
        own = self.deploy is None or self.deploy.restart_policy is None
        return ("restart",) if own else ("deploy", "restart_policy")

    @property
    def replicas(self) -> int:
        """How many containers it has."""
        given = self.deploy.replicas if self.deploy and self.scale is None else self.scale
        return 1 if given is None else given

    @property
    def joined(self) -> tuple[str, ...]:
        """The networks that it names, the first one first: by `priority`, then as in the file."""
        return tuple(sorted(self.networks, key=lambda name: -self.networks[name].priority))

    @property
    def donors(self) -> tuple[str, ...]:
        """The services without whose running container this one cannot run: it shares their network, memory or processes."""
        modes = (self.network_mode, self.ipc, self.pid)
        return tuple(dict.fromkeys(mode.service for mode in modes if mode and mode.service))

    def __repr__(self) -> str:
        return veiled(self, "environment", "resolved")

    @property
    def files(self) -> tuple[tuple[str, int, FileUse], ...]:
        """Its secrets and configs: the key, the place in its list, and the use."""
        uses: tuple[tuple[str, tuple[FileUse, ...]], ...] = (
            ("secrets", self.secrets),
            ("configs", self.configs),
        )
        return tuple((key, index, use) for key, those in uses for index, use in enumerate(those))

    def mount_at(self, path: str) -> Mount | None:
        """The mount in which a path of the container lies: the innermost one."""
        mounts = (*self.volumes, *(Mount(type="tmpfs", target=tmpfs.path) for tmpfs in self.tmpfs))
        around = [mount for mount in mounts if path.startswith(f"{mount.target.rstrip('/')}/")]
        return max(around, key=lambda mount: len(mount.target.rstrip("/")), default=None)

    @property
    def volumes_for_files(self) -> tuple[str, ...]:
        """The directories that become volumes of the container, because its secrets and configs cannot be copied there otherwise:
        the root is read-only, or a tmpfs would hide them.
        """
        found: list[str] = []
        for directory in sorted({posixpath.dirname(use.path) for _, _, use in self.files}):
            mount = self.mount_at(f"{directory}/file")
            needed = mount.type == "tmpfs" and mount.target != directory if mount else self.read_only
            inside = any(directory.startswith(f"{outer}/") for outer in found)
            if needed and not inside and directory.count("/") > 1:
                found.append(directory)
        return tuple(found)

    def base_of(self, path: str) -> str:
        """The volume of the container in which a file lies, else the root."""
        mount = self.mount_at(path)
        if mount and mount.type == "volume":
            return mount.target
        return next((each for each in self.volumes_for_files if path.startswith(f"{each}/")), "/")

    def misplaced_files(self) -> Check:
        """A problem for each secret and config that cannot be copied to its path, or would not be seen there."""
        for table, index, use in self.files:
            mount, base = self.mount_at(use.path), self.base_of(use.path)
            outside = f"give it a target outside of {mount.target}" if mount else ""
            if mount is None and self.read_only and base == "/":
                own = f'give it a target in a directory of its own: "/run/{table}/{posixpath.basename(use.path)}"'
                yield (table, index), f"read_only: nothing can be copied to {use.path}", own
            elif mount and mount.type == "bind":
                what = f"{use.path} lies in {mount.source}, a path of the host: the content would be written there"
                yield (table, index), what, outside
            elif mount and mount.type == "tmpfs" and base == "/":
                yield (table, index), f"{use.path} lies in a tmpfs, which is empty at each start", outside
            elif mount and (mount.read_only or mount.type == "image"):
                what = f"{use.path} lies in {mount.target}, which is read-only"
                yield (table, index), what, outside

    def check(self) -> Check:
        if self.image is None and self.build is None:
            yield (), "neither image nor build is given", 'add image = "…" or build = "./dir"'
        if self.network_mode and self.networks:
            yield ("network_mode",), "network_mode and networks exclude each other", "keep one of the two"
        if self.network_mode and self.network_mode.mode != "bridge" and self.ports:
            yield (
                ("ports",),
                f"ports mean nothing with network_mode {self.network_mode}",
                "drop one of the two",
            )
        if self.container_name and not re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+", self.container_name):
            yield (
                ("container_name",),
                f"{self.container_name!r} is not a container name",
                "use letters, digits, '_', '.' and '-'",
            )
        yield from self.wrong_limits()
        yield from count(("scale",), self.scale)
        other = self.deploy and self.deploy.replicas
        if self.scale is not None and other not in (None, self.scale):
            yield (
                ("scale",),
                f"scale is {self.scale}, and deploy.replicas is {other}",
                "they mean the same: keep one of the two",
            )
        yield from self.wrong_rights()
        mounts = [("volumes", index, mount.target) for index, mount in enumerate(self.volumes)]
        mounts += [("tmpfs", index, tmpfs.path) for index, tmpfs in enumerate(self.tmpfs)]
        mounts += [(table, index, use.path) for table, index, use in self.files]
        seen: set[str] = set()
        for table, index, target in mounts:
            if target in seen:
                what = f"a second mount at {target}" if table in _MOUNTS else f"a second use of {target}"
                way = "mount each path once" if table in _MOUNTS else "use each path once"
                yield (table, index), what, way
            seen.add(target)
        yield from self.misplaced_files()
        if self.pre_stop and self.stop_grace_period and not self.stop_grace_period.seconds:
            yield (
                ("pre_stop",),
                "stop_grace_period is 0s, which leaves no time for pre_stop",
                "give stop_grace_period the time that pre_stop may take",
            )
        yield from variable_names(self.environment)


class Template(Service, frozen=True, kw_only=True):
    """Keys that several services have in common. It is never started."""

    def check(self) -> Check:
        return ()


class Job(Service, frozen=True, kw_only=True):
    """A container that runs to completion once: a migration, a seed. It runs again only if its definition, image or inputs have changed."""

    inputs: Annotated[
        tuple[str, ...], key("Files (globs) whose content decides whether it runs again.", own=True)
    ] = ()

    inputs_digest: Annotated[str, FILLED_IN] = ""
    """The digest of the files that `inputs` names. The reader fills it in."""

    KIND: ClassVar[str] = "job"

    def check(self) -> Check:
        yield from super().check()
        if self.replicas != 1:
            where = ("deploy", "replicas") if self.scale is None else ("scale",)
            yield where, "a job runs once: it has one container", "leave it out"

"""What a stack.toml may say. Names and meanings come from the Compose Specification, unless a docstring says otherwise.

The classes are the parser, the JSON Schema and the reference at once: `structure` reads with them, `json_schema` describes
them. The metadata of a field:

| name | meaning |
|---|---|
| `doc` | one line for people |
| `listed` | how to read an item of an array that stands for the table |
| `one` | a single item stands for an array of one item |
| `keys` | checks the names in the table |
| `toml: False` | the field is not a key: it is filled in after reading |
| `body`, `sent`, `digest` | the engine takes the key as it is: see `plain_keys` |
| `flag` | the option of `docker run` whose value is that of the key: see `flags` |
"""

import os
import re
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from msgspec import Struct, structs

from stackctl.errors import Problem
from stackctl.secret import veiled
from stackctl.spec.known import KnownImage
from stackctl.spec.known_images import BUILT_IN, KnownImages
from stackctl.spec.source.locate import Source
from stackctl.spec.structure import About, Mistake
from stackctl.spec.text.parts import Text, cut
from stackctl.spec.unsupported import BUILD_KEYS, SERVICE_KEYS, STACK_KEYS
from stackctl.spec.values import (
    Address,
    ByteSize,
    Command,
    Duration,
    ExposedPorts,
    HealthTest,
    HttpTarget,
    NetworkMode,
    Pattern,
    PortRange,
    Restart,
    Tmpfs,
    Variable,
)

Check = Iterable[tuple[tuple[str | int, ...], str, str]]


def key(doc: str, **metadata: Any) -> About:
    """Declare a key of a table, with the line of documentation that the schema and the reference show."""
    return About({"doc": doc, **metadata})


FILLED_IN = About({"toml": False})
"""Marks a field that is not a key: it is filled in after reading."""


def _pair(separators: str = "=") -> Callable[[object], tuple[str, object]]:
    """A function that reads an item of a list that stands for a table: `NAME=value`, or `NAME` alone (None)."""

    def split(item: object) -> tuple[str, object]:
        if not isinstance(item, str) or not item:
            raise ValueError(f'expected "NAME{separators[0]}value", found {item!r}')
        name = re.split(f"[{separators}]", item, maxsplit=1)[0]
        return name, cut(item, len(name) + 1) if len(name) < len(item) else None

    return split


def _name(item: object) -> tuple[str, object]:
    """Read an item of a list of names. Each item stands for a table with that key and no settings."""
    if not isinstance(item, str) or not item:
        raise ValueError(f"expected a name, found {item!r}")
    return item, {}


def _resource_name(name: str) -> None:
    if not re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9._-]*", name):
        raise ValueError(
            f"{name!r} is not a name: use letters, digits, '.', '_' and '-', a letter or digit first"
        )


def _home_is_known(key: str, path: str) -> Check:
    """A problem if the path begins with `~` or `~user` and this machine does not know the user."""
    user = path.partition("/")[0]
    if user.startswith("~") and os.path.expanduser(user) == user:  # noqa: PTH111 Path's own raises on ~nobody
        who = f"user {user[1:]!r}" if user != "~" else "home directory"
        yield (
            (key,),
            f"{path!r} is not a directory: there is no {who} on this machine",
            "write the whole path",
        )


class Condition(StrEnum):
    """What a dependent waits for. Compose does not have `ready`: healthy for a service with a check, completed for a job, else
    started.
    """

    started = "service_started"
    healthy = "service_healthy"
    completed = "service_completed_successfully"
    ready = "ready"


class PullPolicy(StrEnum):
    always = "always"
    missing = "missing"
    never = "never"
    build = "build"


class Build(Struct, frozen=True, kw_only=True):
    """How to build the image. `build = "./dir"` gives the context alone."""

    context: Annotated[str, key("The directory sent to the builder, relative to the stack.toml.")] = "."
    dockerfile: Annotated[str, key("The Dockerfile, relative to the context.")] = "Dockerfile"
    target: Annotated[str | None, key("The stage of a multi-stage Dockerfile to stop at.")] = None
    args: Annotated[
        Mapping[str, Variable],
        key("Build arguments; a name alone takes its value from the environment.", listed=_pair()),
    ] = {}

    SHORT: ClassVar[dict[str, Any]] = {"type": "string"}
    NOT_DONE: ClassVar[Mapping[str, str]] = BUILD_KEYS

    def __repr__(self) -> str:
        return veiled(self, "args")

    @classmethod
    def short(cls, value: object) -> dict[str, Any]:
        if isinstance(value, str) and value:
            return {"context": value}
        raise ValueError(f'expected a directory such as "./server", or a table, found {value!r}')

    def check(self) -> Check:
        yield from _home_is_known("context", self.context)


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


_PORT = (
    r"(?:(?:\[(?P<bracketed>[^\]]+)\]|(?P<address>[^\[\]]*)):(?=[\d-]*:))?"
    r"(?:(?P<published>[\d-]*):)?(?P<target>[\d-]+)(?:/(?P<protocol>\w+))?"
)


class Port(Struct, frozen=True, kw_only=True):
    """A port of the container published on the host: `"8000:80"`, `"127.0.0.1:8000:80/tcp"`, or `80` for a free host port.

    Unlike in Compose, a port without an address is published on 127.0.0.1 only. `"0.0.0.0:8000:80"` publishes it on every address.
    """

    target: Annotated[PortRange, key("The port inside the container.")]
    published: Annotated[PortRange | None, key("The port on the host; a free one if left out.")] = None
    host_ip: Annotated[Address | None, key("The address of the host to listen on.")] = None
    protocol: Annotated[Literal["tcp", "udp", "sctp"], key("tcp, udp or sctp.")] = "tcp"

    SHORT: ClassVar[dict[str, Any]] = {"type": ["string", "integer"]}
    NOT_DONE: ClassVar[Mapping[str, str]] = {
        "mode": "it has a meaning only in a Swarm",
        "name": "nothing reads it",
        "app_protocol": "nothing reads it",
    }

    @classmethod
    def short(cls, value: object) -> dict[str, Any]:
        if isinstance(value, int) and not isinstance(value, bool):
            return {"target": value}
        if isinstance(value, str) and (match := re.fullmatch(_PORT, value)):
            address = match["bracketed"] or match["address"]
            if ":" in (match["address"] or ""):
                raise Mistake(
                    f"{match['address']!r} before the ports is not an IPv4 address",
                    f'write an IPv6 address in brackets: "[{address}]{value[len(address) :]}"',
                )
            parts = {
                "target": match["target"],
                "published": match["published"],
                "host_ip": address,
                "protocol": (match["protocol"] or "tcp").lower(),
            }
            return {name: part for name, part in parts.items() if part}
        raise ValueError(f'expected "[ADDRESS:][HOST_PORT:]PORT[/tcp|/udp]", found {value!r}')

    def check(self) -> Check:
        if self.published and len(self.target) > 1 and len(self.published) != len(self.target):
            yield (
                (),
                f"{len(self.published)} host ports for {len(self.target)} container ports",
                "give ranges of the same length",
            )


class BindOptions(Struct, frozen=True, kw_only=True):
    create_host_path: Annotated[
        bool, key("Create the directory on the host if it is missing, instead of reporting it.")
    ] = False
    selinux: Annotated[Literal["z", "Z"] | None, key("Relabel for SELinux: `z` shared, `Z` private.")] = None
    propagation: Annotated[
        Literal["private", "rprivate", "shared", "rshared", "slave", "rslave"] | None,
        key("Mount propagation."),
    ] = None


class VolumeOptions(Struct, frozen=True, kw_only=True):
    nocopy: Annotated[bool, key("Do not fill a new volume with what the image has at that path.")] = False


class TmpfsOptions(Struct, frozen=True, kw_only=True):
    size: Annotated[ByteSize | None, key("The most it may hold.")] = None
    mode: Annotated[int | None, key("The permissions of its root directory, as a number (0o1777).")] = None


_DATA_FLAGS: dict[str, dict[str, Any]] = {
    "ro": {"read_only": True},
    "rw": {"read_only": False},
    "nocopy": {"volume": {"nocopy": True}},
    "z": {"bind": {"selinux": "z"}},
    "Z": {"bind": {"selinux": "Z"}},
}


class Mount(Struct, frozen=True, kw_only=True):
    """Storage in a container: `"pgdata:/data"` a volume, `"./src:/app:ro"` a directory of the host, `"/cache"` an anonymous volume."""

    type: Annotated[
        Literal["volume", "bind", "tmpfs"], key("volume, bind (a path of the host) or tmpfs (memory).")
    ]
    source: Annotated[
        str | None, key("The volume's name or the path on the host, relative to the stack.toml.")
    ] = None
    target: Annotated[str, key("The path inside the container.")]
    read_only: Annotated[bool, key("Whether the container may only read it.")] = False
    bind: Annotated[BindOptions | None, key("Settings of a bind mount.")] = None
    volume: Annotated[VolumeOptions | None, key("Settings of a volume.")] = None
    tmpfs: Annotated[TmpfsOptions | None, key("Settings of a tmpfs.")] = None

    SHORT: ClassVar[dict[str, Any]] = {"type": "string"}
    NOT_DONE: ClassVar[Mapping[str, str]] = {
        "consistency": "no engine reads it",
        "image": "mounting an image is not done",
    }

    @classmethod
    def short(cls, value: object) -> dict[str, Any]:
        if not isinstance(value, str) or not value:
            raise ValueError(f'expected "SOURCE:TARGET[:ro]", found {value!r}')
        parts = value.split(":")
        if len(parts) > 3 or not all(parts):
            raise ValueError(f'expected "SOURCE:TARGET[:ro]", found {value!r}')
        if len(parts) == 1:
            return {"type": "volume", "target": parts[0]}
        kind = "bind" if parts[0].startswith((".", "/", "~")) else "volume"
        table: dict[str, Any] = {"type": kind, "source": parts[0], "target": parts[1]}
        for flag in filter(None, parts[2].split(",") if len(parts) == 3 else []):
            if flag not in _DATA_FLAGS:
                raise ValueError(f"unknown mount option {flag!r} (known: {', '.join(_DATA_FLAGS)})")
            table |= _DATA_FLAGS[flag]
        if kind == "volume":
            table.pop("bind", None)
        return table

    def check(self) -> Check:
        if not self.target.startswith("/"):
            yield (
                ("target",),
                f"{self.target!r} is not an absolute path of the container",
                f'write "/{self.target}"',
            )
        if self.type == "bind" and not self.source:
            yield (), "a bind mount needs a source", "name the path on the host"
        if self.type == "bind":
            yield from _home_is_known("source", self.source or "")
        if self.type == "tmpfs" and self.source:
            yield ("source",), "a tmpfs has no source", "leave it out"
        for kind in ("bind", "volume", "tmpfs"):
            if kind != self.type and getattr(self, kind) is not None:
                yield (
                    (kind,),
                    f"settings of a {kind} mount on a {self.type} mount",
                    f'set type = "{kind}" or leave them out',
                )


class Dependency(Struct, frozen=True, kw_only=True):
    """A service or job that comes first."""

    condition: Annotated[Condition, key("What to wait for.")] = Condition.ready
    required: Annotated[bool, key("Whether this one starts even if the other is missing or fails.")] = True
    restart: Annotated[bool, key("Whether this one is restarted after the other was recreated.")] = False


class Healthcheck(Struct, frozen=True, kw_only=True):
    """How to tell that the service is ready: one of `test`, `tcp`, `http`, `log`. Of these, Compose has only `test`."""

    test: Annotated[HealthTest | None, key("A command run in the container: exit 0 means healthy.")] = None
    tcp: Annotated[int | None, key("Ready when this port of the container accepts a connection.")] = None
    http: Annotated[HttpTarget | None, key('Ready when this answers 200 to 399, e.g. ":8000/health".')] = None
    log: Annotated[
        Pattern | None, key("Ready when this regular expression appears in the log since the start.")
    ] = None
    interval: Annotated[Duration | None, key("Time between two checks (30s).")] = None
    timeout: Annotated[Duration | None, key("How long one check may take (30s).")] = None
    retries: Annotated[int | None, key("Failures in a row before it counts as unhealthy (3).")] = None
    start_period: Annotated[
        Duration | None, key("Time after the start in which failures do not count (0s).")
    ] = None
    start_interval: Annotated[
        Duration | None, key("Time between two checks during the start period (5s).")
    ] = None
    disable: Annotated[bool, key("Drop the image's own check.")] = False

    def check(self) -> Check:
        ways = [name for name in ("test", "tcp", "http", "log") if getattr(self, name) is not None]
        if len(ways) > 1:
            yield (), f"one check, not {len(ways)}: {', '.join(ways)}", "keep the one that says most"
        if self.disable and ways:
            yield (), f"disabled, and yet {ways[0]} is given", "keep one of the two"
        if self.start_interval and not self.start_period:
            yield (
                ("start_interval",),
                "start_interval means something only within a start_period",
                "add start_period",
            )
        if self.tcp is not None and not 0 < self.tcp < 65536:
            yield ("tcp",), f"ports go from 1 to 65535, found {self.tcp}", ""
        if self.retries is not None and self.retries < 0:
            yield ("retries",), "cannot be negative", ""


class NetworkUse(Struct, frozen=True, kw_only=True):
    """How a service takes part in a network."""

    aliases: Annotated[tuple[str, ...], key("Further names it answers to on this network.")] = ()

    NOT_DONE: ClassVar[Mapping[str, str]] = dict.fromkeys(
        (
            "ipv4_address",
            "ipv6_address",
            "mac_address",
            "priority",
            "gw_priority",
            "link_local_ips",
            "driver_opts",
            "interface_name",
        ),
        "fixed addresses and priorities are not done",
    )


class Service(Struct, frozen=True, kw_only=True):
    """A container that keeps running."""

    image: Annotated[str | None, key("The image to run; with `build`, the name it gets.")] = None
    build: Annotated[Build | None, key("How to build the image.")] = None
    pull_policy: Annotated[PullPolicy | None, key("When to pull the image (missing).", flag="pull")] = None
    command: Annotated[
        Command | None,
        key("The command, instead of the image's. A string is split into words; no shell runs it."),
    ] = None
    entrypoint: Annotated[Command | None, key("The entrypoint, instead of the image's.")] = None
    environment: Annotated[
        Mapping[str, Variable], key("Environment variables; a name alone is passed through.", listed=_pair())
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
    depends_on: Annotated[Mapping[str, Dependency], key("What must be ready first.", listed=_name)] = {}
    healthcheck: Annotated[Healthcheck | None, key("How to tell that it is ready.")] = None
    restart: Annotated[Restart, key("When the engine starts it again after it stopped.")] = Restart("no")
    container_name: Annotated[str | None, key("The container's name, instead of PROJECT-SERVICE-1.")] = None
    init: Annotated[
        bool | None,
        key("Run an init as PID 1 (yes, unless the image brings its own).", digest=True, flag="init"),
    ] = None
    labels: Annotated[Mapping[str, Text], key("Labels of the container.", listed=_pair())] = {}
    networks: Annotated[Mapping[str, NetworkUse], key("The networks it joins (default).", listed=_name)] = {}
    network_mode: Annotated[
        NetworkMode | None, key("none, host, bridge, service:NAME or container:NAME, instead of networks.")
    ] = None
    hostname: Annotated[
        str | None, key("The host name inside the container.", body="Hostname", flag="hostname")
    ] = None
    extra_hosts: Annotated[
        Mapping[str, Text],
        key(
            'Lines for /etc/hosts, "name:address"; host-gateway is the host.',
            listed=_pair("=:"),
            body="HostConfig.ExtraHosts",
            flag="add-host",
            sent=lambda hosts: [f"{host}:{address}" for host, address in hosts.items()],
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
    pids_limit: Annotated[
        int | None,
        key(
            "The most processes and threads it may have; -1 for any number.",
            body="HostConfig.PidsLimit",
            flag="pids-limit",
        ),
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

    def __repr__(self) -> str:
        return veiled(self, "environment", "resolved")

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
        if self.pids_limit is not None and self.pids_limit < -1:
            yield ("pids_limit",), f"a number of processes, or -1, found {self.pids_limit}", ""
        mounts = [("volumes", index, mount.target) for index, mount in enumerate(self.volumes)]
        mounts += [("tmpfs", index, tmpfs.path) for index, tmpfs in enumerate(self.tmpfs)]
        seen: set[str] = set()
        for key, index, target in mounts:
            if target in seen:
                yield (key, index), f"a second mount at {target}", "mount each path once"
            seen.add(target)
        yield from _variable_names(self.environment)


class Job(Service, frozen=True, kw_only=True):
    """A container that runs to completion once: a migration, a seed. It runs again only if its definition, image or inputs have changed."""

    inputs: Annotated[tuple[str, ...], key("Files (globs) whose content decides whether it runs again.")] = ()

    inputs_digest: Annotated[str, FILLED_IN] = ""
    """The digest of the files that `inputs` names. The reader fills it in."""

    KIND: ClassVar[str] = "job"


class Network(Struct, frozen=True, kw_only=True):
    """A network of the stack."""

    name: Annotated[str | None, key("Its name, instead of PROJECT_KEY.")] = None
    external: Annotated[bool, key("It exists already and is neither created nor removed.")] = False
    internal: Annotated[bool, key("Without a way out of the host.")] = False
    attachable: Annotated[bool, key("Whether other containers may join it (Swarm).")] = False
    driver: Annotated[str | None, key("The network driver (bridge).")] = None
    driver_opts: Annotated[Mapping[str, Text], key("Options of the driver.")] = {}
    labels: Annotated[Mapping[str, Text], key("Labels of the network.", listed=_pair())] = {}

    NOT_DONE: ClassVar[Mapping[str, str]] = {
        "ipam": "fixed subnets are not done",
        "enable_ipv4": "address families are not done",
        "enable_ipv6": "address families are not done",
    }

    def check(self) -> Check:
        yield from _external_has_no_settings(self, "network")


class Volume(Struct, frozen=True, kw_only=True):
    """A named volume of the stack: data that outlives its containers."""

    name: Annotated[str | None, key("Its name, instead of PROJECT_KEY.")] = None
    external: Annotated[bool, key("It exists already and is neither created nor removed.")] = False
    driver: Annotated[str | None, key("The volume driver (local).")] = None
    driver_opts: Annotated[Mapping[str, Text], key("Options of the driver.")] = {}
    labels: Annotated[Mapping[str, Text], key("Labels of the volume.", listed=_pair())] = {}
    protect: Annotated[bool, key("`down --volumes` leaves it alone.")] = False

    def check(self) -> Check:
        yield from _external_has_no_settings(self, "volume")


def _external_has_no_settings(resource: Network | Volume, what: str) -> Check:
    if resource.external:
        for field in structs.fields(type(resource)):
            if field.name not in ("name", "external") and getattr(resource, field.name):
                yield (
                    (field.name,),
                    f"an external {what} is taken as it is: {field.name} has no effect",
                    "leave it out",
                )


class Tests(Struct, frozen=True, kw_only=True):
    """What the programs that test the stack need. They run outside of it, on this machine. `up` does not read this table."""

    environment: Annotated[
        Mapping[str, Text],
        key(
            "Variables for tests, and for `stackctl env`."
            " `${services.db.url}` and `http://api:8000` become addresses that work on this machine."
        ),
    ] = {}

    def __repr__(self) -> str:
        return veiled(self, "environment")

    def check(self) -> Check:
        yield from _variable_names(self.environment)


def _variable_names(environment: Iterable[str]) -> Check:
    for name in environment:
        if not name or "=" in name or "\0" in name:
            yield ("environment", name), f"{name!r} is not a variable's name", ""


class Stack(Struct, frozen=True, kw_only=True):
    """A whole stack.toml, read and checked."""

    name: Annotated[str | None, key("The project's name (the directory's name).")] = None
    services: Annotated[Mapping[str, Service], key("Containers that keep running.", keys=_resource_name)] = {}
    jobs: Annotated[
        Mapping[str, Job], key("Containers that run to completion, in dependency order.", keys=_resource_name)
    ] = {}
    networks: Annotated[
        Mapping[str, Network], key("Networks; `default` is there by itself.", keys=_resource_name)
    ] = {}
    volumes: Annotated[Mapping[str, Volume], key("Named volumes.", keys=_resource_name)] = {}
    tests: Annotated[Tests, key("What tests of the stack need; `up` does not read it.")] = Tests()

    project: Annotated[str, FILLED_IN] = ""
    marks: Annotated[Mapping[str, str], FILLED_IN] = {}
    """Further labels of everything that is made for the stack. They tell which test run made it, and do not count for the
    digest.
    """
    directory: Annotated[Path, FILLED_IN] = Path()
    files: Annotated[tuple[Path, ...], FILLED_IN] = ()
    problems: Annotated[tuple[Problem, ...], FILLED_IN] = ()
    sources: Annotated[tuple[Source, ...], FILLED_IN] = ()
    known_images: Annotated[KnownImages, FILLED_IN] = BUILT_IN

    NOT_DONE: ClassVar[Mapping[str, str]] = STACK_KEYS
    IGNORED: ClassVar[Mapping[str, str]] = {"version": "the version key means nothing any more: leave it out"}

    @property
    def everything(self) -> dict[str, Service]:
        """Services and jobs by name. A service and a job cannot have the same name."""
        return {**self.services, **self.jobs}

    def check(self) -> Check:
        for name in self.services.keys() & self.jobs.keys():
            yield (
                ("jobs", name),
                f"{name!r} is also a service",
                "services and jobs share one set of names: rename one",
            )

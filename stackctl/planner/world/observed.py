"""What is there: one snapshot of the engine, with the labels already read."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Literal
from urllib.parse import urlsplit

from msgspec import Struct, field

from stackctl.planner.world import labels as names
from stackctl.planner.world.replica import Replica

IPV4, IPV6 = "0.0.0.0", "::"  # noqa: S104 - read, not listened on
"""Every address of the host."""
_ANYWHERE = {"": "127.0.0.1", IPV4: "127.0.0.1", IPV6: "::1"}
"""Addresses that mean every address of a machine, and the address at which this machine reaches itself then."""
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class ObservedEngine(Struct, frozen=True, kw_only=True):
    """The engine that answered, and what it shares with this process."""

    id: str
    name: str = "docker"
    version: str = ""
    """The engine's version, in its own words; "" if it does not say."""
    api: tuple[int, int] = (1, 41)
    endpoint: str = ""
    shares_loopback: bool = True
    """A port that it publishes on 127.0.0.1 can be reached on 127.0.0.1 from here: it runs on this machine, or seems to."""
    shares_paths: bool = True
    """A path means the same file or directory there as here."""
    reaches_containers: bool = True
    """Containers can be reached from here at their own addresses (an engine on this machine, on Linux)."""
    clock_ahead: float = 0.0
    """Seconds by which the engine's clock, which dates logs and events, is ahead of this machine's; 0 if it is the same clock."""

    @property
    def host(self) -> str:
        """The machine it runs on, by name or address; "" for this one."""
        return "" if self.endpoint.startswith("unix://") else urlsplit(self.endpoint).hostname or ""

    def remote_address(self, host_ip: str) -> str:
        """The address of a published port, as seen from here. If it means every address of another machine, that machine's address."""
        return self.host if self.host and host_ip in _ANYWHERE else host_ip

    def reach(self, host_ip: str) -> str:
        """The address to connect to for a port that the engine's host publishes at `host_ip`; "" if it cannot be reached from here."""
        if host_ip in _ANYWHERE:
            return self.host or _ANYWHERE[host_ip]
        loopback = host_ip in _LOOPBACK or host_ip.startswith("127.")
        return "" if loopback and self.host and self.host not in _LOOPBACK else host_ip


def is_here(host_ip: str) -> bool:
    """Whether programs on the machine that publishes a port at this address can reach the port at localhost."""
    return host_ip in _ANYWHERE or host_ip in _LOOPBACK


def replica_number(labels: Mapping[str, str]) -> int:
    """The number of a replica by its labels: 1 if they do not tell."""
    text = labels.get(names.NUMBER, "1")
    return int(text) if text.isdigit() else 1


class Labelled(Struct, frozen=True, kw_only=True):
    """What carries labels: a container, network or volume."""

    name: str
    labels: Mapping[str, str] = {}

    @property
    def project(self) -> str | None:
        return self.labels.get(names.PROJECT)

    @property
    def instance(self) -> str | None:
        return self.labels.get(names.INSTANCE)

    @property
    def digest(self) -> str | None:
        return self.labels.get(names.DIGEST)

    @property
    def key(self) -> str:
        """The service of a container, the key of a network or volume."""
        return self.labels.get(names.SERVICE, "")

    @property
    def source(self) -> str | None:
        return self.labels.get(names.SOURCE)


class PublishedPort(Struct, frozen=True):
    """A port of a running container that the host listens on."""

    target: int
    protocol: str
    host_ip: str
    published: int


class Mounted(Struct, frozen=True):
    type: str
    name: str
    """The volume's name, or the path on the host."""
    target: str


class Joined(Struct, frozen=True):
    """A container's place in a network. `address` is "" while it does not run."""

    network: str
    network_id: str
    address: str


class ObservedContainer(Labelled, frozen=True, kw_only=True):
    id: str
    image: str = ""
    image_id: str = ""
    command: str = ""
    """Entrypoint and command in one line, as the engine lists them."""
    state: str = "created"
    """created, running, paused, restarting, removing, exited or dead."""
    health: str = ""
    """starting, healthy, unhealthy, or "" if the engine has no check to run."""
    exit_code: int | None = None
    status: str = ""
    """The engine's own words: "Up 3 minutes (healthy)"."""
    created: float = 0.0
    """Seconds since the epoch, on the engine's clock."""
    ports: tuple[PublishedPort, ...] = ()
    mounts: tuple[Mounted, ...] = ()
    networks: tuple[Joined, ...] = ()
    network_mode: str = ""

    @property
    def service(self) -> str:
        return self.key

    @property
    def number(self) -> int:
        return replica_number(self.labels)

    @property
    def replica(self) -> Replica:
        return Replica(self.service, self.number)

    @property
    def kind(self) -> str:
        return self.labels.get(names.KIND, "service")

    @property
    def replaces(self) -> str | None:
        return self.labels.get(names.REPLACES)

    @property
    def fields(self) -> Mapping[str, str]:
        return names.unpack_fields(self.labels.get(names.FIELDS))

    @property
    def running(self) -> bool:
        return self.state in ("running", "restarting", "paused")

    @property
    def runs_less_than(self) -> float:
        """Seconds. It has run for less than this by the engine's words (docker/go-units, HumanDuration), which tell whole
        seconds or minutes; infinite where they do not tell.
        """
        match = re.match(r"Up (?:(Less than a second|About a minute)|(\d+) (second|minute))", self.status)
        if not match:
            return math.inf
        words, number, unit = match.groups()
        if words:
            return 1 if words == "Less than a second" else 120
        return (int(number) + 1) * (1 if unit == "second" else 60)

    @property
    def completed(self) -> bool:
        return self.state == "exited" and self.exit_code == 0


class ObservedNetwork(Labelled, frozen=True, kw_only=True):
    id: str
    driver: str = "bridge"


class ObservedVolume(Labelled, frozen=True, kw_only=True):
    driver: str = "local"
    created: float = 0.0
    """Seconds since the epoch; 0 if the engine does not know."""
    mountpoint: str = ""
    """Where its files are on the engine's host."""

    @property
    def protected(self) -> bool:
        return self.labels.get(names.PROTECT) == "true"

    @property
    def anonymous(self) -> bool:
        """Whether stackctl made it and the spec has no name for it."""
        return self.labels.get(names.KIND) in (names.ANONYMOUS, names.CONTENTS, names.PENDING, names.LEASE)

    @property
    def contents(self) -> bool:
        """Whether it holds only secrets and configs of its container."""
        return self.labels.get(names.KIND) == names.CONTENTS

    @property
    def pending(self) -> bool:
        """Whether it is the sign of a container whose `post_start` hooks have not all succeeded."""
        return self.labels.get(names.KIND) == names.PENDING

    @property
    def lease(self) -> bool:
        """Whether it tells how long the stack is wanted."""
        return self.labels.get(names.KIND) == names.LEASE

    @property
    def until(self) -> float:
        """When the lease ends: seconds since the epoch, on the clock of the machine that made it."""
        seconds = self.labels.get(names.FOR, "")
        return self.created + int(seconds) if seconds.isdecimal() else math.inf

    @property
    def holds_data(self) -> bool:
        """Whether it may hold data of the user. A volume that holds none goes with its container."""
        return not (self.contents or self.pending or self.lease)

    @property
    def replica(self) -> Replica:
        """The replica that an anonymous volume was made for, if its labels tell the number."""
        return Replica(self.key, replica_number(self.labels))


class ImageConfig(Struct, frozen=True, kw_only=True):
    """What a container inherits from its image."""

    volumes: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    healthcheck: bool = False
    tagged: float = 0.0
    """When the image last got a tag, in seconds since the epoch on the engine's clock; 0 if it is not known."""


class BuiltImage(Struct, frozen=True):
    """An image that stackctl has built: what it remembers of its build, and when it was made (seconds since the epoch, on the
    engine's clock).
    """

    fingerprint: str
    created: float = 0.0


Outdated = Literal["build", "code"]
"""What has changed since an image was built: the Dockerfile or a setting of the build, or a file of the context."""
OUTDATED: Mapping[Outdated, str] = {"build": "the Dockerfile or a setting of the build", "code": "the code"}
"""The same in words."""


class Observed(Struct, frozen=True, kw_only=True):
    """One snapshot of the engine. `containers`, `networks` and `volumes` are all that the engine has, not only stackctl's."""

    engine: ObservedEngine
    time: float = 0.0
    """When it was taken: seconds since the epoch, on the engine's clock."""
    containers: tuple[ObservedContainer, ...] = ()
    networks: tuple[ObservedNetwork, ...] = ()
    volumes: tuple[ObservedVolume, ...] = ()
    images: Mapping[str, str] = field(default_factory=dict)
    """Image id by reference (`redis:7`, and by id itself)."""
    built: Mapping[str, BuiltImage] = field(default_factory=dict)
    """The images that stackctl has built, by id."""
    outdated: Mapping[str, Outdated] = field(default_factory=dict)
    """What has changed on this machine since images were built, by reference. `up --build` builds them again."""
    configs: Mapping[str, ImageConfig] = field(default_factory=dict)
    """What containers inherit, by reference, for the images that were asked for."""
    answers: Mapping[str, str] = field(default_factory=dict)
    """What the checks of running containers say over the network, by container id: "" if all pass, else what the first that fails
    says (`http :8000/health: 404 Not Found`). A container with a check that needs more than the network is not among those
    that pass.
    """

    def passed(self, container: ObservedContainer) -> bool:
        """Whether it passed all of its checks when it was asked from outside."""
        return self.answers.get(container.id) == ""

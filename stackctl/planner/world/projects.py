"""The projects that are on an engine, whoever made them: stackctl or Docker Compose."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping

from msgspec import Struct

from stackctl.planner.world import labels
from stackctl.planner.world.observed import (
    ObservedContainer,
    ObservedNetwork,
    ObservedVolume,
    PublishedPort,
)

STACKCTL, COMPOSE = "stackctl", "compose"
Thing = ObservedContainer | ObservedNetwork | ObservedVolume


class ObservedProject(Struct, frozen=True, kw_only=True):
    """A project, as its labels tell it. What was not looked at is missing."""

    name: str
    tool: str
    """`stackctl` or `compose`: what made it."""
    instance: str
    """It tells the project from another one of stackctl that has the same name by accident."""
    directory: str
    """Where it was started; "" if its labels do not say."""
    files: tuple[str, ...]
    states: Mapping[str, int]
    """How many containers are in each state; `running` first, then by name. Empty if only networks or volumes are left."""
    created: float
    """When its oldest container was made (its oldest volume, if it has no container), in seconds since the epoch; 0: not known."""
    containers: tuple[ObservedContainer, ...] = ()
    networks: tuple[ObservedNetwork, ...] = ()
    volumes: tuple[ObservedVolume, ...] = ()

    @property
    def things(self) -> tuple[Thing, ...]:
        return (*self.containers, *self.networks, *self.volumes)

    @property
    def running(self) -> bool:
        """Whether a container runs, is paused or is being restarted."""
        return any(state in self.states for state in ("running", "paused", "restarting"))

    @property
    def test(self) -> bool:
        """Whether a test run made it."""
        return any(labels.RUN in thing.labels for thing in self.things)

    @property
    def ports(self) -> tuple[PublishedPort, ...]:
        """The ports of its containers that the host listens on, each once, also if it listens at several addresses."""
        found = {(port.published, port.protocol): port for each in self.containers for port in each.ports}
        return tuple(found[key] for key in sorted(found))

    @property
    def until(self) -> float:
        """When its time is over (`up --for`), in seconds since the epoch; infinite if it has no end."""
        return max((volume.until for volume in self.volumes if volume.lease), default=math.inf)

    @property
    def data(self) -> tuple[str, ...]:
        """The names of its volumes that may hold data."""
        return tuple(volume.name for volume in self.volumes if volume.holds_data)


def projects(
    containers: Iterable[ObservedContainer],
    networks: Iterable[ObservedNetwork] = (),
    volumes: Iterable[ObservedVolume] = (),
) -> tuple[ObservedProject, ...]:
    """The projects of an engine, by name. Two stacks that have the same name by accident are two projects.

    What a Swarm runs is no project of the engine. A volume of Compose belongs to the project that has adopted it.
    """
    found: dict[tuple[str, str, str], list[Thing]] = {}
    things: tuple[Thing, ...] = (*containers, *networks, *volumes)
    for thing in things:
        if (key := _key(thing)) and labels.STACK not in thing.labels:
            found.setdefault(key, []).append(thing)
    heirs = {name: key for key in found if (name := key[0]) and key[1] == STACKCTL}
    for key in [*found]:
        if (
            key[1] == COMPOSE
            and key[0] in heirs
            and not any(isinstance(t, ObservedContainer) for t in found[key])
        ):
            found[heirs[key[0]]] += found.pop(key)
    return tuple(_project(*key, found[key]) for key in sorted(found))


def _key(thing: Thing) -> tuple[str, str, str] | None:
    if thing.project:
        return thing.project, STACKCTL, thing.instance or ""
    if name := thing.labels.get(labels.COMPOSE_PROJECT):
        return name, COMPOSE, ""
    return None


def _project(name: str, tool: str, instance: str, things: list[Thing]) -> ObservedProject:
    containers = tuple(thing for thing in things if isinstance(thing, ObservedContainer))
    networks = tuple(thing for thing in things if isinstance(thing, ObservedNetwork))
    volumes = tuple(thing for thing in things if isinstance(thing, ObservedVolume))
    files = tuple(dict.fromkeys(file for thing in things for file in _files(thing, tool)))
    directories = (container.labels.get(labels.COMPOSE_DIRECTORY, "") for container in containers)
    told = next(filter(None, directories), "") if tool == COMPOSE else ""
    count = Counter(container.state for container in containers)
    times = [each.created for each in containers or volumes if each.created]
    return ObservedProject(
        name=name,
        tool=tool,
        instance=instance,
        directory=told or labels.directory_of(files[0] if files else ""),
        files=files,
        states={
            state: count[state] for state in sorted(count, key=lambda state: (state != "running", state))
        },
        created=min(times, default=0.0),
        containers=containers,
        networks=networks,
        volumes=volumes,
    )


def _files(thing: Thing, tool: str) -> list[str]:
    if tool == STACKCTL:
        return [thing.source] if thing.source else []
    return [file for file in thing.labels.get(labels.COMPOSE_FILES, "").split(",") if file]

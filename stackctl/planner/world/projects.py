"""The projects that are on an engine, whoever made them: stackctl or Docker Compose."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from msgspec import Struct

from stackctl.planner.world import labels
from stackctl.planner.world.observed import ObservedContainer

STACKCTL, COMPOSE = "stackctl", "compose"


class ObservedProject(Struct, frozen=True, kw_only=True):
    """A project, as its containers tell it."""

    name: str
    tool: str
    """`stackctl` or `compose`: what made it."""
    directory: str
    """Where it was started; "" if its labels do not say."""
    files: tuple[str, ...]
    states: Mapping[str, int]
    """How many containers are in each state; `running` first, then by name."""
    created: float
    """When its oldest container was made, in seconds since the epoch."""
    test: bool = False
    """Whether a test run made it."""

    @property
    def running(self) -> bool:
        """Whether a container runs, is paused or is being restarted."""
        return any(state in self.states for state in ("running", "paused", "restarting"))


def projects(containers: Iterable[ObservedContainer]) -> tuple[ObservedProject, ...]:
    """The projects of all containers of an engine, by name. Two stacks that have the same name by accident are two projects."""
    found: dict[tuple[str, str, str], list[ObservedContainer]] = {}
    for container in containers:
        if container.project:
            key = (container.project, STACKCTL, container.instance or "")
        elif name := container.labels.get(labels.COMPOSE_PROJECT):
            key = (name, COMPOSE, "")
        else:
            continue
        found.setdefault(key, []).append(container)
    return tuple(_project(name, tool, found[name, tool, key]) for name, tool, key in sorted(found))


def _project(name: str, tool: str, containers: list[ObservedContainer]) -> ObservedProject:
    files = tuple(dict.fromkeys(file for container in containers for file in _files(container, tool)))
    directories = (container.labels.get(labels.COMPOSE_DIRECTORY, "") for container in containers)
    told = next(filter(None, directories), "") if tool == COMPOSE else ""
    count = Counter(container.state for container in containers)
    return ObservedProject(
        name=name,
        tool=tool,
        directory=told or (files[0].rpartition("/")[0] or "/" if files else ""),
        files=files,
        states={
            state: count[state] for state in sorted(count, key=lambda state: (state != "running", state))
        },
        created=min(container.created for container in containers),
        test=any(labels.RUN in container.labels for container in containers),
    )


def _files(container: ObservedContainer, tool: str) -> list[str]:
    if tool == STACKCTL:
        return [container.source] if container.source else []
    return [file for file in container.labels.get(labels.COMPOSE_FILES, "").split(",") if file]

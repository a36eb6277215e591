"""What a test does to a real engine: everything it makes is labelled, and removed at its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from stackctl.engine.docker.docker_engine import DockerEngine
from stackctl.planner.steps.actions import (
    Action,
    CreateContainer,
    RemoveContainer,
    RemoveNetwork,
    RemoveVolume,
    StartContainer,
)
from stackctl.planner.steps.events import Progressed
from stackctl.planner.world import labels as names
from stackctl.planner.world.desired import DesiredContainer
from stackctl.planner.world.observed import ObservedContainer
from stackctl.spec.model import Service


@dataclass
class Lab:
    """What one test does to the engine. Everything is labelled with `name`."""

    engine: DockerEngine
    name: str
    news: list[Progressed] = field(default_factory=list)

    @property
    def labels(self) -> dict[str, str]:
        return {names.PROJECT: self.name, names.INSTANCE: self.name}

    def do(self, action: Action, cancelled: Callable[[], bool] = lambda: False) -> str:
        return self.engine.perform(action, self.news.append, cancelled)

    def create(self, service: str = "a", *command: str, **fields: Any) -> str:
        """A container; its name."""
        name = f"{self.name}-{service}-1"
        given: dict[str, Any] = {"image": "busybox", "grace": 1, "labels": self.labels}
        given["command"] = command or ("sleep", "600")
        plain = {key: fields.pop(key) for key in [*fields] if key not in DesiredContainer.__struct_fields__}
        settings = Service(**{"init": True, **plain})
        spec = DesiredContainer(name=name, service=service, settings=settings, **given | fields)
        self.do(CreateContainer(spec, name))
        return name

    def run(self, service: str = "a", *command: str, **fields: Any) -> str:
        name = self.create(service, *command, **fields)
        self.do(StartContainer(name, name))
        return name

    def seen(self, name: str) -> ObservedContainer:
        return next(c for c in self.engine.observe().containers if c.name == name)

    def inspect(self, name: str) -> Any:
        return self.engine.client.get("containers", name, "json")

    def clean(self) -> None:
        observed = self.engine.observe()
        for container in observed.containers:
            if container.project == self.name:
                self.do(RemoveContainer(container.id, container.name, volumes=True))
        for network in observed.networks:
            if network.project == self.name:
                self.do(RemoveNetwork(network.id, network.name))
        for volume in observed.volumes:
            if volume.project == self.name:
                self.do(RemoveVolume(volume.name))
        for image in {image for ref, image in observed.images.items() if self.name in ref}:
            self.engine.client.delete("images", image, force=True)

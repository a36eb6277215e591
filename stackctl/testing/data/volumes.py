"""Data of any service: its volumes are copied while it is stopped."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from pathlib import Path

from msgspec.structs import replace

from stackctl.engine.execute import execute
from stackctl.engine.talk.tars import chunks
from stackctl.errors import PreflightError, UsageError
from stackctl.planner.before.images import plan_images
from stackctl.planner.before.preflight import preflight
from stackctl.planner.steps.actions import (
    Action,
    CreateContainer,
    RemoveContainer,
    RemoveVolume,
    StopContainer,
)
from stackctl.planner.steps.events import Progressed
from stackctl.planner.steps.outcome import succeed
from stackctl.planner.steps.plan import Plan
from stackctl.planner.up.planning import plan_up
from stackctl.planner.view.view import View
from stackctl.planner.world.desired import Desired
from stackctl.planner.world.observed import Mounted, Observed, ObservedContainer
from stackctl.spec.source.reading import place
from stackctl.testing import faults
from stackctl.testing.given_names import checked, no_such_snapshot, nothing_to_go_back_to
from stackctl.testing.live_stack import LiveService

_INDEX = "index.json"


class Volumes:
    """The store of any service. A snapshot is a directory within the directory of the run; it holds one archive for each volume."""

    def __init__(self, service: LiveService) -> None:
        self._service = service
        self._engine = service.app.engine

    def snapshot(self, name: str) -> None:
        """Stop the service, copy its volumes, and start it again."""
        targets = [mount.target for mount in self._mounts(self._service.container)]
        if not targets:
            raise UsageError(
                f"{self._service.name} has no volume: there is nothing to remember",
                "give it one where its data are",
            )
        directory = self._home / checked(name)
        fresh = directory.with_name(f".{name}")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        with faults.during(self._service, faults.stop(self._grace)):
            for number, target in enumerate(targets):
                with (fresh / str(number)).open("wb") as file:
                    file.writelines(self._engine.pack(self._service.container_name, f"{target}/."))
        (fresh / _INDEX).write_text(json.dumps(targets))
        shutil.rmtree(directory, ignore_errors=True)
        fresh.rename(directory)

    def restore(self, name: str) -> None:
        """Replace the service's container and volumes by new ones, and fill the volumes before the container starts.

        Everything is planned before anything is removed.
        """
        directory = self._home / checked(name)
        if not directory.is_dir():
            raise no_such_snapshot(self._service.name, name, sorted(path.name for path in self._taken()))
        targets: list[str] = json.loads((directory / _INDEX).read_text())
        container = self._service.container
        succeed(execute(plan_images(*self._desired_and_observed()), self._engine.perform))
        desired, observed = self._desired_and_observed()
        volumes = self._volumes(container, observed)
        plan = self._plan_again(container, volumes, desired, observed)
        self._remove(container, volumes)
        archives = {target: directory / str(number) for number, target in enumerate(targets)}
        succeed(execute(plan, self._filling(archives)))

    def reset(self) -> None:
        """Restore the last snapshot."""
        if self.last is None:
            raise nothing_to_go_back_to(self._service.name)
        self.restore(self.last)

    @property
    def last(self) -> str | None:
        """The name of the last snapshot; None if there is none."""
        newest = max(self._taken(), key=lambda path: path.stat().st_mtime_ns, default=None)
        return newest.name if newest else None

    def _taken(self) -> list[Path]:
        with suppress(FileNotFoundError):
            return [path for path in self._home.iterdir() if not path.name.startswith(".")]
        return []

    @property
    def _home(self) -> Path:
        app = self._service.app
        if app.run is None:
            raise UsageError(
                f"{self._service.name} belongs to whoever started it",
                "take snapshots in a stack of the test's own",
            )
        return app.run.directory / "snapshots" / app.project / self._service.name

    @property
    def _grace(self) -> int:
        given = self._service.spec.stop_grace_period
        return given.whole_seconds if given else 10

    def _mounts(self, container: ObservedContainer) -> list[Mounted]:
        return [mount for mount in container.mounts if mount.type == "volume"]

    def _desired_and_observed(self) -> tuple[Desired, Observed]:
        return self._service.app.desired_and_observed(self._service.name)

    def _volumes(self, container: ObservedContainer, observed: Observed) -> list[str]:
        """The names of the container's volumes. Raises UsageError if another container uses one of them."""
        names = {mount.name for mount in self._mounts(container)}
        others = {c.name for c in observed.containers if names & {mount.name for mount in c.mounts}}
        if shared := sorted(others - {container.name}):
            raise UsageError(
                f"the volumes of {self._service.name} are also those of {', '.join(shared)}",
                "data that several containers share cannot be put back under them",
            )
        return sorted(names & {volume.name for volume in observed.volumes})

    def _plan_again(
        self, container: ObservedContainer, volumes: Collection[str], desired: Desired, observed: Observed
    ) -> Plan:
        """The plan that creates the service again after its container and volumes were removed. Raises PreflightError."""
        without = replace(
            observed,
            containers=tuple(c for c in observed.containers if c.id != container.id),
            volumes=tuple(v for v in observed.volumes if v.name not in volumes),
            configs=self._engine.image_configs(sorted({want.image for want in desired.containers})),
        )
        view = View.of(desired, without)
        if problems := preflight(view):
            raise PreflightError(place(self._service.app.stack, problems))
        return plan_up(view)

    def _remove(self, container: ObservedContainer, volumes: Collection[str]) -> None:
        app = self._service.app
        app.do(StopContainer(container.id, container.name, self._grace))
        app.do(RemoveContainer(container.id, container.name, volumes=True))
        for name in volumes:
            app.do(RemoveVolume(name))

    def _filling(
        self, archives: Mapping[str, Path]
    ) -> Callable[[Action, Callable[[Progressed], None], Callable[[], bool]], str]:
        """The engine's `perform`, which also fills the new container's volumes as soon as there is one."""

        def perform(
            action: Action, report: Callable[[Progressed], None], cancelled: Callable[[], bool]
        ) -> str:
            note = self._engine.perform(action, report, cancelled)
            if isinstance(action, CreateContainer) and action.spec.service == self._service.name:
                for target, file in archives.items():
                    with file.open("rb") as archive:
                        self._engine.unpack(action.name, target, chunks(archive))
            return note

        return perform

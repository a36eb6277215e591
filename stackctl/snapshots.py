"""Snapshots of a project's data: they are taken while it runs, put back, and removed."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress

from stackctl.engine.execute import Cancel, execute
from stackctl.engine.processes import this_process
from stackctl.engine.protocol import Engine, Report
from stackctl.engine.transport.client import RefusedError
from stackctl.errors import EngineError, PreflightError, Problem, UsageError
from stackctl.operating import Operating
from stackctl.planner.data.copying import CopyingServer, postgres, redis
from stackctl.planner.data.filling import matching, plan_forget, plan_restore
from stackctl.planner.data.parts import Data, DataPart, data_of
from stackctl.planner.data.saving import plan_save
from stackctl.planner.data.snapshots import Saved, Snapshot, checked, complete_snapshot, snapshots
from stackctl.planner.life.options import StartOptions
from stackctl.planner.life.start import plan_restart, plan_start
from stackctl.planner.steps.actions import (
    Action,
    CreateContainer,
    CreateVolume,
    PauseContainer,
    RemoveContainer,
    RemoveVolume,
    StopContainer,
    UnpauseContainer,
)
from stackctl.planner.steps.events import Planned
from stackctl.planner.steps.outcome import Outcome
from stackctl.planner.steps.plan import Plan
from stackctl.planner.world import labels
from stackctl.planner.world.containers import of_project, paused_by
from stackctl.planner.world.desired import Desired, DesiredContainer
from stackctl.planner.world.matching import image_id
from stackctl.planner.world.naming import Naming
from stackctl.planner.world.observed import Observed, ObservedContainer
from stackctl.project import Events, Waiting
from stackctl.real import monotonic
from stackctl.spec.model import Stack
from stackctl.spec.selection import Selection
from stackctl.spec.server import connection, server
from stackctl.spec.source.reading import place

_EVERYTHING = Selection(profiles=("*",))
_PROGRAMS = ("sh", "cp", "mv", "rm", "stat")
"""What copies, empties and fills a volume."""
_PLACES = ("/bin", "/usr/bin")
_FOR_NOW = "for-now"
"""The name of a copy that is made for one process, and goes with it."""
_GRACE = 60
"""Seconds that a container has to stop which fills volumes: it ends at once, unless it is just putting names right."""
Confirm = Callable[[Snapshot, Sequence[DataPart]], bool]
"""Is asked before data are lost: the snapshot, and the volumes whose data are replaced."""


class Snapshots(Operating):
    """A project whose data are saved under names and put back. Verbs that write hold the project's lock.

    Every verb raises UsageError for a name that cannot be, or is not there, PreflightError if the project was started from another
    directory, LockedError and EngineError. A step that fails is an event.
    """

    engine: Engine

    def __init__(
        self,
        stack: Stack,
        engine: Engine,
        *,
        lock_timeout: float = 60.0,
        waiting: Waiting | None = None,
    ) -> None:
        super().__init__(stack, engine, lock_timeout=lock_timeout, waiting=waiting)
        self._copying: dict[str, bool] = {}
        """Whether the programs that copy are in an image, by its id."""

    def snapshots(self) -> tuple[Snapshot, ...]:
        """All snapshots of the engine, also those of other projects."""
        return snapshots(self.engine.observe(self.name))

    def snapshot(
        self,
        name: str,
        services: Collection[str] = (),
        *,
        replace: bool = False,
        pause: bool = False,
        cancel: Cancel | None = None,
    ) -> Events:
        """Copy the data of the named services, or of all, into volumes of the engine.

        Postgres and Redis copy their data while they run, unless `pause`. What else runs is paused while its volumes are copied.
        `replace`: a snapshot of that name is removed once the new one is complete. Without it such a name is refused.
        """
        checked(name)

        def decide() -> Plan:
            desired, observed = self._look()
            same = [s for s in snapshots(observed) if (s.project, s.name) == (self.name, name)]
            if not replace and any(each.complete for each in same):
                raise UsageError(
                    f"there is a snapshot {name} already", "--replace puts this one in its place"
                )
            made = (name, os.urandom(4).hex())
            return self._plan_save(made, services, desired, observed, pause=pause, replaced=same)

        return self._do_locked(decide, cancel)

    def restore(
        self,
        name: str,
        services: Collection[str] = (),
        *,
        protected: bool = False,
        cancel: Cancel | None = None,
        confirm: Confirm = lambda _, __: True,
    ) -> Events:
        """Put the data of a snapshot into the volumes of the project, unless `confirm`, which gets the snapshot and the volumes whose
        data are lost, returns False.

        The services that use these volumes are stopped before, and started again, whether it succeeds or not. The old data are
        removed only after all new data are in the volume. `protected`: also volumes that are protected, or belong to others.
        """

        def found(observed: Observed) -> Snapshot:
            return complete_snapshot(snapshots(observed), self.name, name)

        return self._restore(
            found, f"snapshot {name}", services, protected=protected, cancel=cancel, confirm=confirm
        )

    def _restore(
        self,
        find: Callable[[Observed], Snapshot],
        source: str,
        services: Collection[str],
        *,
        protected: bool,
        cancel: Cancel | None,
        confirm: Confirm,
        prepare: Callable[[Snapshot, Desired, str], None] = lambda *_: None,
    ) -> Events:
        """Put the data of a snapshot back. `prepare` gets the image whose programs copy, and is called after all is checked."""
        with self._locked(cancel):
            desired, observed = self._look()
            snapshot = find(observed)
            self._meant(services, observed)  # refuses names of no service
            pairs = matching(data_of(desired, observed, self._mine(observed)), snapshot, services)
            self._check(snapshot, pairs, desired, services, protected=protected)
            lost = [part for _, part in pairs if part.missing is None]
            if not confirm(snapshot, lost):
                return
            image = self.tool([user for _, part in pairs for user in part.users], observed)
            prepare(snapshot, desired, image)
            plan = plan_restore(
                self.name, desired.instance, pairs, os.urandom(4).hex(), image=image, source=source
            )
            yield from self._put_back(plan, [part for _, part in pairs], desired, observed, cancel)

    def forget(self, names: Collection[str], *, cancel: Cancel | None = None) -> Events:
        """Remove snapshots of the project, complete or not."""

        def decide(*, again: bool = False) -> Plan:
            mine = [s for s in snapshots(self.engine.observe(self.name)) if s.project == self.name]
            for name in () if again else names:
                if all(each.name != name for each in mine):
                    there = ", ".join(dict.fromkeys(each.name for each in mine))
                    raise UsageError(f"no such snapshot: {name}", f"there are: {there}" if there else "")
            return plan_forget(self.name, [each for each in mine if each.name in names])

        return self._do_locked(decide, cancel, again=lambda: decide(again=True))

    def copy_for_now(
        self,
        id_: str,
        services: Collection[str] = (),
        *,
        pause: bool = False,
        marks: Mapping[str, str] | None = None,
        cancel: Cancel | None = None,
    ) -> Events:
        """Copy data for this process alone. If the process is killed, the labels `marks` tell who removes the copy: without them the
        next sweep of test runs.
        """
        own = marks or marks_of_this_process(id_)

        def decide() -> Plan:
            return self._plan_save((_FOR_NOW, id_), services, *self._look(), pause=pause, marks=own)

        return self._do_locked(decide, cancel)

    def copied(self, id_: str) -> tuple[Saved, ...]:
        """What was copied for this process under an id."""
        return next((each.saved for each in self.snapshots() if each.id == id_), ())

    def remove_copy(self, id_: str) -> None:
        """Remove what was copied for this process."""
        for saved in self.copied(id_):
            with suppress(EngineError):
                self.engine.perform(RemoveVolume(saved.volume), _silent)

    # Look

    def _look(self) -> tuple[Desired, Observed]:
        """The whole stack, and all that the engine has: other projects may use the same volumes."""
        desired, observed = self.desired_and_observed(_EVERYTHING)
        self._refuse_others(observed)
        if self._remove_leftovers(observed):
            return self.desired_and_observed(_EVERYTHING)
        return desired, observed

    def _mine(self, observed: Observed) -> list[ObservedContainer]:
        return [c for c in of_project(observed.containers, self.name) if c.kind != "run"]

    def _data(
        self, desired: Desired, observed: Observed, services: Collection[str]
    ) -> tuple[tuple[ObservedContainer, ...], Data]:
        """The containers of the named services, or of all, and their data. Raises UsageError for an unknown name."""
        containers = self._meant(services, observed)
        found = data_of(desired, observed, containers, services)
        return containers, Data(tuple(p for p in found.parts if p.missing is None), found.skipped)

    def _plan_save(
        self,
        made: tuple[str, str],
        services: Collection[str],
        desired: Desired,
        observed: Observed,
        *,
        pause: bool = False,
        replaced: Collection[Snapshot] = (),
        marks: Mapping[str, str] | None = None,
    ) -> Plan:
        """The plan that copies data: `made` are the name and the id of the snapshot. Raises UsageError if there are none."""
        containers, data = self._data(desired, observed, services)
        if not data.parts:
            raise UsageError(
                f"there are no data to copy: {' '.join(services) or self.name} has no volume",
                f"not copied: {', '.join(data.skipped)}" if data.skipped else "",
            )
        return plan_save(
            self.name,
            desired.instance,
            data,
            made,
            servers={} if pause else self._servers(desired, containers),
            tools={part.volume: self.tool(part.users, observed) for part in data.parts},
            replaced=replaced,
            marks=marks,
        )

    def _servers(self, desired: Desired, containers: Iterable[ObservedContainer]) -> dict[str, CopyingServer]:
        """The databases that copy their data by themselves while they run, by id of the container."""
        found: dict[str, CopyingServer] = {}
        for container in containers:
            service = desired.services.get(container.service)
            known = server(service) if service else None
            login = connection(service) if service else None
            if service is None or known is None or login is None:
                continue
            if known.name == "postgres":
                made = postgres(container.image_id, login, service.resolved)
            elif known.name in ("redis", "valkey"):
                made = redis(container.image_id, login, f"{known.name}-cli")
            else:
                continue
            found[container.id] = made
        return found

    def tool(self, users: Iterable[ObservedContainer], observed: Observed) -> str:
        """An image that is here and has the programs that copy: that of a container which uses the volume, else one of the stack,
        else any other.

        Raises EngineError if there is none. No image is pulled.
        """
        naming = Naming(self.stack, "")
        own = (image_id(observed, naming.image(name)) for name in self.stack.everything)
        mine = (*users, *of_project(observed.containers, self.name))
        containers = {c.image_id: c.id for c in reversed((*mine, *observed.containers))}
        candidates = (*(c.image_id for c in mine), *filter(None, own), *containers, *observed.images.values())
        for image in dict.fromkeys(candidates):
            if image not in observed.images:  # its tag and itself are gone, only its containers are left
                continue
            if image not in self._copying:
                there = containers.get(image)
                self._copying[image] = self._can_copy(there) if there else self._can_copy_in(image)
            if self._copying[image]:
                return image
        raise EngineError(
            f"no image that is here can copy data: none has {', '.join(_PROGRAMS)}", "docker pull busybox"
        )

    def _can_copy(self, container: str) -> bool:
        """Whether a container has the programs, running or not."""
        return all(any(self._has(container, f"{place}/{name}") for place in _PLACES) for name in _PROGRAMS)

    def _has(self, container: str, path: str) -> bool:
        try:
            found = self.engine.path(container, path)
        except EngineError:
            return False
        return found is not None and not stat.S_ISDIR(found.mode)

    def _can_copy_in(self, image: str) -> bool:
        """Whether an image has the programs. A container is made from it, is not started, and goes again."""
        name = f"{self.name}-copy-{os.urandom(4).hex()}"
        own = {labels.COPY: "true", labels.PROJECT: self.name, labels.KIND: "run"}
        probe = DesiredContainer(
            name=name,
            service="copy",
            kind="run",
            image=image,
            entrypoint=("sh",),
            labels=own,
            network_mode="none",
        )
        try:
            self.engine.perform(CreateContainer(probe, name), _silent)
        except EngineError:
            return False
        try:
            return self._can_copy(name)
        finally:
            self.engine.perform(RemoveContainer(name, name, volumes=True), _silent)

    # Check

    def _check(
        self,
        snapshot: Snapshot,
        pairs: Sequence[tuple[str, DataPart]],
        desired: Desired,
        services: Collection[str],
        *,
        protected: bool,
    ) -> None:
        """Raise PreflightError with every reason why the data cannot be put back."""
        wanted = [each.key for each in snapshot.saved if not services or set(services) & set(each.services)]
        problems = []
        if not pairs:
            problems.append(
                Problem(
                    ("volumes",),
                    f"snapshot {snapshot.name} has no data for this stack: it holds {', '.join(wanted) or 'others'}",
                    "stackctl volumes lists what the stack has",
                )
            )
        for _, part in pairs:
            if (part.protected or part.external) and not protected:
                what = "protected" if part.protected else "external"
                hint = "--protected says that they may go"
                message = f"volume {part.volume} is {what}: its data stay"
                problems.append(Problem(("volumes", part.key), message, hint))
            for user in part.users:
                mine = user.project == self.name and user.kind != "run" and user.service in desired.known
                if mine or not user.running:
                    continue
                message = f"volume {part.volume} is in use by {user.name}"
                problems.append(Problem(("volumes", part.key), message, f"docker stop {user.name}"))
        if problems:
            raise PreflightError(place(self.stack, problems))

    # Do

    def _put_back(
        self,
        plan: Plan,
        parts: Sequence[DataPart],
        desired: Desired,
        observed: Observed,
        cancel: Cancel | None,
    ) -> Events:
        """Stop the services that use volumes, do the plan, and start the services again."""
        began, result = monotonic(), Outcome()
        services = {user.service for part in parts for user in part.users if user.running}
        stops = (
            plan_restart(desired, observed, StartOptions(services=services)).only(StopContainer)
            if services
            else Plan(self.name)
        )
        stopped = sorted({step.service for step in stops.steps})
        try:
            for part in (stops, plan):
                for event in self._do(part, cancel, began) if result.exit_code == 0 else ():
                    result = result.after(event)
                    yield event
        except BaseException:
            for _ in self._start(stopped, began):
                pass
            raise
        yield from self._start(stopped, began)

    def _start(self, services: Sequence[str], began: float) -> Events:
        """Start services again. An interruption is no reason to leave them down: their volumes have the old data or the new ones."""

        def decide() -> Plan:
            return plan_start(*self.desired_and_observed(_EVERYTHING), StartOptions(services=services))

        if services:
            yield from self._do_settled(decide(), None, began, decide)

    def _run(self, plan: Plan, cancel: Cancel | None, began: float) -> Events:
        """As it is. What a failed or interrupted copy leaves is put right: nothing stays paused, and nothing half-made stays."""
        yield Planned(plan, monotonic() - began)
        result, undo = Outcome(), _Undo(self.engine)
        try:
            for event in execute(plan, undo.perform, cancel=cancel, began=began):
                result = result.after(event)
                yield event
            if result.exit_code == 0:
                undo.made.clear()
        finally:
            undo.undo()

    def _remove_leftovers(self, observed: Observed) -> bool:
        """Remove the containers that copied for a run which was killed. What was paused for them goes on. Whether there were any."""
        left = [c for c in observed.containers if c.project == self.name and labels.COPY in c.labels]
        for container in left:
            _stop_copier(self.engine, container.id, container.name)
            for paused in paused_by(container, observed):
                self.engine.perform(UnpauseContainer(paused.id, paused.name), _silent)
            self.engine.perform(RemoveContainer(container.id, container.name), _silent)
        return bool(left)


class _Undo:
    """What an engine did for a copy, so that it can be undone if the copy came to no end. Safe to share between threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._paused: dict[str, PauseContainer] = {}
        self._copiers: dict[str, None] = {}
        self.made: dict[str, None] = {}
        """The volumes of a snapshot that is not complete."""

    def perform(self, action: Action, report: Report, cancelled: Callable[[], bool]) -> str:
        """Let the engine do an action, and remember what it means."""
        match action:
            case PauseContainer(container) if self._copiers:  # else somebody asked for the pause
                self._paused[container] = action
            case CreateContainer(spec, name) if labels.COPY in spec.labels:
                self._copiers[name] = None
            case CreateVolume(volume) if labels.SNAPSHOT_PART in volume.labels:
                self.made[volume.name] = None
            case _:
                pass
        try:
            note = self._engine.perform(action, report, cancelled)
        except RefusedError as error:
            if isinstance(action, CreateContainer) and error.status == 409:  # the name is somebody else's
                self._copiers.pop(action.name, None)
            raise
        match action:
            case UnpauseContainer(container):
                self._paused.pop(container, None)
            case RemoveContainer(container):
                self._copiers.pop(container, None)
            case CreateVolume(volume) if labels.SNAPSHOT_PARTS in volume.labels:
                self.made.clear()
            case _:
                pass
        return note

    def undo(self) -> None:
        """Let what is still paused go on, and remove what still copies, and copies that are not complete."""
        for pause in self._paused.values():
            with suppress(EngineError):
                self._engine.perform(UnpauseContainer(pause.container, pause.name), _silent)
        for name in self._copiers:
            _stop_copier(self._engine, name, name)
            with suppress(EngineError):
                self._engine.perform(RemoveContainer(name, name), _silent)
        for volume in self.made:
            with suppress(EngineError):
                self._engine.perform(RemoveVolume(volume), _silent)


def marks_of_this_process(id_: str) -> dict[str, str]:
    """The labels by which a sweep of test runs removes something once this process has ended."""
    return {labels.RUN: id_, labels.OWNER: this_process().pack()}


def _stop_copier(engine: Engine, container: str, name: str) -> None:
    """Let it end, if it is still there."""
    with suppress(EngineError):
        engine.perform(StopContainer(container, name, _GRACE), _silent)


def _silent(_: object) -> None:
    """Nobody is told."""

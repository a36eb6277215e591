"""Snapshots as files: the data of a project are written to one, and put back from one."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from stackctl.engine.execute import Cancel
from stackctl.engine.talk.snapshot_file import ROOT, Contents, read, write
from stackctl.engine.talk.tars import chunks
from stackctl.errors import CancelledError, EngineError, UsageError
from stackctl.planner.data.copying import labels_of_copier
from stackctl.planner.data.snapshots import Saved, Snapshot, checked, volume_of
from stackctl.planner.steps.actions import CreateContainer, CreateVolume, RemoveContainer
from stackctl.planner.steps.outcome import Outcome
from stackctl.planner.world.containers import instance_of
from stackctl.planner.world.desired import Desired, DesiredContainer, DesiredMount
from stackctl.planner.world.observed import Observed
from stackctl.project import Events
from stackctl.real import real_time
from stackctl.snapshots import Confirm, Snapshots, marks_of_this_process
from stackctl.spec.source.loading import open_file


class SnapshotFiles(Snapshots):
    """A project whose data are written to files and put back from files. The data are streamed: they are never held in memory."""

    def write(
        self,
        path: Path,
        name: str,
        services: Collection[str] = (),
        *,
        replace: bool = False,
        pause: bool = False,
        cancel: Cancel | None = None,
    ) -> Events:
        """Copy data as `snapshot` does, and write the copy to a file, which only this user may read. It has its name once it is whole.

        Raises UsageError if there is such a file (unless `replace`), or if it cannot be written; what `snapshot` raises.
        """
        checked(name)
        if path.exists() and not replace:
            raise UsageError(f"there is a file {path} already", "--replace writes this one in its place")
        id_, result = os.urandom(4).hex(), Outcome()
        with _new_file(path, id_) as (file, keep):
            try:
                for event in self.copy_for_now(id_, services, pause=pause, cancel=cancel):
                    result = result.after(event)
                    yield event
                if result.exit_code == 0:
                    with suppress(CancelledError):
                        self._export(file, name, self.copied(id_), id_, cancel or Cancel())
                        keep()
            finally:
                self.remove_copy(id_)

    def restore_file(
        self,
        path: Path,
        services: Collection[str] = (),
        *,
        protected: bool = False,
        cancel: Cancel | None = None,
        confirm: Confirm = lambda _, __: True,
    ) -> Events:
        """Put the data of a file back, as `restore` does. The whole file is read first: one that is damaged changes nothing.

        Raises UsageError if it is no snapshot, is damaged, or cannot be read; what `restore` raises.
        """
        id_ = os.urandom(4).hex()
        try:
            with open_file(path) as file:
                contents = read(file, str(path))

                def found(_: Observed) -> Snapshot:
                    saved = tuple(
                        Saved(
                            each.key,
                            volume_of(self.name, contents.name, id_, number, each.key).name,
                            each.services,
                        )
                        for number, each in enumerate(contents.saved)
                    )
                    return Snapshot(project=contents.project, name=str(path), id=id_, saved=saved)

                def load(snapshot: Snapshot, desired: Desired, image: str) -> None:
                    self._import(file, contents.name, snapshot, desired, image, cancel or Cancel())

                yield from self._restore(
                    found,
                    str(path),
                    services,
                    protected=protected,
                    cancel=cancel,
                    confirm=confirm,
                    prepare=load,
                )
        except CancelledError:
            return
        except OSError as error:
            raise UsageError(f"{path} cannot be read: {error.strerror}") from error
        finally:
            self.remove_copy(id_)

    def _export(
        self, file: IO[bytes], name: str, saved: tuple[Saved, ...], id_: str, cancelled: Cancel
    ) -> None:
        """Write copies to a file."""
        observed = self.engine.observe(self.name)
        contents = Contents(project=self.name, name=name, created=real_time(), saved=saved)
        mounts = {f"/{ROOT}/{number}": each.volume for number, each in enumerate(saved)}
        instance = instance_of(observed, self.name) or ""
        with self._holder(mounts, id_, instance, self.tool((), observed)) as holder:
            try:
                write(file, contents, _until(cancelled, self.engine.pack(holder, f"/{ROOT}")))
            except ValueError as error:
                raise EngineError(
                    f"the data cannot be written: {error}", "look at the engine's log"
                ) from error

    def _import(
        self, file: IO[bytes], name: str, snapshot: Snapshot, desired: Desired, image: str, cancelled: Cancel
    ) -> None:
        """Make the volumes of a snapshot from a file that stands at its archive."""
        marks = marks_of_this_process(snapshot.id)
        for number, each in enumerate(snapshot.saved):
            volume = volume_of(self.name, name, snapshot.id, number, each.key, marks)
            self.engine.perform(CreateVolume(volume), _silent)
        mounts = {f"/{ROOT}/{number}": each.volume for number, each in enumerate(snapshot.saved)}
        with self._holder(mounts, snapshot.id, desired.instance, image) as holder:
            self.engine.unpack(holder, "/", _until(cancelled, chunks(file)))

    @contextmanager
    def _holder(self, mounts: Mapping[str, str], id_: str, instance: str, image: str) -> Iterator[str]:
        """A container that has volumes at these paths, and never runs: an engine packs and unpacks the files of containers."""
        name = f"{self.name}-copy-{id_}-file"
        spec = DesiredContainer(
            name=name,
            service="copy",
            kind="run",
            image=image,
            entrypoint=("sh",),
            labels=labels_of_copier(self.name, instance, ""),
            mounts=tuple(
                DesiredMount(type="volume", source=volume, target=path, nocopy=True)
                for path, volume in mounts.items()
            ),
            network_mode="none",
        )
        self.engine.perform(CreateContainer(spec, name), _silent)
        try:
            yield name
        finally:
            self.engine.perform(RemoveContainer(name, name), _silent)


@contextmanager
def _new_file(path: Path, id_: str) -> Iterator[tuple[IO[bytes], Callable[[], None]]]:
    """A file that gets its name when `keep`, the second value, is called; else it goes. Raises UsageError if it cannot be written."""
    partial = path.with_name(f".{path.name}.{id_}.partial")
    kept = False

    def keep() -> None:
        nonlocal kept
        partial.replace(path)
        kept = True

    try:
        with os.fdopen(os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b") as file:
            try:
                yield file, keep
            finally:
                if not kept:
                    partial.unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from error


def _until(cancelled: Cancel, archive: Iterable[bytes]) -> Iterator[bytes]:
    """The pieces of an archive. Raises CancelledError once somebody wishes to stop."""
    for piece in archive:
        if cancelled():
            raise CancelledError("interrupted")
        yield piece


def _silent(_: object) -> None:
    """Nobody is told."""

"""Data for the empty volumes of a stack: those of a snapshot, or those that another project has now.

with lend("shop", stack, engine) as lent:
    succeed(lent.copy())
    succeed(up(stack, engine, options=UpOptions(fill=lent.fill)))
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from msgspec.structs import replace

from stackctl.engine.execute import Cancel
from stackctl.engine.protocol import Engine
from stackctl.errors import UsageError
from stackctl.planner.data.filling import Fill
from stackctl.planner.data.snapshots import (
    Saved,
    complete_snapshot_if_any,
    names_of_snapshots,
    snapshots,
)
from stackctl.planner.world.observed import Observed
from stackctl.project import Events, Waiting
from stackctl.snapshots import Snapshots
from stackctl.spec.model import Stack
from stackctl.spelling import did_you_mean


class Lent:
    """Data that are there to be copied. `lend` makes it."""

    def __init__(
        self,
        source: str,
        saved: tuple[Saved, ...],
        lender: _Lender | None,
        image: str,
        marks: Mapping[str, str] | None = None,
    ) -> None:
        self.source = source
        """Where the data come from, in words."""
        self._saved = saved
        self._lender = lender
        self._image = image
        self._marks = marks
        self._id = os.urandom(4).hex()

    @property
    def copies(self) -> bool:
        """Whether `copy` has to do something."""
        return self._lender is not None

    def copy(self, cancel: Cancel | None = None) -> Events:
        """Copy the data that a project has now: it may change them meanwhile. For a snapshot nothing is done.

        Raises what `Snapshots.snapshot` raises.
        """
        if self._lender:
            yield from self._lender.copy_for_now(self._id, marks=self._marks, cancel=cancel)

    @property
    def fill(self) -> Fill:
        """What `UpOptions.fill` takes, once `copy` is done."""
        saved = self._lender.copied(self._id) if self._lender else self._saved
        return Fill(self.source, {each.key: each.volume for each in saved}, self._image, self._id)

    def close(self) -> None:
        """Remove what `copy` has made."""
        if self._lender:
            self._lender.remove_copy(self._id)


@contextmanager
def lend(
    wanted: str,
    stack: Stack,
    engine: Engine,
    *,
    to: str = "",
    marks: Mapping[str, str] | None = None,
    lock_timeout: float = 60.0,
    waiting: Waiting | None = None,
) -> Iterator[Lent]:
    """The data that a stack is to get: a snapshot by its name, or PROJECT/NAME; else what the project of that name has now.

    `to`: the project that gets them, if it is not that of `stack`. The services of `stack` tell which of the project's servers copy
    their data by themselves. At the end of the block nothing is left but the snapshot. `marks`: the labels by which the copy is removed
    if this process is killed; without them the next sweep of test runs removes it.

    Raises UsageError if there is neither, EngineError.
    """
    borrower = Snapshots(stack, engine)
    observed = engine.observe()
    every = snapshots(observed)
    image = borrower.tool((), observed)
    if found := complete_snapshot_if_any(every, stack.project, wanted):
        yield Lent(f"snapshot {wanted}", found.saved, None, image)
        return
    filled = to or stack.project
    projects = _projects(observed) - {filled}
    if wanted not in projects:
        if wanted == filled:
            raise UsageError(
                f"{wanted} is the project that is to be filled", "name another one, or a snapshot"
            )
        names = sorted({*names_of_snapshots(every, stack.project), *projects})
        there = f"there are: {', '.join(names)}" if names else ""
        raise UsageError(f"there is no snapshot and no project {wanted}", did_you_mean(wanted, names, there))
    lender = _Lender(replace(stack, project=wanted), engine, lock_timeout=lock_timeout, waiting=waiting)
    lent = Lent(f"project {wanted}", (), lender, image, marks)
    try:
        yield lent
    finally:
        lent.close()


class _Lender(Snapshots):
    """A project whose data are copied for another one. It may have been started from any directory."""

    def _refuse_others(self, observed: Observed) -> None:
        """Nothing of the project is changed."""


def _projects(observed: Observed) -> set[str]:
    """The projects that have a container or a volume."""
    found = (thing.project for thing in (*observed.containers, *observed.volumes))
    return {project for project in found if project}

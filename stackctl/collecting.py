"""Remove what is left over of a project."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stackctl.engine.execute import Cancel
from stackctl.engine.protocol import Manage
from stackctl.errors import StackError
from stackctl.left_over import find
from stackctl.looking import load
from stackctl.planner.down import DownOptions, plan_down, spared
from stackctl.planner.life.stops import Stops
from stackctl.planner.runs.left_over import LeftOver
from stackctl.planner.steps.plan import Plan
from stackctl.planner.world.observed import Observed
from stackctl.project import Events, Project
from stackctl.spec.model import Stack


class Collecting(Project):
    """A project that is left over.

    Its directory may be gone, so labels tell what belongs to it. If only its time is over, its file says in which order containers
    stop, and which data it protects; if the file cannot be read, all data stays.
    """

    def __init__(self, left: LeftOver, engine: Manage, **options: Any) -> None:
        stack = _stack(left)
        super().__init__(stack or Stack(project=left.project.name), engine, **options)
        self.left = left
        self._keeps_data = stack is None and left.over

    def plan_collect(self, observed: Observed, *, volumes: bool = False) -> Plan:
        """The plan that removes it; its data only with `volumes`, and never what is protected."""
        return plan_down(
            self.name,
            self.left.project.instance,
            observed,
            DownOptions(volumes=volumes and not self._keeps_data),
            stops=Stops.of(self.stack),
            spared=spared(self.stack),
        )

    def collect(
        self,
        *,
        volumes: bool = False,
        cancel: Cancel | None = None,
        confirm: Callable[[Plan], bool] = lambda _: True,
    ) -> Events:
        """Remove it, unless somebody has needed it since, or `confirm`, which gets the plan, returns False. Raises LockedError and
        EngineError. A step that fails is an event.
        """

        def decide() -> Plan | None:
            observed, found = find(self.engine)
            if self._key not in [(left.project.name, left.project.instance) for left in found]:
                return None
            return self.plan_collect(observed, volumes=volumes)

        def confirmed() -> Plan | None:
            plan = decide()
            return plan if plan and confirm(plan) else None

        return self._do_locked(confirmed, cancel, again=decide)

    @property
    def _key(self) -> tuple[str, str]:
        return self.name, self.left.project.instance


def _stack(left: LeftOver) -> Stack | None:
    """The stack of a project whose time is over; None if its file is gone or cannot be read."""
    if not (left.over and left.project.files):
        return None
    try:
        return load(left.project.files[0], name=left.project.name, strict=False)
    except (StackError, OSError):
        return None

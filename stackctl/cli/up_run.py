"""The work of `up`: follow an execution, print the addresses of services, and stay if asked to."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from stackctl import api
from stackctl.cli import follow as runs
from stackctl.cli.settings import Settings
from stackctl.cli.streams import lasting
from stackctl.comparing import Comparing
from stackctl.engine.execute import Cancel
from stackctl.planner.status import status
from stackctl.planner.steps.actions import Action
from stackctl.planner.steps.events import Event, Planned, Progress
from stackctl.planner.steps.plan import Plan
from stackctl.planner.up.planning import UpPlan
from stackctl.show.tables import endpoints
from stackctl.spec.model import Stack

if TYPE_CHECKING:
    from stackctl.cli.attached import Staying
    from stackctl.planner.steps.timeline import Timeline


def run_up(
    settings: Settings,
    stack: Stack,
    arguments: Mapping[str, Any],
    *,
    lock_timeout: float,
    staying: Staying | None = None,
    unseen: tuple[type[Action], ...] = (),
    command: str = "stackctl up",
    show_timeline: bool = False,
) -> int:
    """Bring the stack up; then stay, if `staying` says how. `arguments` are those of `api.up`. `unseen`: kinds of actions whose
    progress is not shown. `command` is what the command is called. The timeline of a run that did something is remembered.
    """
    engine = settings.engine()
    began = time.time()
    plans: list[Plan] = []
    happened: list[Event] = []

    def events(cancel: Cancel) -> Iterator[Event]:
        for event in api.up(
            stack, engine, cancel=cancel, lock_timeout=lock_timeout, waiting=settings.tell_holder, **arguments
        ):
            if isinstance(event, Planned):
                plans.append(event.plan)
            if not isinstance(event, Progress):
                happened.append(event)
            if not (isinstance(event, Progress) and isinstance(event.step.action, unseen)):
                yield event

    result, code = runs.follow(settings, command, events, stack=stack)
    if code == 0 and settings.progress not in ("json", "quiet"):
        match plans:
            case [UpPlan(steps=(), view=view)]:  # nothing was done, so the view of the plan is still true
                rows = status(view)
            case _:
                rows = Comparing(stack, engine).status(arguments["selection"])
        print(endpoints(rows), end="", file=lasting(sys.stdout), flush=True)
    did = bool(result.changed or result.failures)
    if did or show_timeline:
        run = _timed(happened, at=began, command=command, code=code)
        if did:
            from stackctl.engine.last_run import remember

            remember(engine.id, run)
        if show_timeline:
            from stackctl.show.timeline.text import timeline_text

            stream = lasting(sys.stderr if settings.progress == "json" else sys.stdout)
            print("\n" + timeline_text(run, settings.style(stream)), file=stream, flush=True)
    if staying and not result.interrupted and (code == 0 or staying.abort):
        from stackctl.cli.attached import stay

        return stay(settings, stack, arguments["selection"], staying, began=began, code=code)
    return code


def _timed(events: Iterable[Event], *, at: float, command: str, code: int) -> Timeline:
    from stackctl.planner.steps.timeline import timeline  # a run that does nothing needs none

    return replace(timeline(events), at=at, command=command, exit_code=code)

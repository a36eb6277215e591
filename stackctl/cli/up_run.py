"""The work of `up`: follow an execution, print the addresses of services, and show logs if asked to."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from typing import Any

from stackctl import api
from stackctl.cli import follow as runs
from stackctl.cli.settings import Settings
from stackctl.cli.streams import lasting, silence
from stackctl.comparing import Comparing
from stackctl.engine.execute import Cancel
from stackctl.engine.protocol import Engine
from stackctl.planner.status import status
from stackctl.planner.steps.actions import Action
from stackctl.planner.steps.events import Event, Planned, Progress
from stackctl.planner.steps.plan import Plan
from stackctl.planner.up.planning import UpPlan
from stackctl.show.tables import endpoints
from stackctl.spec.model import Stack


def run_up(
    settings: Settings,
    stack: Stack,
    arguments: Mapping[str, Any],
    *,
    lock_timeout: float,
    follow: bool = False,
    unseen: tuple[type[Action], ...] = (),
) -> int:
    """Bring the stack up. `arguments` are those of `api.up`. `unseen`: kinds of actions whose progress is not shown."""
    engine = settings.engine()
    began = time.time()
    plans: list[Plan] = []

    def events(cancel: Cancel) -> Iterator[Event]:
        for event in api.up(
            stack, engine, cancel=cancel, lock_timeout=lock_timeout, waiting=settings.tell_holder, **arguments
        ):
            if isinstance(event, Planned):
                plans.append(event.plan)
            if not (isinstance(event, Progress) and isinstance(event.step.action, unseen)):
                yield event

    _, code = runs.follow(settings, "stackctl up", events, source=stack.files[0].name)
    if code == 0 and settings.progress not in ("json", "quiet"):
        match plans:
            case [UpPlan(steps=(), view=view)]:  # nothing was done, so the view of the plan is still true
                rows = status(view)
            case _:
                rows = Comparing(stack, engine).status(arguments["selection"])
        print(endpoints(rows), end="", file=lasting(sys.stdout), flush=True)
    if code == 0 and follow:
        return _stay(settings, stack, engine, tuple(arguments["selection"].services), began)
    return code


def _stay(settings: Settings, stack: Stack, engine: Engine, services: tuple[str, ...], began: float) -> int:
    """Show the logs from `began` on (seconds since the epoch) of services that are attached, until they end, the reader leaves, or the user presses Ctrl-C.

    Then stop the services that were asked for. Their dependencies go on, as with Compose.
    """
    from stackctl.cli.commands.logs import show
    from stackctl.operating import Operating

    project = Operating(stack, engine, waiting=settings.tell_holder)
    found = [c for c in project.containers(services) if stack.everything[c.service].attach]
    lines = engine.logs([c.id for c in found], follow=True, since=f"{began:.9f}")
    style, as_json = settings.style(sys.stdout), settings.progress == "json"
    try:
        with runs.interruptible():
            show(lines, found, style=style, as_json=as_json)
    except KeyboardInterrupt:
        print("stopping; Ctrl-C again leaves at once", file=sys.stderr)
    except BrokenPipeError:
        silence(sys.stdout)
    if not any(c.running for c in project.containers(services)):
        print("nothing is left to stop: all has ended", file=sys.stderr)
        return 0
    _, code = runs.follow(
        settings,
        "stackctl up",
        lambda cancel: project.stop(services, cancel=cancel),
        source=stack.files[0].name,
    )
    return code

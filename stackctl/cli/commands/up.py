"""stackctl up"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from stackctl.cli.options import pass_settings, services_argument
from stackctl.cli.plan_options import plan_arguments, planning_options
from stackctl.cli.settings import Settings
from stackctl.cli.streams import lasting, silence

if TYPE_CHECKING:
    from stackctl.engine.execute import Cancel
    from stackctl.engine.protocol import Engine
    from stackctl.planner.steps.events import Event
    from stackctl.planner.steps.plan import Plan
    from stackctl.spec.model import Stack


@click.command("up")
@services_argument
@planning_options
@click.option(
    "-d", "--detach", is_flag=True, help="Accepted for Compose's sake: up always returns when all is ready."
)
@click.option("--wait", is_flag=True, help="Accepted for Compose's sake: up always waits.")
@click.option("--follow", is_flag=True, help="Stay with the logs; Ctrl-C stops the stack.")
@click.option(
    "--lock-timeout",
    type=float,
    default=60.0,
    metavar="SECONDS",
    help="How long to wait for another run (60).",
)
@pass_settings
def command(
    settings: Settings,
    /,
    services: tuple[str, ...],
    lock_timeout: float,
    follow: bool,
    detach: bool,
    wait: bool,
    **planning: Any,
) -> int:
    """Bring the stack up and wait until all is ready

    Pulls and builds what is missing, creates and starts what is not there, recreates what changed, and leaves everything else
    alone. Mistakes in stack.toml, busy ports and the like are reported before anything is done.

    \b
    Examples:
      stackctl up                     everything
      stackctl up api                 api and what it depends on
      stackctl up --build             after the code changed
      stackctl --profile debug up     with the services of a profile
    """
    from stackctl import api
    from stackctl.cli import follow as runs
    from stackctl.comparing import Comparing
    from stackctl.planner.status import status
    from stackctl.planner.steps.events import Planned
    from stackctl.planner.up.planning import UpPlan
    from stackctl.show.tables import endpoints

    if follow and (detach or wait):
        raise click.UsageError("--follow stays, --detach and --wait return: choose one")
    stack, arguments = plan_arguments(settings, services, planning)
    engine = settings.engine()
    began = time.time()
    plans: list[Plan] = []

    def events(cancel: Cancel) -> Iterator[Event]:
        for event in api.up(
            stack, engine, cancel=cancel, lock_timeout=lock_timeout, waiting=settings.tell_holder, **arguments
        ):
            if isinstance(event, Planned):
                plans.append(event.plan)
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
        return _stay(settings, stack, engine, services, began)
    return code


def _stay(settings: Settings, stack: Stack, engine: Engine, services: tuple[str, ...], began: float) -> int:
    """Show the logs from `began` on, in seconds since the epoch, until they end, nobody reads them or Ctrl-C.

    Then stop what was asked for, as Compose does: what came along as a dependency goes on.
    """
    from stackctl import api
    from stackctl.cli import follow as runs
    from stackctl.cli.commands.logs import show
    from stackctl.project import Project

    found = api.containers(engine, stack.project, services, stack.everything)
    lines = engine.logs([c.id for c in found], follow=True, since=f"{began:.9f}")
    style, as_json = settings.style(sys.stdout), settings.progress == "json"
    try:
        with runs.interruptible():
            show(lines, found, style=style, as_json=as_json)
    except KeyboardInterrupt:
        print("stopping; Ctrl-C again leaves at once", file=sys.stderr)
    except BrokenPipeError:
        silence(sys.stdout)
    if not any(c.running for c in api.containers(engine, stack.project, services, stack.everything)):
        print("nothing is left to stop: all has ended", file=sys.stderr)
        return 0
    project = Project(stack, engine, waiting=settings.tell_holder)
    _, code = runs.follow(
        settings,
        "stackctl up",
        lambda cancel: project.stop(services, cancel=cancel),
        source=stack.files[0].name,
    )
    return code

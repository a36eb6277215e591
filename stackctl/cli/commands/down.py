"""stackctl down"""

from __future__ import annotations

import sys
from typing import Literal

import click

from stackctl import api
from stackctl.cli.follow import follow
from stackctl.cli.operate import asks, confirmed, stack_or_labels
from stackctl.cli.options import grace_option, lock_timeout_option, pass_settings, services_argument
from stackctl.cli.settings import Settings
from stackctl.errors import UsageError
from stackctl.looking import Looking
from stackctl.planner.steps.plan import Plan
from stackctl.show.lost import lost_text
from stackctl.spec.model import Stack


@click.command("down")
@services_argument
@click.option("-v", "--volumes", is_flag=True, help="Remove the volumes too: the data is lost.")
@click.option(
    "--rmi",
    type=click.Choice(["local", "all"]),
    help="Remove images, too: those that are built and have no name of their own, or all of the stack.",
)
@click.option("-y", "--yes", is_flag=True, help="Do not ask before data is lost.")
@grace_option
@click.option(
    "--remove-orphans",
    is_flag=True,
    expose_value=False,
    help="Accepted for Compose's sake: down always removes them.",
)
@click.option("--adopt", is_flag=True, help="Remove also a project that was started from another directory.")
@lock_timeout_option
@pass_settings
def command(
    settings: Settings,
    services: tuple[str, ...],
    volumes: bool,
    rmi: Literal["local", "all"] | None,
    yes: bool,
    timeout: int | None,
    adopt: bool,
    lock_timeout: float,
) -> int:
    """Remove the stack; its data stays

    Stops and removes every container of the project, whatever its profile, and its networks. Works from the labels of what is
    there when stack.toml is missing or broken. What was started from another directory under the same name is refused.

    \b
    Examples:
      stackctl down                keep the volumes
      stackctl down --volumes      lose the data, too
      stackctl down --rmi local    remove what was built, too
      stackctl down api            only this one
      stackctl -p shop down        a project by its name
    """
    stack = stack_or_labels(settings)
    project = stack.project if stack else settings.project()
    engine = settings.engine()
    if services:
        Looking(stack or Stack(project=project), engine).containers(services)  # refuses names of no service

    if rmi and stack is None:
        print("note: images are kept: only the file says which are of the stack", file=sys.stderr)

    def confirm(plan: Plan) -> bool:
        if not plan.steps and not plan.notes and settings.progress not in ("json", "quiet"):
            print(f"note: nothing to remove for project {project}", file=sys.stderr)
        if yes or not plan.loses_data:
            return True
        lost = lost_text(api.doomed(plan, engine), style=settings.style(sys.stderr))
        if asks():
            print(f"These volumes and all data in them will be removed:\n\n{lost}\n", file=sys.stderr)
            return confirmed("Remove them?")
        if stack is None:
            raise UsageError(
                f"without a stack that says what to keep, this would remove:\n{lost}",
                "if it may go, say --yes",
            )
        return True

    options = api.DownOptions(
        rmi=rmi, services=services, volumes=volumes, grace=timeout, adopt=adopt, source=settings.source()
    )
    _, code = follow(
        settings,
        "stackctl down",
        lambda cancel: api.down(
            project,
            engine,
            stack=stack,
            options=options,
            cancel=cancel,
            lock_timeout=lock_timeout,
            waiting=settings.tell_holder,
            confirm=confirm,
        ),
        stack=stack,
    )
    return code

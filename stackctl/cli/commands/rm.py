"""stackctl rm"""

from __future__ import annotations

import click

from stackctl.cli.operate import asks, confirmed, operate
from stackctl.cli.options import grace_option, lock_timeout_option, pass_settings, services_argument
from stackctl.cli.settings import Settings
from stackctl.errors import UsageError
from stackctl.planner.life.options import RemoveOptions
from stackctl.planner.steps.actions import RemoveContainer
from stackctl.planner.steps.plan import Plan


@click.command("rm")
@services_argument
@click.option("-f", "--force", is_flag=True, help="Do not ask.")
@click.option("-s", "--stop", is_flag=True, help="Stop containers first that run.")
@click.option("-v", "--volumes", is_flag=True, help="Remove their anonymous volumes too: that data is lost.")
@grace_option
@lock_timeout_option
@pass_settings
def command(
    settings: Settings,
    services: tuple[str, ...],
    force: bool,
    stop: bool,
    volumes: bool,
    timeout: int | None,
    lock_timeout: float,
) -> int:
    """Remove containers that do not run

    Networks and named volumes stay; what a container has written elsewhere is lost. A container that runs stays, unless --stop is
    given. One-offs of run stay, unless they are called by their own names; down removes them.

    \b
    Examples:
      stackctl rm                 what has stopped
      stackctl rm -fs api         api, also if it runs; up makes a fresh one
      stackctl rm -fsv db         with its anonymous volumes
    """

    def confirm(plan: Plan) -> bool:
        removed = [s.action.name for s in plan.steps if isinstance(s.action, RemoveContainer)]
        names = ", ".join([*removed, *plan.loses_data])
        if force or not names:
            return True
        if not asks():
            raise UsageError(f"this would remove {names}", "nobody can be asked here: --force agrees")
        return confirmed(f"Remove {names}?")

    options = RemoveOptions(stop=stop, volumes=volumes, grace=timeout)
    return operate(
        settings,
        "rm",
        lock_timeout,
        lambda project, cancel: project.remove(services, options, cancel=cancel, confirm=confirm),
    )

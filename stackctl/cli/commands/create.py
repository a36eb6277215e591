"""stackctl create"""

from __future__ import annotations

from typing import Any

import click

from stackctl.cli.commands.plan import show
from stackctl.cli.options import lock_timeout_option, pass_settings, services_argument
from stackctl.cli.plan_arguments import plan_arguments
from stackctl.cli.plan_options import check_planning_options, making_options
from stackctl.cli.settings import Settings
from stackctl.cli.up_run import run_up
from stackctl.planner.steps.actions import PullImage


@click.command("create")
@services_argument
@making_options
@click.option("--dry-run", is_flag=True, help="Show what it would do, as plan does.")
@click.option("--quiet-pull", is_flag=True, help="Do not show how far pulls are.")
@click.option(
    "-y", "--yes", is_flag=True, expose_value=False, help="Accepted for Compose's sake: create asks nothing."
)
@lock_timeout_option
@pass_settings
def command(
    settings: Settings,
    services: tuple[str, ...],
    lock_timeout: float,
    dry_run: bool,
    quiet_pull: bool,
    **planning: Any,
) -> int:
    """Make the containers of the stack, and start none

    The same as up --no-start: images, networks, volumes and containers are made as the file says. What has changed is recreated,
    and then does not run. start starts them.

    \b
    Examples:
      stackctl create              everything
      stackctl create api          api and what it depends on
    """
    check_planning_options(planning)
    stack = settings.load_asked(
        services,
        strict=planning["strict"],
        dependencies=not planning["no_deps"],
        scale=planning["scale"],
    )
    arguments = plan_arguments(settings, services, {**planning, "no_start": True, "wait_timeout": 0.0})
    if dry_run:
        return show(settings, stack, arguments)
    unseen = (PullImage,) if quiet_pull else ()
    return run_up(
        settings, stack, arguments, lock_timeout=lock_timeout, unseen=unseen, command="stackctl create"
    )

"""stackctl up"""

from __future__ import annotations

from typing import Any

import click

from stackctl.cli.global_options import GlobalOptions
from stackctl.cli.options import lock_timeout_option, pass_options, services_argument
from stackctl.cli.plan_options import check_planning_options, planning_options


@click.command("up")
@services_argument
@planning_options
@click.option(
    "-d", "--detach", is_flag=True, help="Accepted for Compose's sake: up always returns when all is ready."
)
@click.option("--wait", is_flag=True, help="Accepted for Compose's sake: up always waits.")
@click.option("--follow", is_flag=True, help="Stay with the logs; Ctrl-C stops the stack.")
@click.option("--quiet-pull", is_flag=True, help="Show no progress of pulls.")
@click.option("--quiet-build", is_flag=True, help="Show no output of builds; one that fails says why.")
@lock_timeout_option
@pass_options
def command(
    options: GlobalOptions,
    /,
    services: tuple[str, ...],
    lock_timeout: float,
    follow: bool,
    detach: bool,
    wait: bool,
    quiet_pull: bool,
    quiet_build: bool,
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
      stackctl up --scale api=3       three containers of api
      stackctl --profile debug up     with the services of a profile
    """
    check_planning_options(planning)
    if follow and (detach or wait):
        raise click.UsageError("--follow stays, --detach and --wait return: choose one")
    from stackctl.cli.settings import Settings

    settings = Settings.of(options)
    stack = settings.load_asked(
        services,
        strict=planning["strict"],
        dependencies=not planning["no_deps"],
        scale=planning["scale"],
    )
    settings.engine().expect()
    from stackctl.cli.plan_arguments import plan_arguments  # they are loaded while the engine answers
    from stackctl.cli.up_run import run_up
    from stackctl.planner.steps.actions import BuildImage, PullImage

    arguments = plan_arguments(settings, services, planning)
    unseen = (*((PullImage,) if quiet_pull else ()), *((BuildImage,) if quiet_build else ()))
    return run_up(settings, stack, arguments, lock_timeout=lock_timeout, follow=follow, unseen=unseen)

"""stackctl restart"""

from __future__ import annotations

import click

from stackctl.cli.operate import operate
from stackctl.cli.options import (
    grace_option,
    lock_timeout_option,
    pass_settings,
    services_argument,
    wait_timeout_option,
)
from stackctl.cli.settings import Settings
from stackctl.planner.before.images import ImageOptions
from stackctl.planner.life.options import StartOptions
from stackctl.planner.view.slots import UpOptions


@click.command("restart")
@services_argument
@grace_option
@click.option("--no-deps", is_flag=True, help="Leave services alone that ask to restart with these.")
@click.option("--apply", is_flag=True, help="Recreate what has changed in the file, as up does.")
@wait_timeout_option
@lock_timeout_option
@pass_settings
def command(
    settings: Settings,
    services: tuple[str, ...],
    timeout: int | None,
    no_deps: bool,
    apply: bool,
    wait_timeout: float,
    lock_timeout: float,
) -> int:
    """Stop containers and start them again

    The containers stay the same, with the secrets and configs that they have: a note says if the file has changed since they were
    made, and --apply recreates those.
    Dependents stop first and start last. A service with `depends_on.NAME.restart = true` restarts with NAME.

    \b
    Examples:
      stackctl restart api            stop it, start it, wait until it is ready
      stackctl restart --apply api    with what has changed in the file
      stackctl restart --no-deps db   db alone
    """
    if apply:
        stack = settings.load(services, dependencies=not no_deps)
        up = UpOptions(restart=services or tuple(stack.everything), wait_timeout=wait_timeout, grace=timeout)
        selection = settings.selection(services, dependencies=not no_deps)
        return operate(
            settings,
            "restart --apply",
            lock_timeout,
            lambda project, cancel: project.up(selection, up, ImageOptions(), cancel=cancel),
            stack=stack,
        )
    options = StartOptions(
        services=services, wait_timeout=wait_timeout, grace=timeout, dependents=not no_deps
    )
    return operate(
        settings,
        "restart",
        lock_timeout,
        lambda project, cancel: project.restart(options, settings.selection(), cancel=cancel),
        stack=settings.load_leniently(),
    )

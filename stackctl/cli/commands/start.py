"""stackctl start"""

from __future__ import annotations

import click

from stackctl.cli.operate import operate
from stackctl.cli.options import lock_timeout_option, pass_settings, services_argument, wait_timeout_option
from stackctl.cli.settings import Settings
from stackctl.planner.life.options import StartOptions


@click.command("start")
@services_argument
@click.option(
    "--wait", is_flag=True, expose_value=False, help="Accepted for Compose's sake: start always waits."
)
@wait_timeout_option
@lock_timeout_option
@pass_settings
def command(settings: Settings, services: tuple[str, ...], wait_timeout: float, lock_timeout: float) -> int:
    """Start containers that were stopped

    Starts what the services depend on first, and returns when all is ready. No container is made or changed: up does that.

    \b
    Examples:
      stackctl start              everything that has a container
      stackctl start api          api and what it depends on
    """
    options = StartOptions(services=services, wait_timeout=wait_timeout)
    return operate(
        settings,
        "start",
        lock_timeout,
        lambda project, cancel: project.start(options, settings.selection(), cancel=cancel),
        stack=settings.load_leniently(),
    )

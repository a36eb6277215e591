"""stackctl unpause"""

from __future__ import annotations

import click

from stackctl.cli.operate import operate
from stackctl.cli.options import lock_timeout_option, pass_settings, services_argument
from stackctl.cli.settings import Settings


@click.command("unpause")
@services_argument
@lock_timeout_option
@pass_settings
def command(settings: Settings, services: tuple[str, ...], lock_timeout: float) -> int:
    """Let paused containers go on

    Their processes go on where pause has stopped them.

    \b
    Examples:
      stackctl unpause db
      stackctl unpause            all that are paused
    """
    return operate(
        settings, "unpause", lock_timeout, lambda project, cancel: project.unpause(services, cancel=cancel)
    )

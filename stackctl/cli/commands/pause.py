"""stackctl pause"""

from __future__ import annotations

import click

from stackctl.cli.operate import operate
from stackctl.cli.options import lock_timeout_option, pass_settings, services_argument
from stackctl.cli.settings import Settings


@click.command("pause")
@services_argument
@lock_timeout_option
@pass_settings
def command(settings: Settings, services: tuple[str, ...], lock_timeout: float) -> int:
    """Freeze containers

    Their processes stop where they are and go on with unpause. They keep addresses and ports, but do not answer: so a test can see
    what a hanging service does to the others.

    \b
    Examples:
      stackctl pause db           the database hangs
      stackctl pause              everything hangs
    """
    return operate(
        settings, "pause", lock_timeout, lambda project, cancel: project.pause(services, cancel=cancel)
    )

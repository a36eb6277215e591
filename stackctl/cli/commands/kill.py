"""stackctl kill"""

from __future__ import annotations

import click

from stackctl.cli.operate import operate
from stackctl.cli.options import lock_timeout_option, pass_settings, services_argument
from stackctl.cli.settings import Settings


@click.command("kill")
@services_argument
@click.option("-s", "--signal", default="SIGKILL", metavar="SIGNAL", help="The signal to send (SIGKILL).")
@lock_timeout_option
@pass_settings
def command(settings: Settings, services: tuple[str, ...], signal: str, lock_timeout: float) -> int:
    """Send a signal to containers, to end them at once

    The containers are kept. One-offs of run go on, unless they are called by their own names.

    \b
    Examples:
      stackctl kill api               end it now
      stackctl kill -s SIGHUP proxy   let it read its configuration again
    """
    return operate(
        settings,
        "kill",
        lock_timeout,
        lambda project, cancel: project.kill(services, signal=signal, cancel=cancel),
    )

"""stackctl stop"""

from __future__ import annotations

import click

from stackctl.cli.operate import operate
from stackctl.cli.options import grace_option, lock_timeout_option, pass_settings, services_argument
from stackctl.cli.settings import Settings


@click.command("stop")
@services_argument
@grace_option
@lock_timeout_option
@pass_settings
def command(settings: Settings, services: tuple[str, ...], timeout: int | None, lock_timeout: float) -> int:
    """Stop containers and keep them

    Dependents stop before what they depend on. The containers stay, with all that they have written; start goes on with them.
    Works from the labels of what is there when stack.toml is missing or broken. One-offs of run go on, unless they are called
    by their own names.

    \b
    Examples:
      stackctl stop               everything
      stackctl stop api           only this one
      stackctl stop -t 0          without time to say goodbye
      stackctl -p shop stop       a project by its name
    """
    return operate(
        settings,
        "stop",
        lock_timeout,
        lambda project, cancel: project.stop(services, grace=timeout, cancel=cancel),
    )

"""stackctl scale"""

from __future__ import annotations

import click

from stackctl.cli.options import complete_services, lock_timeout_option, pass_settings
from stackctl.cli.plan_options import scale_of
from stackctl.cli.settings import Settings
from stackctl.cli.up_run import run_up


@click.command("scale")
@click.argument(
    "counts",
    nargs=-1,
    required=True,
    callback=scale_of,
    metavar="SERVICE=NUMBER...",
    shell_complete=complete_services,
)
@click.option("--no-deps", is_flag=True, help="Without what these services depend on.")
@lock_timeout_option
@pass_settings
def command(settings: Settings, /, counts: dict[str, int], no_deps: bool, lock_timeout: float) -> int:
    """Change how many containers services have

    The same as `up SERVICE --scale SERVICE=NUMBER`. The next `up` goes back to the number in the file: a number that is to
    stay belongs there, as `scale`.

    \b
    Examples:
      stackctl scale api=3
      stackctl scale api=3 worker=0
    """
    services = tuple(counts)
    stack = settings.load_asked(services, strict=False, dependencies=not no_deps, scale=counts)
    selection = settings.selection(services, dependencies=not no_deps)
    return run_up(settings, stack, {"selection": selection}, lock_timeout=lock_timeout)

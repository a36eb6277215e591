"""stackctl attach"""

from __future__ import annotations

import click

from stackctl.cli.options import complete_services, index_option, pass_settings
from stackctl.cli.settings import Settings
from stackctl.engine.protocol import Attach
from stackctl.looking import Looking


@click.command("attach")
@click.argument("service", shell_complete=complete_services)
@index_option
@click.option("--no-stdin", is_flag=True, help="Do not pass on what is typed.")
@click.option(
    "--sig-proxy",
    type=bool,
    default=True,
    metavar="true|false",
    help="Pass signals on to the process (true).",
)
@click.option("--detach-keys", default="", metavar="KEYS", help="Leave with these keys: ctrl-x,q.")
@pass_settings
def command(
    settings: Settings, service: str, index: int | None, no_stdin: bool, sig_proxy: bool, detach_keys: str
) -> int:
    """Connect this terminal with the main process of a container

    It reads what you type if the service has stdin_open. Ends with the exit code of the process. Ctrl-P Ctrl-Q leaves it running if it has a
    terminal.

    \b
    Examples:
      stackctl attach api
      stackctl attach --no-stdin --sig-proxy=false api     only look, as logs -f does
    """
    stack = settings.load_leniently()
    engine = settings.engine()
    container = Looking(stack, engine).running_container(service, index)
    settings.tell_whose(stack, [container.source])
    inspected = engine.inspect(container.id)
    return engine.attach(
        Attach(
            container=container.id,
            tty=inspected.tty and not no_stdin,
            stdin=inspected.stdin_open and not no_stdin,
            signals=sig_proxy,
            detach_keys=detach_keys,
        )
    )

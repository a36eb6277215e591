"""stackctl exec"""

from __future__ import annotations

import sys

import click

from stackctl.cli.options import complete_services, index_option, no_tty_option, pass_settings, tty_option
from stackctl.cli.settings import Settings
from stackctl.cli.variables import variable
from stackctl.engine.protocol import Exec
from stackctl.looking import Looking


@click.command("exec", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option(
    "-i",
    "--interactive",
    is_flag=True,
    expose_value=False,
    help="Accepted for docker's sake: stdin is always passed on.",
)
@tty_option
@no_tty_option
@click.option("-d", "--detach", is_flag=True, help="Start it and return.")
@click.option(
    "-e", "--env", multiple=True, metavar="NAME=VALUE", help="Set a variable; a name alone takes yours."
)
@click.option("-u", "--user", metavar="USER", help="As this user.")
@click.option("-w", "--workdir", metavar="DIR", help="In this directory.")
@click.option("--privileged", is_flag=True, help="With all rights.")
@index_option
@click.argument("service", shell_complete=complete_services)
@click.argument("argv", nargs=-1, required=True, type=click.UNPROCESSED, metavar="COMMAND [ARG]...")
@pass_settings
def command(
    settings: Settings,
    service: str,
    argv: tuple[str, ...],
    tty: bool | None,
    detach: bool,
    env: tuple[str, ...],
    user: str | None,
    workdir: str | None,
    privileged: bool,
    index: int | None,
) -> int:
    """Run a command in a running container

    SERVICE is a service's or a container's name. Ends with the command's own exit code.

    \b
    Examples:
      stackctl exec -it api bash
      stackctl exec db psql -U postgres
      echo 'SELECT 1' | stackctl exec -T db psql -U postgres
    """
    stack = settings.load_leniently()
    engine = settings.engine()
    container = Looking(stack, engine).running_container(service, index)
    settings.tell_whose(stack, [container.source])
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    return engine.interact(
        Exec(
            container=container.id,
            argv=argv,
            environment=dict(variable(text) for text in env),
            user=user,
            working_dir=workdir,
            tty=terminal if tty is None else tty,
            stdin=not detach,
            privileged=privileged,
            detach=detach,
        )
    )

"""stackctl ps"""

from __future__ import annotations

import sys

import click

from stackctl.cli.options import pass_settings, services_argument
from stackctl.cli.settings import Settings
from stackctl.looking import Looking
from stackctl.show.tables import ps_json, ps_text
from stackctl.spec.output.redact import secrets, without


@click.command("ps")
@services_argument
@click.option("-a", "--all", "show_all", is_flag=True, help="Stopped ones, too.")
@click.option("-q", "--quiet", is_flag=True, help="Only the ids.")
@click.option("--services", "only_services", is_flag=True, help="Only the services' names.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json"]),
    default="table",
    help="A table, or JSON in Compose's shape.",
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@pass_settings
def command(
    settings: Settings,
    services: tuple[str, ...],
    show_all: bool,
    quiet: bool,
    only_services: bool,
    form: str,
    as_json: bool,
) -> int:
    """List containers, as docker compose ps does

    \b
    Examples:
      stackctl ps
      stackctl ps -a --format json
      docker inspect $(stackctl ps -q db)
    """
    stack = settings.load_leniently()
    found = Looking(stack, settings.engine()).containers(services)
    settings.tell_whose(stack, (c.source for c in found))
    shown = [c for c in found if show_all or c.running]
    if quiet:
        text = "\n".join(c.id for c in shown)
    elif only_services:
        text = "\n".join(dict.fromkeys(c.service for c in shown))
    elif as_json or form == "json":
        text = ps_json(shown)
    else:
        text = ps_text(shown, style=settings.style(sys.stdout))
    if text:
        print(without(text, secrets((*stack.everything.values(),))))
    return 0

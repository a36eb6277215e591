"""stackctl ps"""

from __future__ import annotations

import json
import sys

import click

from stackctl.cli.options import format_option, pass_settings, services_argument
from stackctl.cli.settings import Settings
from stackctl.errors import UsageError
from stackctl.looking import Looking
from stackctl.show.lists.containers import (
    FIELDS,
    TITLES,
    containers_as_compose,
    containers_json,
    containers_text,
)
from stackctl.show.text.safe import one_line
from stackctl.show.text.template import formatted
from stackctl.spec.output.redact import common_words_of, secrets_of, without

_STATES = ("created", "running", "paused", "restarting", "removing", "exited", "dead")


@click.command("ps")
@services_argument
@click.option("-a", "--all", "show_all", is_flag=True, help="Stopped ones, and those of `run`, too.")
@click.option("-q", "--quiet", is_flag=True, help="Only the ids.")
@click.option("--services", "only_services", is_flag=True, help="Only the services' names.")
@click.option(
    "--status",
    "states",
    multiple=True,
    type=click.Choice(_STATES),
    metavar="STATE",
    help=f"Only those in this state: {', '.join(_STATES)}.",
)
@click.option("--filter", "filters", multiple=True, metavar="status=STATE", help="The same as --status.")
@click.option(
    "--orphans",
    type=bool,
    is_flag=False,
    flag_value=True,
    default=True,
    metavar="true|false",
    help="With those whose service the file no longer has (true).",
)
@click.option("--no-orphans", is_flag=True, help="The same as --orphans=false.")
@click.option("--no-trunc", is_flag=True, help="Cut nothing.")
@format_option
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@pass_settings
def command(
    settings: Settings,
    services: tuple[str, ...],
    show_all: bool,
    quiet: bool,
    only_services: bool,
    states: tuple[str, ...],
    filters: tuple[str, ...],
    orphans: bool,
    no_orphans: bool,
    no_trunc: bool,
    form: str,
    as_json: bool,
) -> int:
    """List containers, as docker compose ps does

    \b
    Examples:
      stackctl ps
      stackctl ps -a --format json
      stackctl ps --status exited --format '{{.Service}} {{.ExitCode}}'
      docker inspect $(stackctl ps -q db)
    """
    wanted = {*states, *map(_state, filters)}
    stack = settings.load_leniently()
    found = Looking(stack, settings.engine()).containers(services)
    settings.tell_whose(stack, (c.source for c in found))
    shown = [
        c
        for c in found
        if (c.state in wanted if wanted else show_all or c.running)
        and (show_all or c.kind != "run")
        and ((orphans and not no_orphans) or c.service in stack.everything)
    ]
    style = settings.style(sys.stdout)
    if quiet:
        text = "\n".join(c.id for c in shown)
    elif only_services:
        text = "\n".join(dict.fromkeys(one_line(c.service) for c in shown))
    elif as_json:
        text = json.dumps(containers_json(shown, stack.project), indent=2)
    elif form != "table":
        text = formatted(form, containers_as_compose(shown, whole=no_trunc), FIELDS, TITLES, style)
    else:
        text = containers_text(shown, style=style, whole=no_trunc)
    if text:
        print(without(text, secrets_of(stack, stack.everything), common_words_of(stack)))
    return 0


def _state(text: str) -> str:
    key, _, value = text.partition("=")
    if key != "status":
        raise UsageError(f"--filter: there is no filter {key!r}", "there is: status=STATE")
    if value not in _STATES:
        raise UsageError(f"--filter: there is no state {value!r}", f"there are: {', '.join(_STATES)}")
    return value

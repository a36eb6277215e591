"""stackctl top"""

from __future__ import annotations

import json
import sys

import click

from stackctl.cli.options import pass_settings, services_argument
from stackctl.cli.settings import Settings
from stackctl.looking import Looking
from stackctl.show.lists.processes import processes_json, processes_text


@click.command("top")
@services_argument
@click.option(
    "-o", "--options", "columns", metavar="OPTIONS", default="", help="Options of ps(1), such as aux."
)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@pass_settings
def command(settings: Settings, services: tuple[str, ...], columns: str, as_json: bool) -> int:
    """List the processes of running containers

    \b
    Examples:
      stackctl top
      stackctl top api -o 'axo pid,rss,args'
    """
    stack = settings.load_leniently()
    engine = settings.engine()
    there = Looking(stack, engine).containers(services)
    settings.tell_whose(stack, (c.source for c in there))
    running = [c for c in there if c.state in ("running", "paused")]
    found = [(container, engine.processes(container.id, columns)) for container in running]
    if as_json:
        print(json.dumps(processes_json(found, stack.project), indent=2))
    elif found:
        print(processes_text(found, style=settings.style(sys.stdout)))
    return 0

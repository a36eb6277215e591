"""stackctl reach"""

from __future__ import annotations

import json
import re
import sys

import click

from stackctl.cli.options import complete_services, pass_settings
from stackctl.cli.settings import Settings
from stackctl.errors import UsageError
from stackctl.reaching import Routes
from stackctl.show.lists.route import route_json, route_text


@click.command("reach")
@click.argument("client", metavar="FROM", shell_complete=complete_services)
@click.argument("target", metavar="TO[:PORT]", shell_complete=complete_services)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@pass_settings
def command(settings: Settings, client: str, target: str, as_json: bool) -> int:
    """Find out why a service does not reach another

    Looks from inside the container of FROM: does it say the right address, do both run, is there a network in common, does the name
    lead to the right container, does something listen on the port, does it answer. Without PORT it asks the ports that the
    variables of FROM name, else the one that TO is known for. TO may also be localhost, as FROM says it, or a host outside of the
    stack. Ends with 0 if FROM reaches TO, with 1 if not.

    \b
    Examples:
      stackctl reach api db
      stackctl reach api db:5432
      stackctl reach api host.docker.internal:8000
      stackctl reach api db --json
    """
    host, port = _target(target)
    stack = settings.load_leniently()
    verdicts = Routes(stack, settings.engine()).reach(client, host, port)
    if as_json:
        print(json.dumps(route_json(verdicts, stack.project), indent=2))
    else:
        print(route_text(verdicts, style=settings.style(sys.stdout)))
    return 0 if all(verdict.reachable for verdict in verdicts) else 1


def _target(text: str) -> tuple[str, int | None]:
    """Host and port of `db`, `db:5432` and `[::1]:80`. Raises UsageError."""
    match = re.fullmatch(r"(?:\[([^\[\]]+)\]|([^:\[\]]+))(?::(\d+))?", text)
    port = int(match[3]) if match and match[3] else None
    if match is None or not (port is None or 0 < port < 65536):
        raise UsageError(
            f"{text!r} is neither a name nor NAME:PORT", "an IPv6 address stands in brackets: [::1]:80"
        )
    return match[1] or match[2], port

"""stackctl status"""

from __future__ import annotations

import json
import sys

import click

from stackctl.cli.exit_codes import CHANGES
from stackctl.cli.options import pass_settings, services_argument
from stackctl.cli.settings import Settings


@click.command("status")
@services_argument
@click.option("--exit-code", is_flag=True, help="Exit with 10 if something differs from the file.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@pass_settings
def command(settings: Settings, services: tuple[str, ...], exit_code: bool, as_json: bool) -> int:
    """Compare what is there with the file: state, health, URLs, drift

    \b
    Examples:
      stackctl status
      stackctl status --exit-code >/dev/null || stackctl up
      stackctl status --json
    """
    stack = settings.load_leniently()
    selection = settings.selection(services, dependencies=not services)
    engine = settings.engine()
    engine.expect(stack.project)
    # All this is loaded while the engine answers.
    if not as_json:
        import tabulate  # noqa: F401 the table needs it
    from stackctl.comparing import Comparing
    from stackctl.show.tables import status_json, status_text

    rows = Comparing(stack, engine).status(selection)
    settings.tell_whose(stack, (row.source for row in rows))
    if as_json:
        print(json.dumps(status_json(rows, stack.project), indent=2))
    else:
        print(status_text(rows, style=settings.style(sys.stdout)))
    return CHANGES if exit_code and any(row.drift for row in rows) else 0

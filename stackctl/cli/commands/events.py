"""stackctl events"""

from __future__ import annotations

import click

from stackctl.cli.options import pass_settings, services_argument
from stackctl.cli.settings import Settings
from stackctl.looking import Looking
from stackctl.planner.world.labels import SERVICE
from stackctl.show.lists.happened import event_json, event_text


@click.command("events")
@services_argument
@click.option("--json", "as_json", is_flag=True, help="As JSON, one object a line.")
@click.option("--since", metavar="TIME", help="First what happened since then: 5m, or 2026-01-31T12:00:00.")
@click.option("--until", metavar="TIME", help="End then; 0s is now.")
@pass_settings
def command(
    settings: Settings, services: tuple[str, ...], as_json: bool, since: str | None, until: str | None
) -> int:
    """Show what happens to containers, as it happens

    Ends with Ctrl-C, or at --until. Commands that health checks run are events, too.

    \b
    Examples:
      stackctl events api
      stackctl events --since 10m --until 0s
      stackctl events --json | jq -r 'select(.action == "die") | .service'
    """
    stack = settings.load_leniently()
    engine = settings.engine()
    Looking(stack, engine).containers(services)  # a name that nobody has is a mistake
    for event in engine.events(stack.project, since=since, until=until):
        if not services or {event.attributes.get(SERVICE), event.attributes.get("name")} & {*services}:
            print(event_json(event) if as_json else event_text(event), flush=True)
    return 0

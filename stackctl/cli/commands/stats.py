"""stackctl stats"""

from __future__ import annotations

import json
import sys
import time

import click

from stackctl.cli.options import format_option, pass_settings, services_argument
from stackctl.cli.settings import Settings
from stackctl.engine.protocol import Engine
from stackctl.looking import Looking
from stackctl.planner.world.asked import Counters
from stackctl.planner.world.observed import ObservedContainer
from stackctl.show.lists.usage import FIELDS, TITLES, Usage, usage_as_compose, usage_json, usage_text
from stackctl.show.text.safe import unguarded
from stackctl.show.text.style import is_terminal
from stackctl.show.text.template import formatted

_PAUSE = 1.0
"""Seconds between two looks."""
_HOME = "\x1b[H\x1b[J"
"""Clear the terminal and begin at its top (ECMA-48: CUP, ED)."""


@click.command("stats")
@services_argument
@click.option("-a", "--all", "show_all", is_flag=True, help="Stopped ones, too.")
@click.option("--no-stream", is_flag=True, help="Only once.")
@click.option("--no-trunc", is_flag=True, help="Whole ids.")
@format_option
@click.option("--json", "as_json", is_flag=True, help="As JSON, one object a line for each second.")
@pass_settings
def command(
    settings: Settings,
    services: tuple[str, ...],
    show_all: bool,
    no_stream: bool,
    no_trunc: bool,
    form: str,
    as_json: bool,
) -> int:
    """Show what containers use of processor, memory and network

    A new table each second, until Ctrl-C. 100 % is one processor.

    \b
    Examples:
      stackctl stats
      stackctl stats --no-stream --json api
      stackctl stats --no-stream --format '{{.Name}} {{.MemUsage}}'
    """
    stack = settings.load_leniently()
    engine = settings.engine()
    looking = Looking(stack, engine)
    style, terminal = settings.style(sys.stdout), is_terminal(sys.stdout)
    before: dict[str, Counters] = {}
    there = looking.containers(services)
    settings.tell_whose(stack, (c.source for c in there))
    first = True
    while True:
        shown = [c for c in there if show_all or c.running]
        found, before = _used(engine, shown, before)
        if not first:
            if as_json:
                text = json.dumps(usage_json(found, stack.project))
            elif form != "table":
                text = formatted(form, usage_as_compose(found, whole=no_trunc), FIELDS, TITLES, style)
            else:
                text = usage_text(found, style=style)
            if terminal and not no_stream:
                unguarded(sys.stdout).write(_HOME)
            print(text, flush=True)
            if no_stream:
                return 0
            there = looking.containers(services)
        first = False
        if shown or not no_stream:
            time.sleep(_PAUSE)


def _used(
    engine: Engine, containers: list[ObservedContainer], before: dict[str, Counters]
) -> tuple[list[Usage], dict[str, Counters]]:
    """What the containers use now, compared with the counters before; and the counters of now."""
    now = dict(engine.counters([c.id for c in containers]))
    return [Usage(c, now[c.id], before.get(c.id, now[c.id])) for c in containers if c.id in now], now

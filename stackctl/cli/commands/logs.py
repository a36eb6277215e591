"""stackctl logs"""

from __future__ import annotations

import sys
from collections.abc import Iterable

import click

from stackctl.cli.options import index_option, pass_settings, services_argument
from stackctl.cli.settings import Settings
from stackctl.engine.protocol import LogLine
from stackctl.looking import Looking
from stackctl.planner.world.containers import with_number
from stackctl.planner.world.observed import ObservedContainer
from stackctl.show.log_lines import show_logs
from stackctl.show.text.style import PLAIN, Style


@click.command("logs")
@services_argument
@click.option("-f", "--follow", is_flag=True, help="Go on with what comes.")
@click.option("-n", "--tail", metavar="N", help="Only the last N lines of each container.")
@click.option("-t", "--timestamps", is_flag=True, help="With the engine's time of each line.")
@click.option("--since", metavar="TIME", help="From then on: 5m, or 2026-01-31T12:00:00.")
@click.option("--until", metavar="TIME", help="Up to then.")
@click.option("--no-log-prefix", is_flag=True, help="Without the container's name before each line.")
@click.option("--no-color", "plain", is_flag=True, help="Without colours.")
@index_option
@click.option("--json", "as_json", is_flag=True, help="As JSON, one object a line.")
@pass_settings
def command(
    settings: Settings,
    services: tuple[str, ...],
    follow: bool,
    tail: str | None,
    timestamps: bool,
    since: str | None,
    until: str | None,
    no_log_prefix: bool,
    plain: bool,
    index: int | None,
    as_json: bool,
) -> int:
    """Show what containers write

    Lines of several containers are merged by time.

    \b
    Examples:
      stackctl logs -f api db
      stackctl logs --tail 20 --since 5m
    """
    stack = settings.load_leniently()
    engine = settings.engine()
    found = with_number(Looking(stack, engine).containers(services), index)
    settings.tell_whose(stack, (c.source for c in found))
    lines = engine.logs([c.id for c in found], follow=follow, tail=_lines(tail), since=since, until=until)
    style = PLAIN if plain else settings.style(sys.stdout)
    show(lines, found, style=style, prefix=not no_log_prefix, timestamps=timestamps, as_json=as_json)
    return 0


def show(
    lines: Iterable[LogLine],
    containers: Iterable[ObservedContainer],
    *,
    style: Style,
    prefix: bool = True,
    timestamps: bool = False,
    as_json: bool = False,
) -> None:
    """Print the lines as they come."""
    show_logs(
        lines,
        {c.id: c for c in containers},
        sys.stdout,
        style=style,
        prefix=prefix,
        timestamps=timestamps,
        as_json=as_json,
    )


def _lines(tail: str | None) -> int | None:
    if tail is None or tail == "all":
        return None
    if not tail.isdigit():
        raise click.BadParameter(f"expected a number or all, found {tail!r}", param_hint="--tail")
    return int(tail)

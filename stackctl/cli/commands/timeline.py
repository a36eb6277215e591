"""stackctl timeline"""

from __future__ import annotations

import json
import sys

import click

from stackctl.cli.options import pass_settings
from stackctl.cli.output import write_text
from stackctl.cli.settings import Settings
from stackctl.engine.last_run import recall
from stackctl.errors import EngineError
from stackctl.show.timeline.page import timeline_page
from stackctl.show.timeline.text import timeline_text
from stackctl.show.timeline.values import timeline_json, timeline_trace


@click.command("timeline")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.option("--html", metavar="FILE", help="Write one page for a browser; it needs nothing else.")
@click.option("--trace", metavar="FILE", help="Write a trace for Perfetto or chrome://tracing.")
@pass_settings
def command(settings: Settings, as_json: bool, html: str | None, trace: str | None) -> int:
    """Show what took how long in the last up, and why

    A bar for each service: pull, build, create, start, and the wait until it is ready. Then the critical path, with the reason for
    each wait, and how much sooner `up` would have ended without a wait.

    The last `up`, `create` or `scale` from this machine that changed something is remembered in the user's cache directory.

    \b
    Examples:
      stackctl timeline
      stackctl timeline --html up.html
      stackctl timeline --trace up.json     open it at ui.perfetto.dev
    """
    project = settings.project()
    run = recall(settings.engine().id, project)
    if run is None:
        message = f"no run of project {project} is remembered for this engine"
        raise EngineError(
            message, "the next stackctl up that changes something is; up --timeline shows it at once"
        )
    if html:
        write_text(html, timeline_page(run))
    if trace:
        write_text(trace, json.dumps(timeline_trace(run)) + "\n")
    if as_json:
        print(json.dumps(timeline_json(run), indent=2))
    elif not (html or trace):
        print(timeline_text(run, settings.style(sys.stdout)))
    return 0

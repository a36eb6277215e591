"""stackctl ls"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable

import click

from stackctl.cli.options import pass_settings
from stackctl.cli.settings import Settings
from stackctl.errors import UsageError
from stackctl.planner.world.projects import ObservedProject, projects
from stackctl.show.lists.projects import projects_as_compose, projects_json, projects_text


@click.command("ls")
@click.option("-a", "--all", "show_all", is_flag=True, help="Those of which nothing runs, too.")
@click.option("-q", "--quiet", is_flag=True, help="Only the names.")
@click.option(
    "--filter", "filters", multiple=True, metavar="name=TEXT", help="Only those whose name has this in it."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json"]),
    default="table",
    help="A table, or JSON in Compose's shape.",
)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@pass_settings
def command(
    settings: Settings, show_all: bool, quiet: bool, filters: tuple[str, ...], form: str, as_json: bool
) -> int:
    """List the projects on the engine: state, age, directory

    Those that Docker Compose has made are listed as well. No file is read. With -p, only the project of that name.

    \b
    Examples:
      stackctl ls -a
      stackctl ls --filter name=shop
      stackctl -p $(stackctl ls -q | head -1) ps
    """
    wanted = _wanted(filters)
    found = [
        project
        for project in projects(settings.engine().containers(""))
        if (show_all or project.running) and wanted(project)
    ]
    if settings.project_name:
        found = [project for project in found if project.name == settings.project_name]
    if quiet:
        text = "\n".join(project.name for project in found)
    elif as_json:
        text = json.dumps(projects_json(found), indent=2)
    elif form == "json":
        text = json.dumps(projects_as_compose(found))
    else:
        text = projects_text(found, now=time.time(), style=settings.style(sys.stdout))
    if text:
        print(text)
    return 0


def _wanted(filters: tuple[str, ...]) -> Callable[[ObservedProject], bool]:
    """As Compose: the name has one of the texts in it, which may be regular expressions."""
    patterns = []
    for text in filters:
        key, _, value = text.partition("=")
        if key != "name":
            raise UsageError(f"--filter: there is no filter {key!r}", "there is: name=TEXT")
        try:
            patterns.append(re.compile(value))
        except re.error as error:
            raise UsageError(f"--filter: {value!r} is no regular expression: {error}") from error
    return lambda project: not patterns or any(pattern.search(project.name) for pattern in patterns)

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
from stackctl.engine.directories import branch_of, is_of_this_machine
from stackctl.errors import UsageError
from stackctl.planner.world import labels
from stackctl.planner.world.projects import ObservedProject, projects
from stackctl.show.lists.projects import (
    ListedProject,
    projects_as_compose,
    projects_json,
    projects_text,
)
from stackctl.show.text.safe import one_line


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
@click.option(
    "--size", "sizes", is_flag=True, help="How much data is in the volumes; the engine has to count."
)
@click.option("--stale", is_flag=True, help="Only those that nobody needs any more: what gc would take.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@pass_settings
def command(
    settings: Settings,
    show_all: bool,
    quiet: bool,
    filters: tuple[str, ...],
    form: str,
    sizes: bool,
    stale: bool,
    as_json: bool,
) -> int:
    """List the projects on the engine: state, branch, ports, directory

    Those that Docker Compose has made are listed as well. No file is read. With -p, only the project of that name. --stale lists
    those whose directory is gone, whose time is over (`up --for`), or whose test run has ended. With -a, also those that have left
    nothing but data.

    \b
    Examples:
      stackctl ls -a --size
      stackctl ls --stale
      stackctl ls --filter name=shop
      stackctl -p $(stackctl ls -q | head -1) ps
    """
    wanted, engine = _wanted(filters), settings.engine()
    reasons: dict[tuple[str, str], str] = {}
    if stale:
        from stackctl.left_over import find  # what is alive needs no look at this machine

        observed, found = find(engine)
        there = tuple(left.project for left in found)
        reasons = {(left.project.name, left.project.instance): left.why for left in found}
    elif show_all or sizes:
        observed = engine.observe()
        there = projects(observed.containers, observed.networks, observed.volumes)
    else:
        there = projects(engine.containers(""))
    listed = [
        project
        for project in there
        if (show_all or stale or project.running)
        and wanted(project)
        and settings.project_name in (None, project.name)
    ]
    if quiet:
        text = "\n".join(one_line(project.name) for project in listed)
        print(text, end="\n" if text else "")
        return 0
    bytes_of = engine.volume_sizes() if sizes else None
    rows = [
        ListedProject(
            project=project,
            branch=_branch(project),
            data=None if bytes_of is None else sum(bytes_of.get(name, 0) for name in project.data),
            stale=reasons.get((project.name, project.instance), ""),
        )
        for project in listed
    ]
    if as_json:
        text = json.dumps(projects_json(rows), indent=2)
    elif form == "json":
        text = json.dumps(projects_as_compose(rows))
    else:
        text = projects_text(rows, now=time.time(), style=settings.style(sys.stdout))
    if text:
        print(text)
    return 0


def _branch(project: ObservedProject) -> str:
    """The branch in the project's directory, if the directory is on this machine."""
    places = {thing.labels.get(labels.PLACE, "") for thing in project.things}
    here = any(place and is_of_this_machine(place) for place in places)
    return branch_of(project.directory) if here else ""


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

"""stackctl gc"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

import click

from stackctl import api
from stackctl.cli.follow import follow
from stackctl.cli.operate import asks, confirmed
from stackctl.cli.options import lock_timeout_option, pass_settings
from stackctl.cli.settings import Settings
from stackctl.collecting import Collecting
from stackctl.errors import LockedError, UsageError
from stackctl.left_over import find
from stackctl.planner.runs.left_over import LeftOver
from stackctl.planner.steps.plan import Plan
from stackctl.show.lists.left_over import left_over_json, left_over_text
from stackctl.show.lost import lost_text
from stackctl.show.text.safe import one_line

_SIGNAL = 128
"""A greater exit code says which signal has ended the command."""


@click.command("gc")
@click.option("-v", "--volumes", is_flag=True, help="Remove the volumes too: the data is lost.")
@click.option("-n", "--dry-run", is_flag=True, help="Only say what would be removed.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="With --dry-run: as JSON.")
@lock_timeout_option
@pass_settings
def command(
    settings: Settings, volumes: bool, dry_run: bool, yes: bool, as_json: bool, lock_timeout: float
) -> int:
    """Remove stacks whose directory is gone or whose time is over

    Takes also what test runs have left. These are the projects that `ls --stale` lists. Asks before it removes them. Data stays, unless --volumes is given; what is protected stays even
    then. What may belong to somebody alive is not taken: a directory of another machine or of a disk that is not mounted is not gone.
    With -p, only the project of that name.

    \b
    Examples:
      stackctl gc --dry-run        what would go, and why
      stackctl gc                  ask, then remove it
      stackctl gc --volumes --yes  with its data, for a job of every night
    """
    if as_json and not dry_run:
        raise click.UsageError("--json shows what would be removed: say --dry-run, too")
    engine = settings.engine()
    observed, found = find(engine)
    wanted = [left for left in found if settings.project_name in (None, left.project.name)]
    projects = [_collecting(settings, left, lock_timeout) for left in wanted]
    plans = [project.plan_collect(observed, volumes=volumes) for project in projects]
    taken = [
        (project, plan) for project, plan in zip(projects, plans, strict=True) if plan.steps or plan.notes
    ]
    shown = [(project.left, plan) for project, plan in taken]
    if as_json:
        print(json.dumps(left_over_json(shown), indent=2))
        return 0
    if not taken:
        print("nothing is left over", file=sys.stderr)
        return 0
    print(left_over_text(shown, settings.style(sys.stderr)), file=sys.stderr)
    lost = {name for _, plan in taken for name in plan.loses_data}
    for _, plan in taken if lost else ():
        if plan.loses_data:
            print(
                f"\n{lost_text(api.doomed(plan, engine), style=settings.style(sys.stderr))}", file=sys.stderr
            )
    if dry_run or not any(plan.steps for _, plan in taken):
        return 0
    if not yes:
        if not asks():
            raise UsageError("gc asks before it removes anything", "nobody can be asked here: --yes agrees")
        if not confirmed("Remove this, and the data in these volumes?" if lost else "Remove this?"):
            return 0

    def agreed(plan: Plan) -> bool:
        return lost.issuperset(plan.loses_data)

    worst = 0
    for project, plan in taken:
        if plan.steps:
            worst = max(worst, _collect(settings, project, volumes, agreed))
        if worst > _SIGNAL:
            break
    return worst


def _collect(settings: Settings, project: Collecting, volumes: bool, agreed: Callable[[Plan], bool]) -> int:
    """Remove what is left over of one project, unless another run works on it: then somebody needs it."""
    try:
        return follow(
            settings,
            "stackctl gc",
            lambda cancel: project.collect(volumes=volumes, cancel=cancel, confirm=agreed),
        )[1]
    except LockedError as error:
        print(f"note: {one_line(project.name)} is left alone: {error.message}", file=sys.stderr)
        return 0


def _collecting(settings: Settings, left: LeftOver, lock_timeout: float) -> Collecting:
    return Collecting(left, settings.engine(), lock_timeout=lock_timeout, waiting=settings.tell_holder)

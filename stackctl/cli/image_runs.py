"""What `build` and `pull` share: they follow an execution, and say so if there is nothing to do."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterator

from stackctl.cli import follow as runs
from stackctl.cli.settings import Settings
from stackctl.engine.execute import Cancel
from stackctl.planner.steps.events import Event
from stackctl.project import Project
from stackctl.spec.selection import Selection

Verb = Callable[[Project, Selection, Cancel], Iterator[Event]]


def run_images(
    settings: Settings, services: Collection[str], name: str, verb: Verb, *, dependencies: bool = False
) -> int:
    """Build or pull for the named services (with what they depend on if `dependencies`), or all."""
    dependencies = dependencies or not services
    stack = settings.load(services, dependencies=dependencies)
    project = Project(stack, settings.engine(), waiting=settings.tell_holder)
    selection = settings.selection(services, dependencies=dependencies)
    result, code = runs.follow(
        settings,
        f"stackctl {name}",
        lambda cancel: verb(project, selection, cancel),
        stack=stack,
    )
    if code == 0 and not result.changed and settings.progress != "quiet":
        print(f"nothing to {name}", file=sys.stderr)
    return code

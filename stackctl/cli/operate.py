"""What the commands that operate containers share: the stack or its labels, the run, and the question to a person."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

import click

from stackctl.cli.follow import follow, interruptible
from stackctl.cli.settings import Settings
from stackctl.engine.execute import Cancel
from stackctl.errors import SpecError, UsageError
from stackctl.operating import Operating
from stackctl.planner.steps.events import Event
from stackctl.show.problems import problems_text
from stackctl.spec.model import Stack

Verb = Callable[[Operating, Cancel], Iterator[Event]]


def operate(
    settings: Settings, name: str, lock_timeout: float, verb: Verb, *, stack: Stack | None = None
) -> int:
    """Follow a verb of the project; `name` is what the command is called. Without a `stack`, labels tell what is not known. Return
    the exit code.
    """
    stack = stack or stack_or_labels(settings) or Stack(project=settings.project())
    project = Operating(stack, settings.engine(), lock_timeout=lock_timeout, waiting=settings.tell_holder)
    _, code = follow(settings, f"stackctl {name}", lambda cancel: verb(project, cancel), stack=stack)
    return code


def stack_or_labels(settings: Settings) -> Stack | None:
    """The stack. If it cannot be read: say so and return None; the labels are then enough."""
    try:
        return settings.load_leniently()
    except SpecError as error:
        print(problems_text(error.problems, style=settings.style(sys.stderr)), file=sys.stderr)
        print(
            f"the stack cannot be read: going by the labels of project {settings.project()}", file=sys.stderr
        )
    except UsageError as error:
        if settings.project_name is None or settings.files:
            raise
        print(f"{error.message}: going by the labels of project {settings.project_name}", file=sys.stderr)
    return None


def confirmed(question: str) -> bool:
    """Ask a person. Raises click.Abort if the person leaves."""
    try:
        with interruptible():
            return click.confirm(question, default=False, err=True)
    except click.Abort:
        print("\nnothing was removed", file=sys.stderr)
        raise


def asks() -> bool:
    """Only a person can be asked: stdin and stderr are both terminals."""
    return sys.stdin.isatty() and sys.stderr.isatty()

"""A stack for a command: brought up beside all others, and removed once the command has ended."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

from stackctl.cli import child
from stackctl.cli import follow as runs
from stackctl.cli.settings import Settings
from stackctl.engine.protocol import Engine
from stackctl.errors import StackError
from stackctl.lending import lend
from stackctl.show.error_text import error_text
from stackctl.show.run.failure import PASSING
from stackctl.spec.model import Stack
from stackctl.testing.cleanup import Cleanup
from stackctl.testing.runs.run import Run, current
from stackctl.testing.runs.running import Begin, Recipe, RunRequest, enter, remove, start


def run_with(
    settings: Settings,
    stack: Stack,
    recipe: Recipe,
    argv: Sequence[str],
    file: str,
    *,
    data_from: str = "",
    keep: bool = False,
) -> int:
    """Bring the stack up as a project of its own, run a command, and return its exit code. `file`: where the command is. If the stack
    does not come up, the command is not run, and the exit code is that of `up`. `data_from`: whose data it gets, as `lend` takes it.

    Afterwards nothing is left, unless `keep`. If this process is killed, the reaper removes the stack.
    """
    shown = _Shown(settings, stack, f"{PASSING} --keep" if keep else PASSING)
    with _brought_up(settings, stack, recipe, shown, data_from, keep=keep) as addresses:
        return shown.code or child.run(argv, file, {**os.environ, **addresses})


@contextmanager
def _brought_up(
    settings: Settings, stack: Stack, recipe: Recipe, shown: _Shown, data_from: str, *, keep: bool
) -> Iterator[Mapping[str, str]]:
    """The variables with the addresses of the stack; none if it did not come up, which is then told."""
    engine, run = settings.engine(), current()
    project = f"{stack.project}-{secrets.token_hex(3)}"
    addresses: Mapping[str, str] = {}
    with Cleanup() as cleanup:
        enter(run, engine)
        if keep:
            run.keep(project)
            cleanup.callback(_tell_kept, project)
        else:
            cleanup.callback(_remove, settings, run, engine, project, stack)
        try:
            addresses = _start(RunRequest(recipe, stack, run, project, run.marks), settings, shown, data_from)
        except StackError:
            if not shown.code:
                raise
        yield addresses


def _start(request: RunRequest, settings: Settings, shown: _Shown, data_from: str) -> Mapping[str, str]:
    """Start the stack, and return the variables with its addresses; none if the start was interrupted."""
    engine = settings.engine()
    if not data_from:
        return start(request, engine, shown).env()
    with lend(
        data_from,
        request.stack,
        engine,
        to=request.project,
        marks=request.marks,
        waiting=settings.tell_holder,
    ) as lent:
        if lent.copies:
            request.run.guard(engine)
            shown(lent.copy)
        if shown.code:
            return {}
        recipe = replace(request.recipe, fill=lent.fill)
        return start(replace(request, recipe=recipe), engine, shown).env()


class _Shown:
    """Shows a start as `up` does. `code` is then the exit code of `up`: 0 if all is ready."""

    def __init__(self, settings: Settings, stack: Stack, command: str) -> None:
        self._settings = settings
        self._stack = stack
        self._command = command
        self.code = 0

    def __call__(self, begin: Begin) -> None:
        """Raises the first cause of a failure, which is told by then."""
        self.code = 0  # an earlier try may have failed
        result, self.code = runs.follow(self._settings, self._command, begin, stack=self._stack)
        for failure in result.failures:
            raise failure.error


def _remove(settings: Settings, run: Run, engine: Engine, project: str, stack: Stack) -> None:
    """Remove the project. What does not go is told: the exit code stays that of the command, and the reaper tries again."""
    try:
        remove(engine, project, stack)
    except StackError as error:
        print(error_text(error, settings.style(sys.stderr)), file=sys.stderr)
        print(f"note: {project} may still be there; {_how_to_remove(project)}", file=sys.stderr)
    else:
        run.forget()


def _tell_kept(project: str) -> None:
    print(f"note: kept: stackctl -p {project} status; {_how_to_remove(project)}", file=sys.stderr)


def _how_to_remove(project: str) -> str:
    return f"stackctl -p {project} down -v removes it"

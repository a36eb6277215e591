"""Check a stack, stage by stage: the spec, the files that it names, the engine. Nothing is changed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from msgspec import Struct

from stackctl.errors import EngineError, Problem, SpecError
from stackctl.spec.lint.files import lint_files, secret_files
from stackctl.spec.lint.rule import Stage
from stackctl.spec.lint.rules import lint
from stackctl.spec.model import Stack
from stackctl.spec.source.allow import Allowance, allowances, allowed_by, misused, without_allowed
from stackctl.spec.source.locate import Source, place_all
from stackctl.spec.source.reading import examine
from stackctl.spec.source.request import StackRequest

if TYPE_CHECKING:
    from stackctl.engine.protocol import Manage


class Checked(Struct, frozen=True):
    """What a check has found."""

    problems: tuple[Problem, ...]
    """Every problem that no comment allows, in the order of the text."""
    allowed: tuple[tuple[Problem, Allowance], ...]
    """The problems that a comment in the file allows."""
    stages: tuple[Stage, ...]
    """The stages that were done. The engine is not asked about a stack that could not be read wholly."""
    unreached: EngineError | None = None
    """Why the engine could not be asked."""
    sources: tuple[Source, ...] = ()
    """The texts of the stack's files."""


def check(
    request: StackRequest,
    engine: Callable[[], Manage] | None = None,
    meant: Callable[[Stack], Stack] = lambda stack: stack,
) -> Checked:
    """Check a stack. Without an `engine` only the stack and its files are looked at; else the engine is asked, but nothing is
    written to it. `meant` gives the stack that is meant on the engine, for example that of this checkout alone.

    Raises UsageError if there is no file, the file is a compose file, or the project has no valid name.
    """
    found = examine(request, [partial(lint, info=True), partial(_in_files, request)])
    problems = found.problems
    stages: tuple[Stage, ...] = ("spec", "files")
    unreached = None
    if engine and found.stack and found.whole:
        from stackctl.project import Project

        try:
            there = Project(meant(found.stack), engine()).check(request.selection)
            problems, stages = place_all((*problems, *there), found.sources), (*stages, "engine")
        except SpecError as error:
            problems = place_all((*problems, *error.problems), found.sources)
        except EngineError as error:
            unreached = error
    return _checked(problems, found.sources, stages, unreached)


def _in_files(request: StackRequest, stack: Stack) -> tuple[Problem, ...]:
    """What the rules about files find. Git's index is read only if there is something to look for."""
    there = [path for path in secret_files(stack) if path.is_file()]
    if not there:
        return lint_files(stack, request.directory.absolute())
    from stackctl.spec.lint.tracked import tracked

    return lint_files(stack, request.directory.absolute(), tracked(there))


def _checked(
    problems: tuple[Problem, ...],
    sources: tuple[Source, ...],
    stages: tuple[Stage, ...],
    unreached: EngineError | None,
) -> Checked:
    """What is found, less what comments allow. A comment that allows nothing is a problem, too."""
    comments = allowances(sources)
    if not comments:
        return Checked(problems, (), stages, unreached, sources)
    from stackctl.rules import RULES

    useless = misused(comments, problems, RULES, stages)
    allowed = tuple((each, by) for each in problems if (by := allowed_by(each, comments)))
    kept = without_allowed(problems, sources)
    return Checked(place_all((*kept, *useless), sources), allowed, stages, unreached, sources)

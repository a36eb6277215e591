"""A rule: what a mistake is called, how grave it is, and the text that explains it."""

import inspect
from collections.abc import Callable, Iterator
from typing import Literal, get_args

from msgspec import Struct, structs

from stackctl.errors import Problem, Severity

Stage = Literal["spec", "files", "engine"]
"""What a rule looks at. spec: the stack alone. files: also the files that the stack names. engine: also what is on the engine.
"""
STAGES: tuple[Stage, ...] = get_args(Stage)


class Rule(Struct, frozen=True):
    """A rule. `find` finds the mistakes, and its docstring is the rule's help page: why, fix and evidence.

    `severity` is the gravest that a problem of the rule has. `find` may give a problem a weaker one. For a mistake that is found
    while the file is read there is no `find`; then `text` is the help page.
    """

    title: str
    severity: Severity
    find: Callable[..., Iterator[Problem]] | None
    stage: Stage = "spec"
    text: str = ""
    fixable: bool = False
    """Whether `stackctl check --fix` can correct such a mistake."""

    @property
    def help(self) -> str:
        """The help page, as Markdown, without its heading."""
        return inspect.cleandoc(self.text or (self.find and self.find.__doc__) or "")

    def problems(self, number: str, subject: object) -> Iterator[Problem]:
        """What the rule finds, with its number. `subject` is what `find` takes."""
        for problem in self.find(subject) if self.find else ():
            severity = max(self.severity, problem.severity, key=_WEAKEST_LAST.index)
            yield structs.replace(problem, rule=number, severity=severity)


_WEAKEST_LAST: tuple[Severity, ...] = get_args(Severity)

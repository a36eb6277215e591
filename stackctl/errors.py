"""The error family. Whatever stackctl raises on purpose is a StackError; its class says whose fault it is."""

import re
from collections import Counter
from collections.abc import Iterable
from typing import ClassVar, Literal

from msgspec import Struct

Key = str | int
Severity = Literal["error", "warning", "note"]


class Place(Struct, frozen=True, order=True):
    """A position in a file. `line` and `column` count from 1, columns in characters; without them it is the whole file.

    `text` is the source line, and empty where it is not to be shown: in a file of secrets, or if it is very long.
    """

    file: str
    line: int = 0
    column: int = 0
    text: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


class Problem(Struct, frozen=True):
    """One mistake in what the user wrote: where (by key path, and in the text once placed), what, and a way out.

    `rule` is the number under which the documentation explains it, such as `SC101`.
    """

    path: tuple[Key, ...]
    message: str
    hint: str = ""
    rule: str = ""
    severity: Severity = "error"
    place: Place | None = None

    @property
    def where(self) -> str:
        """The key path as one writes it: `services.web.ports[1]`."""
        return dotted(self.path)

    def __str__(self) -> str:
        """`file:line:column: path: message (hint)`, leaving out what is not known."""
        before = [str(part) for part in (self.place, self.where) if part]
        return ": ".join([*before, self.message]) + (f" ({self.hint})" if self.hint else "")


def dotted(path: Iterable[Key]) -> str:
    """`("services", "my app", "ports", 1)` → `services."my app".ports[1]`."""
    text = ""
    for key in path:
        if isinstance(key, int):
            text += f"[{key}]"
        else:
            bare = re.fullmatch(r"[A-Za-z0-9_-]+", key)
            text += ("." if text else "") + (key if bare else '"' + key.replace('"', '\\"') + '"')
    return text


MOST_ALIKE = 20
"""How many problems of one kind are told in full."""


def told(problems: Iterable[Problem]) -> tuple[tuple[Problem, ...], tuple[str, ...]]:
    """The problems to show, at most MOST_ALIKE of one rule, and a line for each rule of which there are more."""
    shown: list[Problem] = []
    number: Counter[tuple[Severity, str]] = Counter()
    for problem in problems:
        kind = problem.severity, problem.rule
        number[kind] += 1
        if number[kind] <= MOST_ALIKE:
            shown.append(problem)
    more = (
        f"and {found - MOST_ALIKE:,} more like these" + (f" ({rule})" if rule else "")
        for (_, rule), found in number.items()
        if found > MOST_ALIKE
    )
    return tuple(shown), tuple(more)


class StackError(Exception):
    """Something the user should read: a message, and where there is one, a way out."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class SpecError(StackError):
    """The stack's file cannot be used as it is. `problems` holds every mistake found, in the order of the text."""

    exit_code = 2

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        shown, more = told(self.problems)
        super().__init__("\n".join((*map(str, shown), *more)))


class PreflightError(SpecError):
    """The stack is in order, but this engine or machine is not ready for it: a port is taken, a file is missing."""

    exit_code = 1


class UsageError(StackError):
    """The command line asks for something that is not there or does not go together."""

    exit_code = 2


class EngineError(StackError):
    """The container engine cannot be reached, or refused."""

    exit_code = 1


class ExecTimeoutError(EngineError):
    """A command in a container still ran when its time was over."""

    def __init__(
        self, message: str, hint: str = "", *, stdout: bytes = b"", stderr: bytes = b"", ended: bool = True
    ) -> None:
        super().__init__(message, hint)
        self.stdout = stdout
        """What it had said by then."""
        self.stderr = stderr
        self.ended = ended
        """It was ended in the container, too; otherwise it may go on there."""


class PortTakenError(EngineError):
    """A container could not be started, because somebody else has a host port that it wants."""


class CancelledError(EngineError):
    """The run was called off before this was done."""


class LockedError(StackError):
    """Another run holds the project."""

    exit_code = 3


class WaitError(EngineError):
    """What was waited for will never be ready, with the evidence a reader needs to see why."""

    def __init__(
        self,
        message: str,
        hint: str = "",
        *,
        exit_code_of_container: int | None = None,
        last_answer: str = "",
        log_tail: Iterable[str] = (),
    ) -> None:
        super().__init__(message, hint)
        self.exit_code_of_container = exit_code_of_container
        """With what its main process ended; None while it runs."""
        self.last_answer = last_answer
        """What the last check said."""
        self.log_tail = tuple(log_tail)
        """The last lines it wrote."""


class WaitTimeoutError(WaitError):
    """A wait ran out before what it waited for was ready."""

    exit_code = 4

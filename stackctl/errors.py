"""The errors of stackctl. Every error that it raises on purpose is a StackError, whose class says where the fault is."""

import re
from collections import Counter
from collections.abc import Iterable
from typing import ClassVar, Literal

from msgspec import Struct

Key = str | int
Severity = Literal["error", "warning", "note", "info"]
"""How grave a problem is, the gravest first. error: it cannot work, or loses data. warning: it is probably a mistake. note: a part
of the file has no effect. info: something to learn, which only a command that checks the file shows.
"""


class Place(Struct, frozen=True, order=True):
    """A position in a file. `line` and `column` count from 1, columns in characters. Without them the whole file is meant.

    `text` is the source line. It is empty if it must not be shown: in a file of secrets, or if the line is very long.
    """

    file: str
    line: int = 0
    column: int = 0
    text: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


class Edit(Struct, frozen=True):
    """A change of a file that is a part of a way out. `items`: texts to add to the array at the path. None: an empty table."""

    path: tuple[Key, ...]
    items: tuple[str, ...] | None = None


class Problem(Struct, frozen=True):
    """One mistake in what the user wrote: where it is (key path and place in the text), what is wrong, and what to do (`hint`).

    `rule` is the number under which docs/rules.md explains the mistake, such as `SC101`.
    """

    path: tuple[Key, ...]
    message: str
    hint: str = ""
    rule: str = ""
    severity: Severity = "error"
    place: Place | None = None
    fix: tuple[Edit, ...] = ()
    """What would have to be added to the file, if a program can know that."""

    @property
    def where(self) -> str:
        """The key path as text: `services.web.ports[1]`."""
        return dotted(self.path)

    def __str__(self) -> str:
        """`file:line:column: path: message (hint)`. Parts that are not known are left out."""
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
"""How many problems of one rule are shown."""


def told(problems: Iterable[Problem]) -> tuple[tuple[Problem, ...], tuple[str, ...]]:
    """The problems to show, at most MOST_ALIKE of each rule; and for each rule that has more, a line that says how many."""
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
    """An error for the user: `message` says what is wrong, `hint` says what to do, or is "". `exit_code` is the exit code of the
    command line.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class SpecError(StackError):
    """The stack's file has mistakes. `problems` holds all that were found, in the order of the text."""

    exit_code = 2

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        shown, more = told(self.problems)
        super().__init__("\n".join((*map(str, shown), *more)))


class PreflightError(SpecError):
    """The stack's file is right, but this engine or machine is not ready for it: a port is taken, a file is missing."""

    exit_code = 1


class UsageError(StackError):
    """The options or arguments ask for something that does not exist, or do not fit together."""

    exit_code = 2


class OutputError(StackError):
    """Output could not be written, and not because its reader has left."""

    def __init__(self, error: OSError) -> None:
        super().__init__(f"cannot write the output: {error.strerror}")


class EngineError(StackError):
    """The container engine cannot be reached, or it has refused."""

    exit_code = 1


class NoAnswerError(EngineError):
    """No engine answers."""


class LostAnswerError(NoAnswerError):
    """An engine was asked, and no answer came that can be read: it may have done what it was asked."""


class ExecTimeoutError(EngineError):
    """A command in a container still ran after its timeout."""

    def __init__(
        self, message: str, hint: str = "", *, stdout: bytes = b"", stderr: bytes = b"", ended: bool = True
    ) -> None:
        super().__init__(message, hint)
        self.stdout = stdout
        """What the command had written to stdout until then."""
        self.stderr = stderr
        self.ended = ended
        """Whether the command was ended in the container. If not, it may go on there."""


class PortTakenError(EngineError):
    """A container cannot start, because another process or container has its host port."""


class OutOfSequenceError(EngineError):
    """Since the last look somebody else has changed, made or removed what this is about. Whoever looks again can go on."""


class CancelledError(EngineError):
    """The run was cancelled before this was done."""


class LockedError(StackError):
    """Another run holds the project."""

    exit_code = 3


class WaitError(EngineError):
    """A container that was waited for can never become ready. The attributes show why."""

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
        """The exit code of the container's main process; None while it runs."""
        self.last_answer = last_answer
        """The answer of the last check."""
        self.log_tail = tuple(log_tail)
        """The last lines that the container wrote."""


class GoneError(WaitError):
    """Somebody has removed the container that was waited for."""


class WaitTimeoutError(WaitError):
    """A container was not ready within its timeout. The attributes show how far it came."""

    exit_code = 4


class RolledBackError(WaitError):
    """A service of a Swarm has gone back, or goes back, to what it was before its update."""

    exit_code = 6

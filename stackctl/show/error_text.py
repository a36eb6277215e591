"""An error in words, with the evidence that it carries: for the command line, the report of a run and the tests' fixtures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from signal import Signals

from stackctl.errors import SpecError, StackError, WaitError
from stackctl.show.problems import problems_text
from stackctl.show.text.amounts import counted
from stackctl.show.text.safe import clean, one_line, shortened
from stackctl.show.text.style import PLAIN, Style

LOG_LINES = 15
_RULE_WIDEST = 72
_INDENT = 2
_LABEL = 10


def error_text(error: BaseException, style: Style = PLAIN) -> str:
    """`error: …`, and below it the evidence and the hint. Mistakes in a file are shown with their places."""
    if isinstance(error, SpecError):
        return problems_text(error.problems, style)
    message = error.message if isinstance(error, StackError) else str(error) or type(error).__name__
    first, _, rest = clean(message).strip().partition("\n")
    lines = [f"{style('error:', 'bold', 'red')} {first}", *(f"  {line}" for line in rest.splitlines())]
    lines += _evidence(error, style)
    if isinstance(error, StackError) and error.hint:
        lines.append(f"  {style('=', 'dim')} {one_line(error.hint)}")
    return "\n".join(lines)


def error_report(error: BaseException, style: Style = PLAIN) -> str:
    """An error that belongs to no plan, with everything that is known about it, for the report of a test."""
    if isinstance(error, SpecError):
        return problems_text(error.problems, style)
    if not isinstance(error, StackError):
        return f"{type(error).__name__}: {error}"
    hint = [fact_line("hint", one_line(error.hint), style)] if error.hint else []
    return "\n".join([clean(error.message), *hint, *_evidence(error, style)])


def _evidence(error: BaseException, style: Style) -> Iterator[str]:
    yield from (fact_line(name, fact, style) for name, fact in facts(error))
    if isinstance(error, WaitError):
        yield from log_lines("its log", error.log_tail, style)


def facts(error: BaseException) -> tuple[tuple[str, str], ...]:
    """The evidence in an error: the exit code of a container, and the answer of its last check."""
    if not isinstance(error, WaitError):
        return ()
    found = (
        ("exit code", _exit(error.exit_code_of_container)),
        ("last check", one_line(error.last_answer)),
    )
    return tuple((name, fact) for name, fact in found if fact)


def fact_line(name: str, fact: str, style: Style = PLAIN) -> str:
    """`  last check  connection refused`: a fact with several lines is indented."""
    return f"  {style(name.ljust(_LABEL), 'dim')}  " + fact.replace("\n", "\n" + " " * (_LABEL + 4))


def log_lines(name: str, lines: Sequence[str], style: Style = PLAIN) -> Iterator[str]:
    """The last lines of a log between two rules; nothing for an empty log."""
    last = lines[-LOG_LINES:]
    if not last:
        return
    rule = _RULE_WIDEST if style.width is None else min(_RULE_WIDEST, style.width - _INDENT)
    title = shortened(f"── last {counted(len(last), 'line')} of {name} ", rule)
    yield "  " + style(title.ljust(rule, "─"), "dim")
    for line in last:
        yield "  " + clean(line).rstrip()
    yield "  " + style("─" * rule, "dim")


def _exit(code: int | None) -> str:
    """An exit code, with the name of a signal: by the custom of shells, 128 + N means that signal N ended the process."""
    if code is None:
        return ""
    try:
        return f"{code} ({Signals(code - 128).name})" if code > 128 else str(code)
    except ValueError:
        return str(code)

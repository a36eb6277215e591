"""An exception as the report of a test shows it: no line of its traceback is stackctl's, and what all tests share is told once."""

from __future__ import annotations

import sysconfig
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import pytest

from stackctl.errors import StackError

if TYPE_CHECKING:
    from stackctl.testing.plugin.session import Stacks

_HERE = Path(__file__).parents[2]
_LIBRARIES = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")})


def shown(
    excinfo: pytest.ExceptionInfo[BaseException], test: str, stacks: Stacks | None
) -> pytest.ExceptionInfo[BaseException]:
    """The exception for the report of this test.

    If a stack cannot be started, or `pytest_stack_ready` raises, pytest raises the same exception again for every test of that
    stack. The report of the first test shows it whole, the other reports name the first test.
    """
    error = excinfo.value
    if isinstance(error, StackError):
        if error.__cause__ is not None:  # the cause lies within stackctl and tells a reader nothing
            error.__cause__, error.__suppress_context__ = None, True
        return _without_lines_of_stackctl(excinfo)
    first = stacks.failed_start(error, test) if stacks else None
    if first is not None:
        return excinfo if first == test else _words(f"no stack: see {first}")
    first = stacks.hook_failure(error, test) if stacks else None
    if first not in (None, test):
        return _words(
            f"{type(error).__name__}: {error}\n  raised by pytest_stack_ready; the traceback is that of {first}"
        )
    if first == test or isinstance(error, pytest.fail.Exception):  # pytest-timeout fails a test anywhere
        return _without_lines_of_stackctl(excinfo)
    return excinfo


def _words(words: str) -> pytest.ExceptionInfo[BaseException]:
    try:
        pytest.fail(words, pytrace=False)
    except pytest.fail.Exception:
        return pytest.ExceptionInfo.from_current()


def _without_lines_of_stackctl(
    excinfo: pytest.ExceptionInfo[BaseException],
) -> pytest.ExceptionInfo[BaseException]:
    """The exception without the lines of stackctl, and without those of libraries that stackctl has called."""
    error, kept = excinfo.value, list[TracebackType]()
    line, below = error.__traceback__, False
    while line is not None:
        path = Path(line.tb_frame.f_code.co_filename)
        if path.is_relative_to(_HERE):
            below = True
        elif not (path.name == "contextlib.py" or (below and any(map(path.is_relative_to, _LIBRARIES)))):
            below = False
            kept.append(line)
        line = line.tb_next
    if not kept:
        return excinfo
    shown = None
    for line in reversed(kept):
        shown = TracebackType(shown, line.tb_frame, line.tb_lasti, line.tb_lineno)
    return pytest.ExceptionInfo.from_exception(error.with_traceback(shown))

"""Turn errors into words and exit codes, for all commands."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

import click

from stackctl.cli.streams import fails, finish, silence
from stackctl.errors import OutputError, SpecError, StackError, UsageError

INTERRUPTED = 130
CHANGES = 10
"""There is work: of `plan --detailed-exitcode` and `status --exit-code`."""


def guarded(run: Callable[[], Any]) -> int:
    """Run a command and return its exit code. An error of a user or an engine is told in words on stderr; so is output that could not
    be written, unless its reader has left.
    """
    code = _guarded(run)
    if lost := finish():
        _tell(OutputError(lost))
    return code or (1 if lost else 0)


def _guarded(run: Callable[[], Any]) -> int:
    result = None
    try:
        result = run()
        sys.stdout.flush()
    except StackError as error:
        _tell(error)
        return error.exit_code
    except click.ClickException as error:
        error.show(sys.stderr)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt) as error:
        return getattr(error.__cause__ or error, "code", INTERRUPTED)
    except BrokenPipeError:  # the reader has left
        silence(sys.stdout)
    except OSError as error:
        _tell(_in_words(error))
        silence(sys.stdout)
        return 1
    return result if isinstance(result, int) else 0


def _in_words(error: OSError) -> Exception:
    """The error, with what it is about: an error of the operating system that names no file says too little."""
    if error.filename is None and fails(sys.stdout):
        return OutputError(error)
    if isinstance(error, FileNotFoundError) and not _has_directory():
        return UsageError("the current directory is not there any more", "cd to a directory that is there")
    return error


def _has_directory() -> bool:
    try:
        os.getcwd()  # noqa: PTH109
    except FileNotFoundError:
        return False
    return True


def _tell(error: Exception) -> None:
    from stackctl.show.error_text import error_text
    from stackctl.show.text.style import on_github, style_for

    text = error_text(error, style_for(sys.stderr))
    if not on_github():
        print(text, file=sys.stderr)
        return
    from stackctl.show.run.github import harmless, tell_mistakes

    print(text, file=harmless(sys.stderr))
    if isinstance(error, SpecError):
        tell_mistakes(error.problems, sys.stderr)

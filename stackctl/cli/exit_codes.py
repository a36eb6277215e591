"""Turn errors into words and exit codes, for all commands."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import click

from stackctl.cli.streams import silence
from stackctl.errors import SpecError, StackError

INTERRUPTED = 130
CHANGES = 10
"""There is work: of `plan --detailed-exitcode` and `status --exit-code`."""


def guarded(run: Callable[[], Any]) -> int:
    """Run a command and return its exit code. An error of a user or an engine is told in words on stderr."""
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
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except BrokenPipeError:  # the reader has left
        silence(sys.stdout)
    except OSError as error:
        _tell(error)
        return 1
    return result if isinstance(result, int) else 0


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

"""Run hooks in a container: what engines have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from stackctl.engine.protocol import Exec, ExecResult
from stackctl.errors import EngineError, ExecTimeoutError
from stackctl.planner.steps.actions import RunHook, StopContainer
from stackctl.real import monotonic
from stackctl.spec.model import Hook

RunIn = Callable[[Exec, float], ExecResult]
"""Runs a command in a container for at most this many seconds."""

_LINES = 10
_KEPT = 4096
"""How much of its output is told: lines, and bytes."""


def post_start(run: RunIn, action: RunHook) -> None:
    """Run the hook. Raises `EngineError` if it fails: the message has its exit code and its last lines."""
    what = f"post_start[{action.number - 1}] of {action.name}"
    result = run(exec_of_hook(action.container, action.hook), action.timeout)
    if result.exit_code:
        raise EngineError(_failure(what, result), "correct the hook; the next up starts the container again")


def pre_stop(run: RunIn, action: StopContainer) -> Iterator[str]:
    """Run the hooks before a stop. Yields a note for each that fails: the container is stopped all the same."""
    deadline = monotonic() + action.grace
    for number, hook in enumerate(action.hooks if action.grace else ()):
        what, left = f"pre_stop[{number}]", deadline - monotonic()
        if left <= 0:
            yield f"{what} had no time left: the {action.grace} s to stop were over"
            continue
        try:
            result = run(exec_of_hook(action.container, hook), left)
        except ExecTimeoutError:
            yield f"{what} still ran after {left:.0f} s"
        except EngineError as error:
            yield f"{what} failed: {error.message}"
        else:
            if result.exit_code:
                yield _failure(what, result)


def exec_of_hook(container: str, hook: Hook) -> Exec:
    """What runs a hook in a container. Of its output the end is kept."""
    return Exec(
        container=container,
        argv=hook.command.argv,
        environment={name: value.text for name, value in hook.environment.items()},
        user=hook.user,
        working_dir=hook.working_dir,
        privileged=hook.privileged,
        output_limit=_KEPT,
    )


def _failure(what: str, result: ExecResult) -> str:
    return "\n".join([f"{what} ended with exit code {result.exit_code}", *last_lines(result)])


def last_lines(result: ExecResult) -> list[str]:
    """The end of what a command has said: on stderr, else on stdout."""
    said = (result.stderr.strip() or result.stdout.strip()).decode(errors="replace").splitlines()
    return said[-_LINES:]

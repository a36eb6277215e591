"""The listeners to a run, and the choice between them."""

from __future__ import annotations

from typing import Literal, Protocol, TextIO

from stackctl.planner.steps.events import Event
from stackctl.planner.steps.outcome import Outcome
from stackctl.show.text.style import in_ci, is_terminal, on_github, style_for
from stackctl.spec.model import Stack

Mode = Literal["auto", "live", "plain", "json", "quiet"]


class Renderer(Protocol):
    """Shows a run while it happens. The first event of each plan is `Planned`."""

    def show(self, event: Event) -> None:
        """Take in what happened."""

    def say(self, text: str) -> None:
        """Print something else, so that it stays readable."""

    def interrupted(self) -> None:
        """Say that no new step begins, and what the run waits for. A signal handler may call this."""

    def close(self, outcome: Outcome | None = None) -> None:
        """Show how the run has ended, and give the terminal back. Without an outcome the run has broken off: there is no summary."""


def renderer(
    mode: Mode,
    stream: TextIO,
    *,
    command: str = "stackctl up",
    stack: Stack | None = None,
    no_color: bool = False,
) -> Renderer:
    """The renderer for a stream; `auto` is live on a terminal and plain elsewhere, and in CI.

    `command` and the name of the stack's file are the live display's heading; after an interruption, `command` goes on.
    """
    if mode == "live" or (mode == "auto" and is_terminal(stream) and not in_ci()):
        from stackctl.show.run.live import Live

        source = stack.files[0].name if stack and stack.files else ""
        return Live(stream, command=command, source=source, no_color=no_color)
    if mode == "json":
        from stackctl.show.run.jsonl import JsonLines

        return JsonLines(stream)
    from stackctl.show.run.plain import Plain, Quiet

    style = style_for(stream, no_color=no_color)
    kind = Quiet if mode == "quiet" else Plain
    if on_github():
        from stackctl.show.run.github import GitHub, harmless

        inner = kind(harmless(stream), style, command=command)
        return GitHub(inner, stream, command=command, stack=stack, groups=mode != "quiet")
    return kind(stream, style, command=command)

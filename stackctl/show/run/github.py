"""A run in GitHub Actions: groups of lines, annotations at the lines of the stack's file, and a summary of the step.

https://docs.github.com/actions/reference/workflow-commands-for-github-actions
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, cast

from stackctl.errors import Problem, Severity, StackError, told
from stackctl.planner.steps.actions import BuildImage, PullImage
from stackctl.planner.steps.events import Event, Failed, Planned, Progress
from stackctl.planner.steps.outcome import Outcome
from stackctl.planner.steps.plan import Plan
from stackctl.planner.steps.timeline import PHASES, TimedStep, Timeline, seconds_of_phases, timeline
from stackctl.show.error_text import facts
from stackctl.show.problems import problems_text
from stackctl.show.reports import checkout_prefix, github
from stackctl.show.run.failure import failure_text, summary
from stackctl.show.text.amounts import duration
from stackctl.show.text.safe import clean, one_line, shortened, without_commands
from stackctl.show.timeline.text import why_text
from stackctl.spec.choosing import table
from stackctl.spec.model import Stack
from stackctl.spec.output.redact import common_words_of, secrets_of, without
from stackctl.spec.source.locate import place

if TYPE_CHECKING:
    from stackctl.show.run.render import Renderer

_LONGEST = 1000
"""Characters of a line in a summary. GitHub takes 1 MiB for all."""


class Harmless:
    """A text stream, in which nothing that is written is a command of GitHub Actions. What others say, such as a log, cannot be one."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        return self._stream.write(without_commands(text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def harmless(stream: TextIO) -> TextIO:
    """The stream, in which no command of GitHub Actions is written."""
    return cast("TextIO", Harmless(stream))


class GitHub:
    """What `inner` shows, with a group for each plan; at the end an annotation for each cause, and a summary of the step."""

    def __init__(
        self, inner: Renderer, stream: TextIO, *, command: str, stack: Stack | None, groups: bool = True
    ) -> None:
        self._inner = inner
        self._stream = stream
        self._command = command
        self._stack = stack or Stack()
        self._groups = groups
        self._open = False
        self._events: list[Event] = []

    def show(self, event: Event) -> None:
        if isinstance(event, Planned):
            self._end_group()
            if event.plan.steps and self._groups:
                self._write(f"::group::{self._title(event.plan)}")
                self._open = True
            annotate(event.plan.warnings, self._stream)
        if not isinstance(event, Progress):
            self._events.append(event)
        self._inner.show(event)

    def say(self, text: str) -> None:
        self._inner.say(text)

    def interrupted(self) -> None:
        self._inner.interrupted()

    def close(self, outcome: Outcome | None = None) -> None:
        self._end_group()
        self._inner.close(outcome)
        if outcome is None:
            return
        plans = [event.plan for event in self._events if isinstance(event, Planned)]
        annotate((self._problem(each, "warning") for each in outcome.tolerated), self._stream)
        annotate((self._problem(each, "error") for each in outcome.failures), self._stream)
        text = run_summary(outcome, plans, timeline(self._events), self._command)
        hidden = secrets_of(self._stack, self._stack.everything)
        summarize(without(text, hidden, common_words_of(self._stack)))

    def _title(self, plan: Plan) -> str:
        images = all(isinstance(step.action, PullImage | BuildImage) for step in plan.steps)
        return f"{self._command}: images" if images else self._command

    def _problem(self, failure: Failed, severity: Severity) -> Problem:
        """What has failed, as a problem of the service's table."""
        name, error = failure.step.service, failure.error
        service = self._stack.everything.get(name)
        path = (table(service), name) if service else (name,) if name else ()
        known = (f"{what}: {fact}" for what, fact in facts(error))
        message = error.message if isinstance(error, StackError) else str(error) or type(error).__name__
        hint = error.hint if isinstance(error, StackError) else ""
        problem = Problem(path, "\n".join([message, *known]), hint, severity=severity)
        return place(problem, self._stack.sources if service else ())

    def _end_group(self) -> None:
        if self._open:
            self._write("::endgroup::")
        self._open = False

    def _write(self, text: str) -> None:
        print(text, file=self._stream, flush=True)


def annotate(problems: Iterable[Problem], stream: TextIO) -> None:
    """Tell GitHub Actions of problems, which it shows at the lines of the file."""
    if text := github(problems, checkout_prefix()):
        print(text, file=stream, flush=True)


def summarize(text: str) -> None:
    """Add a text in Markdown to the summary of the step, if there is one. A file that cannot be written is no failure of the run."""
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if not path or not text:
        return
    try:
        with Path(path).open("a", encoding="utf-8", errors="replace") as file:
            file.write(f"{text}\n")
    except OSError:
        return


def tell_mistakes(problems: Iterable[Problem], stream: TextIO) -> None:
    """Tell what is wrong in a stack's file, or for the engine: with annotations, and in the summary of the step."""
    problems = tuple(problems)
    annotate(told(problems)[0], stream)
    files = dict.fromkeys(problem.place.file for problem in problems if problem.place)
    title = ", ".join(files) or "nothing was done"
    summarize(f"### ✘ stackctl: {_cell(title)}\n\n{fenced(problems_text(problems))}\n")


def run_summary(outcome: Outcome, plans: Sequence[Plan], run: Timeline, command: str) -> str:
    """How a run has ended, in Markdown: the causes with their evidence, the seconds of each service in each phase, and the critical path. "" for a run
    that went well and brought nothing up.
    """
    failed = bool(outcome.failures or outcome.interrupted)
    if not failed and all(step.phase == "stop" for step in run.steps):
        return ""
    parts = [f"### {'✘' if failed else '✔'} {command}: {summary(outcome, plans)}"]
    if text := failure_text(outcome, plans, command=command).strip("\n"):
        parts.append(fenced(text))
    if rows := [*_rows(run, outcome)]:
        parts += ["\n".join(rows), fenced(why_text(run))]
    return "\n\n".join(parts) + "\n"


def _rows(run: Timeline, outcome: Outcome) -> Iterator[str]:
    """A table of the services, with the seconds of each phase."""
    seconds = seconds_of_phases(run)
    phases = [phase for phase in PHASES if any(phase in found for found in seconds.values())]
    if not phases:
        return
    left = dict.fromkeys(str(event.step.of) for event in outcome.skipped if event.step.of)
    yield f"| service | {' | '.join(phases)} | |"
    yield f"|---|{'--:|' * len(phases)}---|"
    for name, steps in run.rows().items():
        cells = (
            f" {duration(seconds[name][phase])} |" if phase in seconds[name] else " |" for phase in phases
        )
        yield f"| {_cell(name)} |{''.join(cells)} {_result(steps, left=name in left)} |"
    for name in (name for name in left if name not in seconds):
        yield f"| {_cell(name)} |{' |' * len(phases)} not done |"


def _result(steps: Sequence[TimedStep], *, left: bool) -> str:
    """What became of a service. `left`: a step of it was not done."""
    results = {step.result for step in steps}
    if "failed" in results:
        return "✘ failed"
    return "interrupted" if "interrupted" in results else "not done" if left else "✔"


def fenced(text: str) -> str:
    """A text as a block of code, which nothing in the text can end."""
    lines = [shortened(line, _LONGEST) for line in clean(text).split("\n")]
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return "\n".join([f"{fence}text", *lines, fence])


def _cell(text: str) -> str:
    """A text that has no meaning of its own in Markdown."""
    return re.sub(r"([\\`*\[\]<>|&~])", r"\\\1", one_line(text))

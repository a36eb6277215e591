"""Hide secrets in what an engine says about a step: engines quote what they were sent."""

from __future__ import annotations

from collections.abc import Collection, Generator
from contextlib import closing

from msgspec.structs import replace

from stackctl.errors import WaitError
from stackctl.planner.steps.actions import Wait
from stackctl.planner.steps.events import Event, Failed, Progress, Rescued
from stackctl.planner.steps.plan import Step
from stackctl.spec.model import Stack
from stackctl.spec.output.redact import common_words_of, secrets, secrets_of, without


def concealed(events: Generator[Event, None, None], stack: Stack) -> Generator[Event, None, None]:
    """The events with dots for the secrets of the service that each is about, and of its action."""
    common = common_words_of(stack)

    def hidden(step: Step) -> set[str]:
        return {*secrets(step.action), *secrets_of(stack, [step.service])}

    with closing(events):
        for event in events:
            match event:
                case Failed(step=step, error=error):
                    _conceal(error, hidden(step), common)
                case Rescued(step=step, error=Exception() as error):
                    _conceal(error, hidden(step), common)
                case Progress(step=step, news=news) if isinstance(step.action, Wait):
                    yield replace(event, news=replace(news, text=without(news.text, hidden(step), common)))
                    continue
            yield event


def _conceal(error: Exception, hidden: Collection[str], common: Collection[str]) -> None:
    error.args = tuple(
        without(each, hidden, common) if isinstance(each, str) else each for each in error.args
    )
    for name in ("message", "hint", "last_answer"):
        if isinstance(text := getattr(error, name, None), str):
            setattr(error, name, without(text, hidden, common))
    if isinstance(error, WaitError):
        error.log_tail = tuple(without(line, hidden, common) for line in error.log_tail)

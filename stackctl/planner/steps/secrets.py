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
from stackctl.spec.output.redact import secrets, without


def concealed(events: Generator[Event, None, None], stack: Stack) -> Generator[Event, None, None]:
    """The events with dots for the secrets of the service that each is about, and of its action."""
    everything = stack.everything

    def hidden(step: Step) -> set[str]:
        service = everything.get(step.service)
        contents = (source.value for _, _, source in stack.sources_of(service)) if service else ()
        return {*secrets(step.action), *secrets(service), *secrets(tuple(contents))}

    with closing(events):
        for event in events:
            match event:
                case Failed(step=step, error=error):
                    _conceal(error, hidden(step))
                case Rescued(step=step, error=Exception() as error):
                    _conceal(error, hidden(step))
                case Progress(step=step, news=news) if isinstance(step.action, Wait):
                    yield replace(event, news=replace(news, text=without(news.text, hidden(step))))
                    continue
            yield event


def _conceal(error: Exception, hidden: Collection[str]) -> None:
    error.args = tuple(without(each, hidden) if isinstance(each, str) else each for each in error.args)
    for name in ("message", "hint", "last_answer"):
        if isinstance(text := getattr(error, name, None), str):
            setattr(error, name, without(text, hidden))
    if isinstance(error, WaitError):
        error.log_tail = tuple(without(line, hidden) for line in error.log_tail)

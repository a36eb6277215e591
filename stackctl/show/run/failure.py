"""The report at the end of a run: what has failed and why, what is left, which command comes next, and a summary in one line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from stackctl.errors import LostAnswerError, StackError, WaitError
from stackctl.planner.steps.actions import (
    BuildImage,
    PullImage,
    StartContainer,
    SwarmAction,
    WaitFor,
    WaitForService,
    subject,
)
from stackctl.planner.steps.events import Failed, Skipped
from stackctl.planner.steps.outcome import Outcome
from stackctl.planner.steps.plan import Plan, Step, UndoPlan
from stackctl.show.changes import PAST, changes, count
from stackctl.show.error_text import fact_line, facts, log_lines
from stackctl.show.text.amounts import duration, first_line, quoted
from stackctl.show.text.safe import clean, one_line, shortened
from stackctl.show.text.style import PLAIN, Style
from stackctl.show.words import describe
from stackctl.spec.model import Condition

PASSING = "stackctl with"
"""The command whose stack is removed at its end, also if the stack did not come up."""
INTERRUPTED = "interrupted: what has begun comes to its end; Ctrl-C again leaves at once"


def report(
    outcome: Outcome, plans: Iterable[Plan], style: Style = PLAIN, *, command: str = "stackctl up"
) -> str:
    """The whole report, in several lines. `plans` are the plans that `command` has executed."""
    plans = tuple(plans)
    return "\n".join(
        part
        for part in (failure_text(outcome, plans, style, command=command), summary(outcome, plans, style))
        if part
    )


def failure_text(
    outcome: Outcome, plans: Iterable[Plan], style: Style = PLAIN, *, command: str = "stackctl up"
) -> str:
    """Each first cause with its evidence, then what was not done, what is left and the next command; "" if all went well."""
    if not (outcome.failures or outcome.tolerated or outcome.interrupted):
        return ""
    blocks = ["\n".join(_cause(failure, style)) for failure in outcome.failures]
    blocks += ["\n".join(_cause(failure, style)) for failure in outcome.tolerated]
    blocks.append("\n".join(_aftermath(outcome, tuple(plans), style, command)))
    return "\n\n".join(block for block in blocks if block) + "\n"


def summary(outcome: Outcome, plans: Iterable[Plan], style: Style = PLAIN) -> str:
    """`created 5 · recreated 1 · failed 0 in 2.6 s`: a change counts once all of its steps are done. One that has
    only a part of its steps done is `begun`: after an interrupt, and if nothing else is done. If all was taken back, nothing counts.
    """
    plans, done = tuple(plans), dict[str, int]()
    begun, ended = set[tuple[str, str]](), set[tuple[str, str]]()
    nothing = "it is not known what changed" if outcome.unsure else "nothing changed"
    if _as_before(outcome, plans):
        plans, nothing = (), "everything is as before"
    for plan, finished in zip(plans, _finished(outcome, plans), strict=True):
        complete = [c for c in changes(plan) if all(step in finished for step in c.steps)]
        for verb, number in count(complete).items():
            done[PAST[verb]] = done.get(PAST[verb], 0) + number
        ended |= {(c.group, c.name) for c in complete}
        begun |= {(c.group, c.name) for c in changes(plan) if any(step in finished for step in c.steps)}
    parts = [f"{verb} {number}" for verb, number in done.items() if number]
    if begun - ended and (outcome.interrupted or not (parts or outcome.unsure)):
        parts.append(f"begun {len(begun - ended)}")
    parts = parts or [nothing]
    failed = len(outcome.failures) + len(outcome.tolerated)
    if failed:
        parts.append(style(f"failed {failed}", "bold", "red"))
    if outcome.interrupted:
        parts.append(style("interrupted", "bold", "yellow"))
    return f"{' · '.join(parts)} in {duration(outcome.seconds)}"


def _cause(failure: Failed, style: Style) -> Iterator[str]:
    step, error = failure.step, failure.error
    who = f"{quoted(step.service)}: " if step.service else ""
    optional = " (optional: the rest goes on)" if step.optional else ""
    yield style(f"✘ {who}{first_line(error)}", "bold", "red") + optional
    known = [("while", f"{describe(step.action)} ({duration(failure.seconds)})"), *facts(error)]
    if isinstance(error, StackError):
        known += [("details", _rest(error)), ("hint", one_line(error.hint))]
    for name, fact in known:
        if fact:
            yield fact_line(name, fact, style)
    if isinstance(error, WaitError):
        yield from log_lines(quoted(_log_of(step)), error.log_tail, style)


def _log_of(step: Step) -> str:
    """Whose log it is: a container that belongs to no service has its own name."""
    return step.service or (step.action.name if isinstance(step.action, WaitFor) else "")


def _rest(error: StackError) -> str:
    """What the message says after its first line."""
    _, _, rest = clean(error.message).strip().partition("\n")
    return rest.strip()


def _aftermath(outcome: Outcome, plans: tuple[Plan, ...], style: Style, command: str) -> Iterator[str]:
    if _as_before(outcome, plans):
        if outcome.running:
            running = [quoted(service) for service in sorted(outcome.running)]
            yield fact_line("running", shortened(", ".join(running), 200), style)
        return
    skipped = _services(event.step for event in outcome.skipped)
    if skipped:
        yield fact_line("not done", shortened(", ".join(skipped), 200), style)
    if command == PASSING:
        if outcome.failures:
            yield fact_line(
                "next", style(f"{PASSING} --keep", "bold") + " leaves the stack there for a look", style
            )
        return
    running = _left_running(outcome, plans)
    if running:
        yield fact_line("running", shortened(", ".join(running), 200), style)
    following = _next_command(outcome, command)
    if following:
        yield fact_line("next", style(following, "bold"), style)


def _as_before(outcome: Outcome, plans: Iterable[Plan]) -> bool:
    """Whether all that the run has changed was taken back."""
    return not outcome.stuck and any(isinstance(plan, UndoPlan) and plan.whole for plan in plans)


def _services(steps: Iterable[Step]) -> list[str]:
    return list(dict.fromkeys(quoted(step.service) for step in steps if step.service))


def _left_running(outcome: Outcome, plans: tuple[Plan, ...]) -> list[str]:
    """The services that this run has started and that run by the last look; without a last look, those not known to have ended."""
    finished = [step for steps in _finished(outcome, plans) for step in steps]
    ended = {
        failure.step.service
        for failure in (*outcome.failures, *outcome.tolerated)
        if isinstance(failure.error, WaitError) and failure.error.exit_code_of_container is not None
    }
    for step in finished:
        if isinstance(step.action, WaitFor) and step.action.condition is Condition.completed:
            ended.add(step.service)
    started = [step for step in finished if isinstance(step.action, StartContainer)]
    if outcome.running is not None:
        return _services(step for step in started if step.service in outcome.running)
    return _services(step for step in started if step.service not in ended)


def _finished(outcome: Outcome, plans: tuple[Plan, ...]) -> Iterator[list[Step]]:
    """The steps of each plan that are done. A step whose answer was lost was done if no later plan does it. What is postponed is of
    an earlier plan than the last, which may have the same steps.
    """
    events: tuple[Failed | Skipped, ...] = (*outcome.failures, *outcome.tolerated, *outcome.skipped)
    for place, plan in enumerate(plans, 1):
        later = {_act(step) for each in plans[place:] for step in each.steps}
        open_ = [event.step for event in events]
        if place < len(plans):
            open_ += [
                event.step
                for event in outcome.postponed
                if not isinstance(event.error, LostAnswerError) or _act(event.step) in later
            ]
        yield [step for step in plan.steps if step not in open_]


def _act(step: Step) -> tuple[type, str]:
    return type(step.action), subject(step.action)


def _next_command(outcome: Outcome, command: str) -> str:
    """The command that tells more about the first cause, or tries again."""
    for failure in outcome.failures:
        service = failure.step.service
        match failure.step.action:
            case PullImage() if service:
                return f"stackctl pull {service}"
            case BuildImage() if service:
                return f"stackctl build {service}"
            case WaitFor() | StartContainer() if service:
                return f"stackctl logs {service}"
            case WaitForService() if service:
                return f"stackctl deploy logs {service}"
            case action if isinstance(action, SwarmAction):
                return "stackctl deploy status"
            case _:
                return "stackctl status"
    return f"{command} goes on" if outcome.interrupted and outcome.skipped else ""

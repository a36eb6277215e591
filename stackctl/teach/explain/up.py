"""The plan of `up` in words: what, why, in which order, and what waits for what."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from stackctl.planner.steps.actions import (
    BuildImage,
    CreateContainer,
    CreateNetwork,
    CreateVolume,
    PullImage,
    StartContainer,
    WaitFor,
)
from stackctl.planner.steps.plan import Plan, Step
from stackctl.planner.up.planning import UpPlan
from stackctl.planner.world.probes import CommandProbe, HttpProbe, LogProbe, Probe, ProtocolProbe, TcpProbe
from stackctl.show.text.amounts import counted, quoted
from stackctl.show.text.safe import one_line, shortened
from stackctl.show.text.style import PLAIN, Style
from stackctl.show.words import describe, words
from stackctl.spec.model import Condition
from stackctl.spec.output.redact import redacted
from stackctl.spec.text.parts import written
from stackctl.teach.explain.blocks import wrapped

_INDENT = 4
_LONGEST = 60


def plan_words(plan: Plan, style: Style = PLAIN) -> str:
    """The plan, step by step. Without steps: why there are none."""
    notes = ["\n".join(wrapped(f"Note: {one_line(note)}.", style=style)) for note in plan.notes]
    if not plan.steps:
        return "\n\n".join(["\n".join(_nothing(plan, style)), *notes])
    head = (
        f"`stackctl up` would take {counted(len(plan.steps), 'step')} for project {quoted(plan.project)}. A step begins as soon as "
        "everything that it waits for is done; steps that do not wait for each other run at the same time."
    )
    by_id = {step.id: step for step in plan.steps}
    parts = ["\n".join(wrapped(head, style=style))]
    parts += ["\n".join(_step(step, by_id, style)) for step in plan.steps]
    return "\n\n".join([*parts, *notes])


def _nothing(plan: Plan, style: Style) -> Iterator[str]:
    yield from wrapped("`stackctl up` would do nothing: what is there is what stack.toml says.", style=style)
    for slot in plan.view.slots if isinstance(plan, UpPlan) else ():
        if slot.current:
            state = "has done its work" if slot.current.completed else f"is {slot.current.state}"
            yield from wrapped(
                f"  {quoted(slot.want.service)}: container {quoted(slot.current.name)} {state}, and nothing in its definition, "
                "its image or its networks has changed.",
                style=style,
            )


def _step(step: Step, by_id: Mapping[int, Step], style: Style) -> Iterator[str]:
    what = describe(step.action)
    yield f"{step.id:>2}  {style(shortened(what, 200), 'bold')}"
    said = [f"Why: {one_line(step.why)}."] if step.why else []
    if step.after:
        said.append(f"Waits for: {_these(step.after, by_id)}.")
    if isinstance(step.action, WaitFor):
        said += _asked(step.action)
    if step.optional:
        said.append("If it fails, the others go on.")
    for sentence in said:
        yield from (" " * _INDENT + line for line in wrapped(sentence, _INDENT, style))


def _these(ids: Collection[int], by_id: Mapping[int, Step]) -> str:
    return ", ".join(f"{_short(by_id[each])} ({each})" for each in sorted(ids) if each in by_id)


def _short(step: Step) -> str:
    """`network shop_default`, `the start of shop-db-1`."""
    said = words(step.action)
    match step.action:
        case WaitFor():
            return f"{said.name}{said.rest}"
        case StartContainer():
            return f"the start of {said.name}"
        case CreateContainer() | CreateNetwork() | CreateVolume() | PullImage() | BuildImage():
            return said.what
    return f"{said.verb.lower()} {said.what}"


def _asked(wait: WaitFor) -> Iterator[str]:
    """What is asked, how often, and for how long."""
    if wait.probes:
        for probe in wait.probes:
            yield f"Ready means: {question(probe)}."
    elif wait.condition is Condition.completed:
        yield "Done means: it has ended with exit code 0."
    elif wait.ports:
        yield f"Ready means: port {', '.join(map(str, wait.ports))} accepts a connection."
    elif wait.condition is Condition.healthy:
        yield "Ready means: the health check of its image passes."
    else:
        yield "Ready means: it runs. It has no check, so nothing more can be known."
    yield f"If that never comes, `up` gives up after {wait.timeout:g} s, with exit code 4."


def question(probe: Probe) -> str:
    """What a check asks, in words."""
    match probe:
        case CommandProbe(test):
            command = " ".join(redacted([written(word) for word in test[1:]]))
            return f"the command `{shortened(one_line(command), _LONGEST)}` in the container ends with 0"
        case TcpProbe(port):
            return f"port {port} accepts a connection"
        case HttpProbe(port, path):
            return f"port {port} answers GET {one_line(path)} with a status of 200 to 399"
        case LogProbe(regex):
            return f"its log has a line with {shortened(one_line(regex), _LONGEST)}"
        case ProtocolProbe(protocol, port):
            return f"a server on port {port} speaks {protocol}: an open port alone is not enough"

"""What a lab says to its student: what should work in the end, what is repaired, and what to do next."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from stackctl.show.text.amounts import counted
from stackctl.show.text.safe import one_line
from stackctl.show.text.style import PLAIN, Style
from stackctl.teach.lab.goals import Goal, Sight
from stackctl.teach.lab.judging import Judgement
from stackctl.teach.lab.labs import LABS
from stackctl.teach.lab.making import Made

_WIDTH = 78


def lab_text(made: Made) -> str:
    """The text that stands in LAB.txt."""
    program = "The program in app/ is right. stack.toml is not:"
    return "\n".join(
        [
            *wrapped(f"Lab {made.number} for {made.names.student}: {made.lab.title}"),
            "",
            f"{program} {counted(len(made.mistakes), 'mistake')}.",
            "What should work in the end:",
            "",
            *(line for goal in made.goals for line in _item("*", goal.text)),
            "",
            "Begin:",
            "",
            "  stackctl check                   what can be seen before anything runs",
            "  stackctl up --wait-timeout 20    bring it up; status and logs tell the rest",
            "  stackctl lab check               what is repaired, what is not",
            "  stackctl lab hint                a hint; each call tells more",
            "",
            "Change stack.toml as you like: every way that works counts.",
            "stackctl down takes the stack away again.",
            "",
        ]
    )


def labs_text() -> str:
    """The labs, and what each teaches."""
    lines = []
    for number, lab in LABS.items():
        lines += [f"  {number} {lab.title}", *(f"    {line}" for line in wrapped(lab.teaches, _WIDTH - 4))]
    return "\n".join(lines)


def wrapped(text: str, width: int = _WIDTH) -> list[str]:
    """The lines of a text. A word that is too long has a line of its own."""
    return textwrap.wrap(text, width, break_on_hyphens=False, break_long_words=False)


def judgement_text(judged: Judgement, style: Style = PLAIN) -> str:
    """What is repaired and what is not, and what to do next."""
    made = judged.made
    lines = [
        *wrapped(_summary(judged)),
        "",
    ]
    for goal in made.goals:
        lines += _goal(judged, goal, style)
    lines += ["", *_next(judged)]
    return "\n".join(lines)


def _summary(judged: Judgement) -> str:
    made = judged.made
    repaired = f"{judged.count} of {counted(len(made.mistakes), 'mistake')} repaired"
    return f"lab {made.number} for {made.names.student}: {repaired}"


def _goal(judged: Judgement, goal: Goal, style: Style) -> Iterator[str]:
    mark = {
        Sight.whole: style("✔", "green"),
        Sight.broken: style("✘", "red"),
        Sight.unknown: style("?", "yellow"),
    }[judged.seen[goal.key]]
    lines = _item(mark, goal.text, plain="✔")
    shown = judged.trial.shown.get(goal.key) if judged.trial else None
    if shown and not shown.works:
        lines += [f"      {line}" for line in wrapped(one_line(shown.told), _WIDTH - 6)]
    yield from lines


def _next(judged: Judgement) -> Iterator[str]:
    if judged.trial and judged.trial.failure:
        yield from wrapped(f"Tried: {one_line(judged.trial.failure)}")
    if judged.spoilt:
        yield "Some of this worked before: undo the last change."
    if judged.errors:
        yield f"stack.toml has {counted(judged.errors, 'error')}: stackctl check tells where."
    if judged.whole and judged.wants_trial and not judged.trial:
        yield "By the file everything is right. stackctl lab check, without --offline,"
        yield "brings it up and sees whether it works."
    elif judged.whole:
        yield "Well done: everything works."
        if judged.differences:
            yield "Another way than the lab's own, and as right."
    elif Sight.unknown in judged.seen.values() and not judged.trial:
        yield "? is seen only when it runs: stackctl lab check, without --offline."
    else:
        yield "stackctl lab hint tells more."


def _item(mark: str, text: str, *, plain: str = "") -> list[str]:
    """An item of a list, in lines of at most 80 columns. `plain` is the mark without colour."""
    width = len(plain or mark)
    first, *rest = wrapped(text, _WIDTH - width - 3)
    return [f"  {mark} {first}", *(f"  {' ' * width} {line}" for line in rest)]

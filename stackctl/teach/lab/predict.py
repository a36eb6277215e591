"""Ask what will happen before it happens: questions about the plan of now. The plan itself has the answers."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from string import ascii_lowercase

from stackctl.errors import UsageError
from stackctl.planner.steps.actions import RemoveVolume
from stackctl.planner.steps.plan import Plan
from stackctl.planner.world.desired import Desired
from stackctl.show.changes import changes
from stackctl.teach.explain.quiz import Question
from stackctl.teach.lab.text import wrapped

_MOST = 4
"""How many choices a question has at most."""


def about_recreation(plan: Plan, there: Collection[str]) -> Question:
    """Which containers does `up` recreate? `there` are the services that have a container now.

    Raises UsageError if there is nothing to tell apart.
    """
    found = [change for change in changes(plan) if change.group == "Services"]
    recreated = sorted(change.name for change in found if change.verb == "recreate")
    if not there or not found:
        raise UsageError(
            "`stackctl up` would change no container, so there is nothing to predict",
            "bring the stack up, change stack.toml, and ask again; or ask about something else: --about order",
        )
    rest = sorted(set(there) - set(recreated))
    wrong = [
        [],
        sorted(there),
        sorted([*recreated, *rest[:1]]),
        recreated[1:],
        rest,
    ]
    why = [f"{change.name}: {change.verb} ({change.why})" for change in found]
    return _question(
        "`stackctl up` now: which containers does it recreate?",
        _names(recreated),
        [_names(each) for each in wrong],
        f"{'; '.join(why)}. Whoever is the same as in the file stays as it is.",
    )


def about_order(desired: Desired) -> Question:
    """In which order do the containers start? Raises UsageError for a stack with one container only."""
    waits = {spec.service: [need.service for need in spec.needs] for spec in desired.containers}
    if len(waits) < 2:
        raise UsageError("the stack has one container only, so there is no order to predict")
    right = _levels(waits)
    flat = [[name] for name in waits]
    wrong = [
        [[*waits]],
        right[::-1],
        flat,
        flat[::-1],
        [*right[1:], *right[:1]],
    ]
    why = [f"{name} waits for {_names(others)}" for name, others in waits.items() if others]
    return _question(
        "`stackctl up`, from nothing: in which order do the containers start?",
        _order(right),
        [_order(each) for each in wrong],
        f"{'; '.join(why) or 'no container waits for another one'}.",
    )


def about_loss(plan: Plan, kept: Collection[str]) -> Question:
    """What is lost by `down --volumes`? `plan` is its plan, `kept` are the volumes of the stack that stay.

    Raises UsageError if nothing of the project is there.
    """
    if not plan.steps:
        raise UsageError(
            "nothing of the project is there, so nothing can be lost", "stackctl up brings it up"
        )
    lost = sorted(step.action.name for step in plan.steps if isinstance(step.action, RemoveVolume))
    every = sorted({*lost, *kept})
    wrong = [_data([]), _data(every), "the data and the images", _data(every[:1])]
    stay = f" {_names(sorted(kept))} stay: external or protected." if kept else ""
    return _question(
        "`stackctl down --volumes` now: what is lost?",
        _data(lost),
        wrong,
        "--volumes removes the volumes that the stack has made; a plain down keeps them." + stay,
    )


def _levels(waits: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """The containers in the order of their starts: those of one list start at the same time."""
    depth: dict[str, int] = {}
    for name in waits:  # dependencies come first
        depth[name] = max((depth[other] + 1 for other in waits[name] if other in depth), default=0)
    return [[name for name in waits if depth[name] == level] for level in range(max(depth.values()) + 1)]


def _order(levels: Sequence[Sequence[str]]) -> str:
    return ", then ".join(_names(level) + (" together" if len(level) > 1 else "") for level in levels)


def _data(volumes: Sequence[str]) -> str:
    return f"the data in {_names(volumes)}" if volumes else "no data"


def _names(names: Sequence[str]) -> str:
    if len(names) < 2:
        return names[0] if names else "none"
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _question(text: str, right: str, wrong: Sequence[str], why: str) -> Question:
    """The choices stand in the order of their texts, so that their places tell nothing."""
    choices = sorted([right, *_others(right, wrong)])
    return Question(text, tuple(choices), choices.index(right), why)


def _others(right: str, wrong: Sequence[str]) -> Iterator[str]:
    yield from [each for each in dict.fromkeys(wrong) if each != right][: _MOST - 1]


def question_text(question: Question) -> str:
    """The question with a letter for each choice."""
    lines = [*wrapped(question.text), ""]
    for letter, choice in zip(ascii_lowercase, question.choices, strict=False):
        first, *rest = wrapped(choice, 72)
        lines += [f"  {letter}  {first}", *(f"     {line}" for line in rest)]
    return "\n".join(lines)


def chosen(question: Question, answer: str) -> int:
    """The index of the choice that an answer names, by its letter. Raises UsageError for any other answer."""
    letters = ascii_lowercase[: len(question.choices)]
    letter = answer.strip().rstrip(").").lower()
    if len(letter) != 1 or letter not in letters:
        raise UsageError(f"{answer.strip()!r} is no answer", f"answer with one of: {', '.join(letters)}")
    return letters.index(letter)


def truth_text(question: Question, choice: int) -> str:
    """Whether the choice was right, what is right, and why."""
    right = f"{ascii_lowercase[question.right]}, {question.choices[question.right]}."
    verdict = f"Right: {right}" if choice == question.right else f"Not so. What happens is {right}"
    return "\n".join([*wrapped(verdict), *wrapped(question.why)])

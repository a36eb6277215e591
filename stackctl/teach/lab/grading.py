"""The grades of a class: how much each student has repaired, with how much help, and whose work it is.

A lab carries the names and values of its student. So a stack that was copied carries those of another one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import PurePath

from msgspec import Struct

from stackctl.spec.model import Stack
from stackctl.teach.lab.goals import Sight
from stackctl.teach.lab.judging import Judgement
from stackctl.teach.lab.log import Log
from stackctl.teach.lab.variation import seed_of, vary

_UNIQUE = ("project", "title", "password")
"""The marks that two students have in common only by a chance of one in a million."""
_LIKELY = 0.5
"""The share of another student's marks from which on a stack is probably theirs."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet reads a cell that begins so as a formula."""


class Sure(StrEnum):
    """How sure it is that a lab is a copy."""

    sure = "sure"
    likely = "likely"
    perhaps = "perhaps"


class Submission(Struct, frozen=True):
    """A directory that a student has handed in. `place` is its path below the directory of the class."""

    place: PurePath
    log: Log
    judged: Judgement
    stack: Stack | None

    @property
    def student(self) -> str:
        return self.log.start.student

    @property
    def lab(self) -> int:
        return self.log.start.lab


class Copy(Struct, frozen=True):
    """Whose work a lab is ("" if that is not known), how sure this is, and what tells it."""

    of: str
    sure: Sure
    why: str


class Grade(Struct, frozen=True, kw_only=True):
    """A row of the table. `minutes` go from the start to the first check that found everything repaired. `ran`: whether such a
    check has brought the stack up.
    """

    directory: str
    student: str
    lab: int
    repaired: int
    mistakes: int
    whole: str
    ran: str
    hints: int
    attempts: int
    minutes: int
    copy_of: str = ""
    sure: str = ""
    note: str = ""

    @property
    def cells(self) -> list[str]:
        return [_cell(str(getattr(self, name))) for name in self.__struct_fields__]


COLUMNS = Grade.__struct_fields__


def grades(submissions: Sequence[Submission]) -> tuple[Grade, ...]:
    """A grade for each submission, in their order."""
    return tuple(_grade(each, submissions) for each in submissions)


def _grade(each: Submission, everybody: Sequence[Submission]) -> Grade:
    judged, log = _decided(each), each.log
    copied = next(_copies(each, everybody), None)
    notes = [copied.why if copied else "", "" if log.intact else "the log was changed by hand"]
    return Grade(
        directory=str(each.place),
        student=each.student,
        lab=each.lab,
        repaired=judged.count,
        mistakes=len(judged.made.mistakes),
        whole=_yes(judged.whole),
        ran=_yes(any(check.ran and check.whole for check in log.checks)),
        hints=len(log.hints),
        attempts=len(log.checks),
        minutes=round(log.minutes),
        copy_of=(copied.of or "?") if copied else "",
        sure=copied.sure if copied else "",
        note="; ".join(filter(None, notes)),
    )


def _yes(holds: object) -> str:
    return "yes" if holds else "no"


def _cell(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _decided(each: Submission) -> Judgement:
    """The judgement. What only a running stack can tell is taken from the last check that brought it up."""
    last = next((check for check in reversed(each.log.checks) if check.ran), None)
    if last is None or not each.log.intact:
        return each.judged
    seen = {
        key: Sight.whole if sight is Sight.unknown and last.goals.get(key) else sight
        for key, sight in each.judged.seen.items()
    }
    return Judgement(each.judged.made, seen, each.judged.errors)


# Copies


def _copies(each: Submission, everybody: Sequence[Submission]) -> Iterator[Copy]:
    """Everything that tells that a submission is a copy, the most certain first."""
    found = [
        *_by_seed(each, everybody),
        *_by_place(each, everybody),
        *_by_marks(each, everybody),
        *_twice(each, everybody),
    ]
    yield from sorted(found, key=lambda copied: [*Sure].index(copied.sure))


def _by_seed(each: Submission, everybody: Sequence[Submission]) -> Iterator[Copy]:
    """The seed in the log belongs to one student and one lab."""
    seed = each.log.start.seed
    if seed != seed_of(each.lab, each.student):
        of = next((other.student for other in everybody if seed == seed_of(each.lab, other.student)), "")
        yield Copy(of, Sure.sure, f"the seed in the log is not that of {each.student}")


def _by_place(each: Submission, everybody: Sequence[Submission]) -> Iterator[Copy]:
    """A directory that is called like one student holds the lab of another one."""
    students = {other.student for other in everybody}
    named = [part for part in each.place.parts if part in students]
    if named and each.student not in named:
        yield Copy(each.student, Sure.sure, f"the directory of {named[0]} holds the lab of {each.student}")


def _twice(each: Submission, everybody: Sequence[Submission]) -> Iterator[Copy]:
    same = [
        other
        for other in everybody
        if other is not each and (other.student, other.lab) == (each.student, each.lab)
    ]
    if same and each.student not in each.place.parts:
        yield Copy(each.student, Sure.perhaps, f"{same[0].place} holds the same lab")


def _by_marks(each: Submission, everybody: Sequence[Submission]) -> Iterator[Copy]:
    """A stack that carries the names and values of another student, or not those of its own."""
    words = _words(each.stack) if each.stack else set()
    if not words:
        return
    mine = vary(each.lab, each.student).marks
    for other in dict.fromkeys(other.student for other in everybody if other.student != each.student):
        theirs = {name: mark for name, mark in vary(each.lab, other).marks.items() if mark != mine[name]}
        hits = [name for name, mark in theirs.items() if mark in words]
        unique = [name for name in hits if name in _UNIQUE]
        if unique or len(hits) / len(theirs) >= _LIKELY:
            sure = Sure.sure if unique else Sure.likely
            yield Copy(other, sure, f"{len(hits)} of {len(theirs)} names and values are those of {other}")
    if not any(mine[name] in words for name in _UNIQUE):
        yield Copy("", Sure.likely, f"nothing in it is of the lab of {each.student}")


def _words(stack: Stack) -> set[str]:
    """Every name and value in a stack, and the words in each."""
    texts = [stack.project, *stack.everything, *stack.networks, *stack.volumes]
    for service in stack.everything.values():
        texts += [text for text in service.resolved.values() if text]
        texts += [str(port.published) for port in service.ports if port.published]
    return {word for text in texts for word in (str(text), *re.split(r"[^\w-]+", str(text)))}

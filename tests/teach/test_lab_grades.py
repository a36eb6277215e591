"""The grades of a class: what is counted, and whose work it is."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import PurePath
from typing import Any

import pytest

from stackctl.teach.lab.goals import Sight
from stackctl.teach.lab.grading import Grade, Submission, grades
from stackctl.teach.lab.judging import judge
from stackctl.teach.lab.labs import Tree
from stackctl.teach.lab.log import Entry, log_line, read_log
from stackctl.teach.lab.making import applied, make, understood

AT = datetime(2024, 5, 1, 10, 0, tzinfo=UTC)


def submission(student: str, tree: Tree | None = None, **more: Any) -> Submission:
    """What a student hands in: by default the right stack of their own lab 3, in a directory with their name."""
    lab = more.get("lab", 3)
    made = make(lab, student)
    entries = [
        Entry(at=AT, event="start", lab=lab, student=student, seed=more.get("seed", made.names.seed)),
        Entry(at=AT + timedelta(minutes=2), event="hint", mistake=0, level=1),
        Entry(at=AT + timedelta(minutes=4), event="check", goals={"listens": True}, ran=True),
        Entry(
            at=AT + timedelta(minutes=7, seconds=40),
            event="check",
            whole=True,
            ran=True,
            goals={"listens": True},
        ),
    ]
    text = ""
    for entry in entries:
        text += log_line(entry, text)
    if more.get("edited"):
        text = text.replace('"level":1', '"level":2')
    log = read_log(text)
    assert log is not None
    stack = understood(made.right if tree is None else tree, made.names)
    place = PurePath(more.get("place", f"{student}/lab-{lab}"))
    return Submission(place, log, judge(made, stack), stack)


def grade(*submissions: Submission) -> Grade:
    """The grade of the first one."""
    return grades(submissions)[0]


CLASS = [submission(student) for student in ("bob", "grace", "linus")]


def test_own_work_is_counted_and_is_no_copy() -> None:
    found = grades([submission("ada"), *CLASS])
    assert found[0].cells == ["ada/lab-3", "ada", "3", "3", "3", "yes", "yes", "1", "2", "8", "", "", ""]
    assert {each.copy_of for each in found} == {""}


def test_no_two_of_a_hundred_are_taken_for_copies() -> None:
    for lab in (1, 6):
        everybody = [submission(f"student-{number}", lab=lab) for number in range(100)]
        assert [each for each in grades(everybody) if each.copy_of] == []


def test_a_lab_that_is_not_repaired_is_counted_as_it_is() -> None:
    made = make(3, "ada")
    found = grade(submission("ada", applied(made.right, made.mistakes[:1])), *CLASS)
    assert (found.repaired, found.mistakes, found.whole, found.copy_of) == (2, 3, "no", "")


def test_the_stack_of_another_student_is_a_copy() -> None:
    found = grade(submission("ada", make(3, "bob").right), *CLASS)
    assert (found.whole, found.copy_of, found.sure) == ("no", "bob", "sure")
    assert "are those of bob" in found.note


def test_a_copy_with_other_names_is_found_by_what_was_left() -> None:
    text = json.dumps(make(3, "bob").right)
    theirs, mine = make(3, "bob").names, make(3, "ada").names
    for name in ("api", "cache", "network"):
        text = text.replace(f'"{getattr(theirs, name)}"', f'"{getattr(mine, name)}"')
    found = grade(submission("ada", json.loads(text)), *CLASS)
    assert (found.copy_of, found.sure) == ("bob", "sure")


def test_the_lab_of_somebody_who_is_not_in_the_class_is_nobodys() -> None:
    found = grade(submission("ada", {**make(3, "eve").right, "name": make(3, "eve").names.project}), *CLASS)
    assert (found.copy_of, found.sure) == ("?", "likely")


def test_a_seed_of_another_student_is_a_copy() -> None:
    found = grade(submission("ada", seed=make(3, "bob").names.seed), *CLASS)
    assert (found.copy_of, found.sure) == ("bob", "sure")
    assert grade(submission("ada", seed="0" * 16), *CLASS).copy_of == "?"


def test_a_directory_of_one_student_with_the_lab_of_another_is_a_copy() -> None:
    found = grade(submission("bob", place="ada/lab-3"), submission("ada"), *CLASS)
    assert (found.student, found.copy_of, found.sure) == ("bob", "bob", "sure")
    assert found.note == "the directory of ada holds the lab of bob"


def test_the_same_lab_twice_is_perhaps_a_copy() -> None:
    found = grade(submission("bob", place="upload-17/lab-3"), *CLASS)
    assert (found.copy_of, found.sure) == ("bob", "perhaps")
    assert grade(CLASS[0], submission("bob", place="upload-17/lab-3")).copy_of == ""


def test_a_log_that_was_changed_is_noted_and_not_believed() -> None:
    made = make(3, "ada")
    tree = json.loads(json.dumps(made.right))
    tree["services"][made.names.api]["command"] = ["sh", "-c", "HOST=0.0.0.0 exec python /app/app.py"]
    tree["services"][made.names.api]["environment"]["HOST"] = "127.0.0.1"
    honest = submission("ada", tree)
    assert honest.judged.seen["listens"] is Sight.unknown
    assert grade(honest).repaired - grade(submission("ada", tree, edited=True)).repaired == 1
    assert "changed by hand" in grade(submission("ada", tree, edited=True)).note


@pytest.mark.parametrize("student", ["=1+1", "@SUM(A1)", "-2"])
def test_no_cell_is_a_formula(student: str) -> None:
    assert grade(submission(student, place="x")).cells[1] == f"'{student}"

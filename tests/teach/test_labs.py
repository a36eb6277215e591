"""Labs: the same id gets the same lab, each lab is broken and can be repaired in every right way, and nothing else counts."""

import copy
import functools
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stackctl.errors import UsageError
from stackctl.spec.lint.rules import lint
from stackctl.spec.source.reading import Written, examine_written
from stackctl.spec.source.request import StackRequest
from stackctl.teach.lab.goals import Sight
from stackctl.teach.lab.hints import LEVELS, hint
from stackctl.teach.lab.judging import Judgement, Shown, Trial, judge
from stackctl.teach.lab.labs import LABS, Tree
from stackctl.teach.lab.log import Entry, log_line, read_log
from stackctl.teach.lab.making import Made, applied, broken_goals, understood
from stackctl.teach.lab.making import make as made_anew
from stackctl.teach.lab.mutations import KINDS, UNSEEN
from stackctl.teach.lab.text import judgement_text, lab_text, labs_text
from stackctl.teach.lab.variation import vary

IDS = [f"student-{number}" for number in range(200)]
make = functools.cache(made_anew)
EVERY = pytest.mark.parametrize("number", LABS)


def judged(made: Made, tree: Tree) -> Judgement:
    return judge(made, understood(tree, made.names))


def problems(made: Made, tree: Tree) -> set[tuple[str, str]]:
    """What the rules find, and the reader: rule and place."""
    stack = understood(tree, made.names)
    assert stack is not None
    return {(problem.rule, problem.where) for problem in lint(stack)}


# The same lab again, and another one for everybody else


def test_the_same_id_gets_the_same_lab_in_every_process() -> None:
    script = "from stackctl.teach.lab.making import make; import json; print(json.dumps([make(n, 'ada').files for n in range(1, 7)]))"
    told = [
        subprocess.run(
            [sys.executable, "-c", script],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert told[0] == told[1]
    assert json.loads(told[0]) == [make(number, "ada").files for number in LABS]


@EVERY
def test_every_id_gets_another_lab(number: int) -> None:
    assert len({make(number, each).files["stack.toml"] for each in IDS}) == len(IDS)


@EVERY
def test_the_labs_of_two_ids_have_other_mistakes(number: int) -> None:
    """Not each two of them, but a class has many."""
    found = {tuple((each.kind, *sorted(each.goals)) for each in make(number, one).mistakes) for one in IDS}
    assert len(found) >= {3: 2}.get(number, 3)


def test_there_is_no_other_lab() -> None:
    with pytest.raises(UsageError, match="there is no lab 99"):
        make(99, "ada")


# Broken, and to be repaired


@EVERY
def test_the_right_stack_reaches_every_goal_and_has_no_problem(number: int) -> None:
    for each in IDS:
        made = make(number, each)
        seen = judged(made, made.right)
        assert set(seen.seen.values()) == {Sight.whole}, each
        assert (seen.count, seen.whole, seen.differences) == (len(LABS[number].mistakes), True, 0)
        assert problems(made, made.right) == set(), each


@EVERY
def test_a_lab_begins_with_nothing_repaired(number: int) -> None:
    for each in IDS:
        made = make(number, each)
        seen = judged(made, made.broken)
        assert (seen.count, seen.whole, seen.spoilt) == (0, False, ()), each


@EVERY
def test_a_lab_is_broken_until_the_last_mistake_is_repaired(number: int) -> None:
    for each in IDS[:40]:
        made = make(number, each)
        for left in made.mistakes:
            others = [mistake for mistake in made.mistakes if mistake is not left]
            seen = judged(made, applied(made.right, [left]))
            assert (seen.count, seen.whole) == (len(others), False), (each, left)
            assert broken_goals(applied(made.right, others), made.names, made.goals) == set().union(
                *(mistake.goals for mistake in others)
            )


@pytest.mark.parametrize("number", [1, 2])
def test_in_the_first_labs_check_tells_every_mistake(number: int) -> None:
    for each in IDS[:40]:
        made = make(number, each)
        for mistake in made.mistakes:
            tree = applied(made.right, [mistake])
            request = StackRequest(directory=made_directory(), environ={}, strict=False)
            written = Written({"name": "x", **tree}, no_variables(), (), made_directory(), ())
            assert examine_written(written, request, [lint]).problems, (each, mistake)


@pytest.mark.parametrize("number", [3, 4])
def test_in_the_labs_about_running_no_rule_tells_a_mistake(number: int) -> None:
    for each in IDS[:40]:
        made = make(number, each)
        assert problems(made, made.broken) == set(), each


def made_directory() -> Any:
    from pathlib import Path

    return Path("/")


def no_variables() -> Any:
    from stackctl.spec.text.interpolate import Lookup, Variables

    return Lookup((Variables(".env", {"DB_PASSWORD": "geheim"}),))


# Every right way counts, and no wrong one


def repaired(number: int, goal: str) -> tuple[Made, Tree]:
    """A lab in which one mistake about a goal is left, and everything else is right."""
    for each in IDS:
        made = make(number, each)
        found = [mistake for mistake in made.mistakes if goal in mistake.goals]
        if found:
            return made, applied(made.right, found)
    raise AssertionError(f"no student has a mistake about {goal} in lab {number}")


def service(made: Made, tree: Tree, role: str) -> dict[str, Any]:
    name = getattr(made.names, role)
    found: dict[str, Any] = (tree["jobs"] if role == "migrate" else tree["services"])[name]
    return found


def test_a_reference_to_the_url_counts() -> None:
    made, tree = repaired(1, "rows")
    tree = copy.deepcopy(made.right)
    service(made, tree, "api")["environment"]["DATABASE_URL"] = f"${{services.{made.names.db}.url}}"
    assert judged(made, tree).whole


def test_an_alias_for_the_wrong_host_counts() -> None:
    made = next(m for m in (make(1, each) for each in IDS) if m.mistakes[0].kind == "host renamed in a URL")
    tree = applied(made.right, [made.mistakes[0]])
    assert not judged(made, tree).whole
    wrong = made.mistakes[0].edits[0].wrong.partition("@")[2].partition(":")[0]
    service(made, tree, "db")["networks"] = {made.names.network: {"aliases": [wrong]}}
    assert judged(made, tree).whole
    assert judgement_text(judged(made, tree)).endswith("Another way than the lab's own, and as right.")
    assert judgement_text(judged(made, made.right)).endswith("Well done: everything works.")


def test_another_name_of_the_service_counts() -> None:
    made = make(1, "ada")
    tree = json.loads(
        json.dumps(made.right)
        .replace(f'"{made.names.db}"', '"treasury"')
        .replace(f"@{made.names.db}:", "@treasury:")
    )
    assert tree != made.right
    assert judged(made, tree).whole


def test_the_network_that_is_there_by_itself_counts() -> None:
    made = make(1, "ada")
    tree = copy.deepcopy(made.right)
    del tree["networks"]
    for each in tree["services"].values():
        del each["networks"]
    assert judged(made, tree).whole


def test_another_way_to_wait_counts_and_a_start_alone_does_not() -> None:
    made, tree = repaired(4, "tables")
    depends = {"healthy": "service_healthy", "started": "service_started"}
    for word, holds in (("healthy", True), ("started", False)):
        service(made, tree, "migrate")["depends_on"] = {made.names.db: {"condition": depends[word]}}
        assert judged(made, tree).holds("tables") is holds


def test_to_wait_through_another_service_counts() -> None:
    made, tree = repaired(2, "cache order")
    service(made, tree, "api")["depends_on"] = [made.names.db]
    service(made, tree, "db")["depends_on"] = [made.names.cache]
    assert judged(made, tree).holds("cache order")


@pytest.mark.parametrize(
    ("mount", "holds"),
    [
        ("{notes}:/srv/notes", True),
        ("{notes}:/srv", True),
        ("./here:/srv/notes", True),
        ("/srv/notes", False),
        ("{notes}:/srv/notes:ro", False),
        ("{notes}:/srv/note", False),
        ("{notes}:/srv/notes/2024", False),
    ],
)
def test_a_directory_is_kept_only_by_what_stays(mount: str, *, holds: bool) -> None:
    made, tree = repaired(5, "kept notes")
    service(made, tree, "api")["volumes"] = ["./app:/app:ro", mount.format(notes=made.names.notes)]
    assert judged(made, tree).holds("kept notes") is holds


def test_another_directory_of_the_notes_counts() -> None:
    made, tree = repaired(5, "kept notes")
    service(made, tree, "api")["environment"]["NOTES_DIR"] = "/data"
    service(made, tree, "api")["volumes"] = ["./app:/app:ro", f"{made.names.notes}:/data"]
    assert judged(made, tree).holds("kept notes")


def test_a_cache_that_is_told_to_keep_nothing_does_not_count() -> None:
    made = make(5, "ada")
    tree = copy.deepcopy(made.right)
    del service(made, tree, "cache")["command"]
    assert not judged(made, tree).holds("kept visits")


def test_the_port_may_be_moved_inside_the_program() -> None:
    made, tree = repaired(3, "page")
    inside = service(made, tree, "api")["ports"][0].partition(":")[2]
    service(made, tree, "api")["environment"]["PORT"] = inside
    assert judged(made, tree).holds("page")


def test_another_port_of_the_machine_is_not_what_was_asked_for() -> None:
    made = make(3, "ada")
    tree = copy.deepcopy(made.right)
    service(made, tree, "api")["ports"] = [f"{made.names.port + 1}:8000"]
    assert not judged(made, tree).holds("page")


def test_what_another_command_does_is_seen_only_when_it_runs() -> None:
    made, tree = repaired(3, "listens")
    service(made, tree, "api")["command"] = ["sh", "-c", "HOST=0.0.0.0 exec python /app/app.py"]
    assert judged(made, tree).seen["listens"] is Sight.unknown


@EVERY
@pytest.mark.parametrize("role", ["api", "db", "cache", "web", "migrate"])
def test_to_take_a_service_away_is_no_repair(number: int, role: str) -> None:
    made = make(number, "ada")
    tree = copy.deepcopy(made.right)
    for section in ("services", "jobs"):
        tree.get(section, {}).pop(getattr(made.names, role), None)
    for each in [*tree["services"].values(), *tree.get("jobs", {}).values()]:
        if getattr(made.names, role) in each.get("depends_on", ()):
            each["depends_on"].remove(getattr(made.names, role))
    assert judged(made, tree).whole is (tree == made.right)


def test_what_worked_before_is_told_apart() -> None:
    made = make(3, "ada")
    tree = copy.deepcopy(made.broken)
    service(made, tree, "api")["depends_on"] = []
    assert [goal.key for goal in judged(made, tree).spoilt] == ["cache order"]
    assert "worked before" in judgement_text(judged(made, tree))


def test_a_file_that_cannot_be_read_reaches_nothing() -> None:
    made = make(1, "ada")
    assert set(judge(made, None).seen.values()) == {Sight.broken}


# A running stack


def tried(made: Made, tree: Tree, failure: str = "", **shown: bool) -> Judgement:
    return judged(made, tree).tried(
        Trial({key: Shown(works, f"saw {key}") for key, works in shown.items()}, failure)
    )


def test_a_running_stack_decides_what_the_file_does_not_tell() -> None:
    made, tree = repaired(3, "listens")
    service(made, tree, "api")["command"] = ["sh", "-c", "exec python /app/app.py"]
    assert tried(made, tree, listens=True, title=True, page=True).whole
    told = tried(made, tree, listens=False)
    assert told.seen["listens"] is Sight.broken
    assert "      saw listens" in judgement_text(told).splitlines()


def test_what_works_is_right_whatever_the_file_says() -> None:
    made, tree = repaired(3, "listens")
    assert not judged(made, tree).whole
    assert tried(made, tree, listens=True).whole


def test_what_does_not_run_is_not_right_although_the_file_is() -> None:
    made = make(3, "ada")
    assert not tried(made, made.right, visits=False).holds("visits")
    told = tried(made, made.right, failure="api has ended: oh")
    assert not told.whole
    assert "Tried: api has ended: oh" in judgement_text(told)


def test_a_mistake_is_not_blamed_for_what_another_one_breaks() -> None:
    made = make(3, "ada")
    tree = applied(made.right, [each for each in made.mistakes if "listens" in each.goals])
    seen = tried(made, tree, listens=False, page=False)
    assert seen.holds("page")
    assert seen.count == 2


def test_a_right_file_of_a_lab_about_running_wants_to_run() -> None:
    made = make(3, "ada")
    assert "brings it up and sees" in judgement_text(judged(made, made.right))
    assert "Well done" in judgement_text(tried(made, made.right))


# Words


def test_every_kind_of_mistake_has_three_hints_and_the_last_says_what_is_right() -> None:
    told = set()
    for number in LABS:
        for each in IDS:
            for mistake in make(number, each).mistakes:
                told.add(mistake.kind)
                hints = [hint(mistake, level) for level in range(1, LEVELS + 1)]
                assert all(hints)
                right = [edit.right for edit in mistake.edits if edit.right not in (None, {})]
                shown = "\n".join(hints[-1])
                assert not right or any(
                    json.dumps(each) in shown or "table is called" in shown for each in right
                )
    assert told <= KINDS.keys() | UNSEEN.keys()
    assert UNSEEN.keys() <= told


@pytest.mark.parametrize("student", ["ada", "a-student-with-quite-a-long-name@university.example"])
def test_every_text_fits_into_80_columns(student: str) -> None:
    texts = [labs_text()]
    for number in LABS:
        made = make(number, student)
        texts += [
            lab_text(made),
            judgement_text(judged(made, made.broken)),
            judgement_text(judged(made, made.right)),
        ]
    assert [line for text in texts for line in text.splitlines() if len(line) > 80] == []


# The log


def entries() -> list[Entry]:
    at = datetime(2024, 5, 1, 10, 0, tzinfo=UTC)
    return [
        Entry(at=at, event="start", lab=3, student="ada", seed=vary(3, "ada").seed),
        Entry(at=at + timedelta(minutes=3), event="hint", mistake=1, level=1),
        Entry(at=at + timedelta(minutes=5), event="check", repaired=1),
        Entry(at=at + timedelta(minutes=9), event="check", repaired=3, whole=True),
        Entry(at=at + timedelta(minutes=70), event="check", repaired=3, whole=True),
    ]


def log_text() -> str:
    text = ""
    for entry in entries():
        text += log_line(entry, text)
    return text


def test_a_log_says_what_happened() -> None:
    log = read_log(log_text())
    assert log is not None
    assert log.intact
    assert (log.start.student, len(log.hints), len(log.checks), log.minutes) == ("ada", 1, 3, 9)


@pytest.mark.parametrize("changed", ["a hint is taken out", "a number is changed", "a line is broken"])
def test_a_log_that_was_changed_is_noticed(changed: str) -> None:
    lines = log_text().splitlines(keepends=True)
    match changed:
        case "a hint is taken out":
            del lines[1]
        case "a number is changed":
            lines[2] = lines[2].replace('"repaired":1', '"repaired":2')
        case _:
            lines[2] = lines[2][:10] + "\n"
    log = read_log("".join(lines))
    assert log is not None
    assert not log.intact


@pytest.mark.parametrize("text", ["", "hello\n", '{"at":"2024-05-01T10:00:00Z","event":"hint"}\n'])
def test_what_is_no_log_of_a_lab_is_none(text: str) -> None:
    assert read_log(text) is None

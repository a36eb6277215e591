"""The command line of the labs: what it writes, what it says, what it refuses."""

import csv
import io
import json
from pathlib import Path

import pytest
from commandline import Run

from stackctl.teach.lab.making import make, written

pytest_plugins = ["commandline_fixtures"]


def test_start_writes_a_lab_and_says_what_to_do(run: Run, tmp_path: Path) -> None:
    ran = run("lab", "start", "4", "--student", "ada")
    assert ran.code == 0
    assert ran.out.startswith("Lab 4 for ada: ")
    assert ran.out.endswith("next: cd lab-4\n")
    files = {
        str(path.relative_to(tmp_path / "lab-4"))
        for path in (tmp_path / "lab-4").rglob("*")
        if path.is_file()
    }
    assert files == {*make(4, "ada").files, "LAB.txt", "lab.jsonl"}
    assert (tmp_path / "lab-4/LAB.txt").read_text() in ran.out


def test_start_takes_the_login_name_and_another_directory(run: Run, tmp_path: Path) -> None:
    assert run("lab", "start", "1", "-o", "here/it/is", LOGNAME="grace").code == 0
    assert (tmp_path / "here/it/is/stack.toml").read_text() == make(1, "grace").files["stack.toml"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("start 99", "there are: 1, 2, 3, 4, 5, 6"),
        ("start 1 -o there", "there exists"),
        ("start 1 --student \x1b[31m", "has characters that cannot be shown"),
        ("check", "this is not the directory of a lab"),
        ("hint nowhere", "this is not the directory of a lab"),
        ("check no-log", "is not the log of a lab"),
    ],
)
def test_a_wrong_call_is_refused_with_a_reason(run: Run, tmp_path: Path, words: str, told: str) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "no-log").mkdir()
    (tmp_path / "no-log/lab.jsonl").write_text("hello\n")
    ran = run("lab", *words.split())
    assert ran.code == 2
    assert told in ran.err


def test_hints_go_on_mistake_by_mistake_and_stand_in_the_log(run: Run, tmp_path: Path) -> None:
    run("lab", "start", "1", "--student", "ada")
    said = [run("lab", "hint", "lab-1").out.splitlines()[0] for _ in range(8)]
    assert said == [
        *(f"mistake 1 of 2, hint {level} of 3:" for level in (1, 2, 3)),
        *(f"mistake 2 of 2, hint {level} of 3:" for level in (1, 2, 3)),
        *["mistake 1 of 2, hint 3 of 3:"] * 2,
    ]
    log = [json.loads(line) for line in (tmp_path / "lab-1/lab.jsonl").read_text().splitlines()]
    assert [each["event"] for each in log] == ["start", *["hint"] * 8]


def test_check_says_what_is_repaired_until_all_is(run: Run, tmp_path: Path) -> None:
    run("lab", "start", "1", "--student", "ada")
    broken = run("lab", "check", "lab-1")
    assert broken.code == 1
    assert broken.out.startswith("lab 1 for ada: 0 of 2 mistakes repaired\n")
    assert "✘" in broken.out
    made = make(1, "ada")
    (tmp_path / "lab-1/stack.toml").write_text(written(made.names.project, made.right))
    whole = run("lab", "check", "lab-1")
    assert whole.code == 0
    assert "✘" not in whole.out
    assert whole.out.endswith("Well done: everything works.\n")
    assert run("lab", "hint", "lab-1").out == "every mistake is repaired: stackctl lab check\n"


def test_an_error_elsewhere_in_the_file_is_not_passed_over(run: Run, tmp_path: Path) -> None:
    run("lab", "start", "1", "--student", "ada")
    made = make(1, "ada")
    text = written(made.names.project, made.right)
    (tmp_path / "lab-1/stack.toml").write_text(
        f'{text}\n[services.more]\nimage = "busybox"\nports = "none"\n'
    )
    ran = run("lab", "check", "lab-1")
    assert ran.code == 1
    assert "stack.toml has 1 error: stackctl check tells where." in ran.out


@pytest.mark.parametrize("text", ["", "[services", '"\\u0000" = 1'])
def test_a_file_that_is_no_stack_is_no_traceback(run: Run, tmp_path: Path, text: str) -> None:
    run("lab", "start", "2", "--student", "ada")
    (tmp_path / "lab-2/stack.toml").write_text(text)
    ran = run("lab", "check", "lab-2")
    assert ran.code == 1
    assert "0 of 4 mistakes repaired" in ran.out


def test_variables_of_the_shell_change_no_lab(run: Run, tmp_path: Path) -> None:
    run("lab", "start", "1", "--student", "ada")
    made = make(1, "ada")
    (tmp_path / "lab-1/stack.toml").write_text(written(made.names.project, made.right))
    assert run("lab", "check", "lab-1", DB_PASSWORD="other").code == 0


def test_a_lab_about_running_can_be_judged_by_the_file_alone(run: Run, tmp_path: Path) -> None:
    run("lab", "start", "3", "--student", "ada")
    without = run("lab", "check", "lab-3", DOCKER_HOST="unix:///nowhere")
    assert without.code == 1
    assert "--offline judges by the file alone" in without.err
    by_file = run("lab", "check", "lab-3", "--offline", DOCKER_HOST="unix:///nowhere")
    assert by_file.code == 1
    assert by_file.out.startswith("lab 3 for ada: 0 of 3 mistakes repaired\n")


def test_grade_writes_a_line_for_each_lab_of_a_class(run: Run, tmp_path: Path) -> None:
    for student, number in (("ada", 1), ("ada", 3), ("bob", 1)):
        run("lab", "start", str(number), "--student", student, "-o", f"class/{student}/lab-{number}")
    right, theirs = make(1, "ada"), make(1, "bob")
    (tmp_path / "class/ada/lab-1/stack.toml").write_text(written(right.names.project, right.right))
    (tmp_path / "class/bob/lab-1/stack.toml").write_text(written(right.names.project, right.right))
    (tmp_path / "class/bob/lab-1/.env").write_text((tmp_path / "class/ada/lab-1/.env").read_text())
    run("lab", "check", "class/ada/lab-1")
    run("lab", "hint", "class/ada/lab-3")
    (tmp_path / "class/eve").mkdir()
    (tmp_path / "class/eve/lab.jsonl").write_text("hello")
    ran = run("lab", "grade", "class")
    assert ran.code == 0
    assert "left out: class/eve/lab.jsonl is not the log of a lab" in ran.err
    rows = [*csv.DictReader(ran.out.splitlines())]
    assert [(row["directory"], row["student"], row["lab"]) for row in rows] == [
        ("ada/lab-1", "ada", "1"),
        ("ada/lab-3", "ada", "3"),
        ("bob/lab-1", "bob", "1"),
    ]
    assert [(row["repaired"], row["mistakes"], row["whole"]) for row in rows[:2]] == [
        ("2", "2", "yes"),
        ("0", "3", "no"),
    ]
    assert [(row["hints"], row["attempts"]) for row in rows[:2]] == [("0", "1"), ("1", "0")]
    assert [(row["copy_of"], row["sure"]) for row in rows] == [("", ""), ("", ""), ("ada", "sure")]
    assert theirs.names.password not in ran.out


def test_grade_writes_a_file_and_refuses_a_directory_without_labs(run: Run, tmp_path: Path) -> None:
    run("lab", "start", "1", "--student", "ada", "-o", "class/ada")
    assert run("lab", "grade", "class", "-o", "grades.csv").out == ""
    assert (tmp_path / "grades.csv").read_text().splitlines()[1].startswith("ada,ada,1,0,2,no,no,0,0,0,")
    (tmp_path / "empty").mkdir()
    empty = run("lab", "grade", "empty")
    assert (empty.code, empty.out) == (2, "")
    assert "there is no lab below empty" in empty.err


TWO = '[services.db]\nimage = "busybox"\n[services.api]\nimage = "busybox"\ndepends_on = ["db"]\n'


@pytest.mark.parametrize(
    ("answer", "verdict"), [("a", "Not so. What happens is c, db, then api."), ("c", "Right: c,")]
)
def test_predict_asks_and_then_tells_the_truth(run: Run, tmp_path: Path, answer: str, verdict: str) -> None:
    (tmp_path / "stack.toml").write_text(TWO)
    ran = run("lab", "predict", "--about", "order", "--answer", answer)
    assert ran.code == 0
    question, _, truth = ran.out.partition("\n\n")[2].partition("\n\n")
    assert question == "  a  api, then db\n  b  db and api together\n  c  db, then api"
    assert truth.startswith(verdict)
    assert "api waits for db." in truth


def test_predict_reads_the_answer_from_where_there_is_no_terminal(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "stack.toml").write_text(TWO)
    monkeypatch.setattr("sys.stdin", io.StringIO("c\n"))
    assert "Right: c," in run("lab", "predict", "--about", "order").out
    nobody = run("lab", "predict", "--about", "order")
    assert nobody.code == 2
    assert "there is no answer" in nobody.err


def test_the_help_says_what_each_lab_teaches(run: Run) -> None:
    said = run("lab", "--help").out
    assert "3 it runs, and nobody answers" in said
    assert "stackctl lab start 1 --student ada" in said

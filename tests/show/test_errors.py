"""One text for an error, wherever it is shown."""

from stackctl.errors import EngineError, Problem, SpecError, WaitError
from stackctl.show.error_text import error_report, error_text
from stackctl.show.text.style import Style


def test_an_error_is_a_line_and_below_it_what_it_said_and_the_way_out() -> None:
    assert (
        error_text(EngineError("no engine answers", "start it")) == "error: no engine answers\n  = start it"
    )
    assert error_text(EngineError("it said:\nno\x07 space\nleft\n")) == "error: it said:\n  no space\n  left"
    assert error_text(OSError("no space left")) == "error: no space left"
    assert error_text(KeyError()) == "error: KeyError"
    assert error_text(EngineError("x"), Style(color=True)).startswith("\x1b[1;31merror:\x1b[0m x")


def test_mistakes_in_a_file_have_their_places() -> None:
    error = SpecError([Problem(("name",), "no", "yes")])
    assert error_text(error) == error_report(error) == "error: name: no\n      = yes\n\n1 error"


def test_the_rules_around_a_log_fit_the_terminal() -> None:
    error = WaitError("db ended", log_tail=["x" * 100, "FATAL: no disk"])
    for width, rule in ((60, 60), (20, 20), (200, 74), (None, 74)):
        _, above, *log, below = error_text(error, Style(width=width)).splitlines()
        assert len(above) == len(below) == rule
        assert log == ["  " + "x" * 100, "  FATAL: no disk"], "evidence is whole"
    assert error_text(error, Style(width=20)).splitlines()[1] == "  ── last 2 lines o…"


def test_what_was_waited_for_brings_its_evidence() -> None:
    error = WaitError(
        "db ended",
        "look",
        exit_code_of_container=137,
        last_answer="connection\nrefused",
        log_tail=[f"line {number}" for number in range(20)],
    )
    lines = error_text(error).splitlines()
    assert lines[:3] == ["error: db ended", "  exit code   137 (SIGKILL)", "  last check  connection refused"]
    assert lines[3].startswith("  ── last 15 lines of its log ──")
    assert lines[4:-2] == [f"  line {number}" for number in range(5, 20)]
    assert lines[-1] == "  = look"
    assert error_report(error).splitlines()[:3] == [
        "db ended",
        "  hint        look",
        "  exit code   137 (SIGKILL)",
    ]
    assert error_report(WaitError("db ended")) == "db ended"
    assert error_report(ValueError("no")) == "ValueError: no"

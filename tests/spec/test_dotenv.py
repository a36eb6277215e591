"""The dotenv grammar as Compose has it, and `docker run`'s."""

import pytest

from stackctl.spec.source.locate import Source
from stackctl.spec.text.dotenv import inherit, parse, parse_raw
from stackctl.spec.text.interpolate import Lookup, Variables

LOOKUP = Lookup((Variables("shell", {"HOME": "/root", "TWICE": "shell"}),))


def values(text: str) -> dict[str, str | None]:
    found, problems = parse(Source(".env", text), LOOKUP)
    assert problems == []
    return found


def mistakes(text: str) -> list[str]:
    return [str(problem) for problem in parse(Source(".env", text), LOOKUP)[1]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A=b", "b"),
        ("A = b ", "b"),
        ("export A=b", "b"),
        ("A: b", "b"),
        ("A:b", "b"),
        ('A: "b: c"', "b: c"),
        ("A=", ""),
        ("A", None),
        ("A=b # c", "b"),
        ("A=b#c", "b#c"),
        ("A= # c", ""),
        ("A=b c", "b c"),
        ("A=b=c", "b=c"),
        ("A=http://h:1/p", "http://h:1/p"),
        ("A=$HOME/x", "/root/x"),
        ("A=${NONE:-d}", "d"),
        (r"A=\$HOME $$HOME", "$HOME $HOME"),
        ("A='$HOME ${HOME} $$ \\n'", "$HOME ${HOME} $$ \\n"),
        ("A='b' # it's c", "b"),
        ("A='b\nc: d\ne'", "b\nc: d\ne"),
        (r'A="b\n\t\"c\" \\ \$HOME $HOME $$"', 'b\n\t"c" \\ $HOME /root $'),
        (r'A="\\$HOME \q"', "\\/root \\q"),
        ('A="b # c" # d', "b # c"),
        ('A="b\nc"', "b\nc"),
    ],
)
def test_the_grammar(text: str, expected: str | None) -> None:
    assert values(f"# a comment\n\n{text}\nLAST=1\n") == {"A": expected, "LAST": "1"}
    assert values(text.replace("\n", "\r\n")) == {"A": expected}


def test_keys_may_hold_dots_dashes_and_brackets() -> None:
    assert values("a.b-c_D[0]=1\nß=2") == {"a.b-c_D[0]": "1", "ß": "2"}


def test_the_last_of_two_wins_and_a_value_sees_the_shell_before_the_lines_above_it() -> None:
    assert values("A=1\nB=$A\nA=2\nTWICE=file\nC=$TWICE") == {
        "A": "2",
        "B": "1",
        "TWICE": "file",
        "C": "shell",
    }


def test_mistakes_name_file_and_line_and_show_no_value() -> None:
    text = "A=1\nthe password = x\nB=pa$word\n\n\nC='never\nD=1\n"
    hint = "put the value into single quotes, or write $$, for a literal dollar"
    assert mistakes(text) == [
        ".env:2:1: expected KEY=value (a # starts a comment)",
        f".env:3:1: B: word is not set (looked in: shell, the lines above) ({hint})",
        ".env:6:1: the quote is not closed",
    ]
    assert all(not problem.place.text for problem in parse(Source(".env", text), LOOKUP)[1] if problem.place)
    assert mistakes('A="b"c\n') == [".env:1:1: expected KEY=value (a # starts a comment)"]


def test_docker_run_reads_no_quotes_escapes_or_variables() -> None:
    text = " # a comment\nA='b' # c\n B=$HOME\r\n\nC\nD=\nE = f\n"
    found, problems = parse_raw(Source("a.env", text))
    assert found == {"A": "'b' # c", "B": "$HOME", "C": None, "D": ""}
    assert [str(problem) for problem in problems] == ["a.env:7:1: expected KEY=value"]


def test_a_key_without_a_value_takes_the_callers_if_there_is_one() -> None:
    assert inherit({"HOME": None, "NONE": None, "A": "1"}, LOOKUP) == {"HOME": "/root", "A": "1"}

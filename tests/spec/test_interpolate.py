"""The grammar of the Compose specification (12-interpolation), and what is stricter here."""

import pytest

from stackctl.spec.text.interpolate import Flaw, Lookup, Variables, expand, interpolate
from stackctl.spec.text.parts import Part, VariableOrigin, parts

LOOKUP = Lookup(
    (
        Variables("shell", {"SET": "shell", "EMPTY": "", "DB_PASSWORD": "x"}),
        Variables(".env", {"SET": "file", "FILE": "file"}),
    )
)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("plain", "plain"),
        ("$SET", "shell"),
        ("${SET}", "shell"),
        ("${FILE}", "file"),
        ("a${SET}b$FILE.c", "ashellbfile.c"),
        ("[${EMPTY}]", "[]"),
        ("${NONE:-d}", "d"),
        ("${EMPTY:-d}", "d"),
        ("${EMPTY-d}", ""),
        ("${SET:-d}", "shell"),
        ("${NONE-}", ""),
        ("${SET:+a}", "a"),
        ("${EMPTY:+a}", ""),
        ("${EMPTY+a}", "a"),
        ("${NONE+a}", ""),
        ("${SET:?e}", "shell"),
        ("${EMPTY?e}", ""),
        ("${NONE:-${FILE}}", "file"),
        ("${NONE:-${ALSO_NONE:-x${SET}}}", "xshell"),
        ("${SET:-${NONE}}", "shell"),
        ("${NONE:-a:-b?c}", "a:-b?c"),
        ('${NONE:-{"a": {}}}', '{"a": {}}'),
        ("${NONE:-$$x}", "$x"),
        ("$$SET $${SET} $$$SET", "$SET ${SET} $shell"),
        ("$1 $ $% 5$", "$1 $ $% 5$"),
    ],
)
def test_the_grammar(template: str, expected: str) -> None:
    assert expand(template, LOOKUP) == (expected, [])


LOOKED = "(looked in: shell, .env)"


@pytest.mark.parametrize(
    ("template", "message", "hint"),
    [
        ("$NONE", f"NONE is not set {LOOKED}", "set it, or write ${NONE:-default}"),
        ("${DB_PASSWRD}", f"DB_PASSWRD is not set {LOOKED}", "did you mean 'DB_PASSWORD'?"),
        ("${NONE:?say it}", f"say it: NONE is not set {LOOKED}", ""),
        ("${EMPTY:?say $SET}", "say shell: EMPTY is empty", ""),
        ("${NONE?}", f"NONE is not set {LOOKED}", ""),
        ("${}", '"${}" is not a variable', 'write ${NAME} or ${NAME:-default}, and "$$" for a dollar'),
        ("${1x}", '"${1x}" is not a variable', 'write ${NAME} or ${NAME:-default}, and "$$" for a dollar'),
        ("a${SET", "'${SET' is not closed with a brace", 'write "$$" for a dollar'),
        ("${A:-" * 50 + "}" * 50, "variables nested deeper than 20", ""),
    ],
)  # fmt: skip
def test_a_flaw_says_what_and_where_it_looked(template: str, message: str, hint: str) -> None:
    _, flaws = expand(template, LOOKUP)
    assert flaws == [Flaw(message, hint)]


def test_values_are_not_expanded_again() -> None:
    lookup = Lookup((Variables("shell", {"A": "$B ${B}"}),))
    assert expand("$A", lookup) == ("$B ${B}", [])


@pytest.mark.parametrize("value", ["\udcff", "a\0b"])
def test_values_that_no_container_can_hold_are_refused(value: str) -> None:
    lookup = Lookup((Variables("shell", {"A": value}),))
    assert expand("${A}", lookup) == ("", [Flaw("the value of A is not UTF-8 text")])


def test_without_strictness_an_unset_variable_is_empty() -> None:
    assert expand("[$NONE${NONE}${NONE:?e}${EMPTY:?e}]", LOOKUP, strict=False) == ("[]", [])


def test_only_values_are_touched_and_problems_keep_their_path() -> None:
    tree = {"$SET": "$SET", "a": [{"b": "${NONE}"}, "x", 1], "c": {"d": True}}
    replaced, problems = interpolate(tree, LOOKUP)
    assert replaced == {"$SET": "shell", "a": [{"b": ""}, "x", 1], "c": {"d": True}}
    assert parts(replaced["$SET"]) == (Part("shell", VariableOrigin("SET", "shell")),)
    assert parts(replaced["a"][1]) == (Part("x"),)
    assert [(problem.path, problem.rule) for problem in problems] == [(("a", 0, "b"), "SC303")]


def test_no_value_is_shown_by_accident() -> None:
    assert "shell" not in repr(Variables("x", {"SET": "shell"}))

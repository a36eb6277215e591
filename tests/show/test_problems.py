from stackctl.errors import Place, Problem
from stackctl.show.problems import problem_text, problems_json, problems_text
from stackctl.show.text.style import Style

MISSPELT = Problem(
    ("services", "api", "depends_on", 1),
    'no service is called "postgress"',
    'did you mean "postgres"?',
    "SC101",
    "error",
    Place("stack.toml", 14, 24, 'depends_on = ["redis", "postgress"]'),
)


def at(column: int, text: str) -> list[str]:
    """The source line and the carets below it."""
    _, line, carets = problem_text(Problem((), "bad", place=Place("f", 3, column, text))).splitlines()
    return [line, carets]


def test_a_mistake_shows_its_place_its_line_and_the_way_out() -> None:
    assert problem_text(MISSPELT) == (
        'stack.toml:14:24: error SC101: services.api.depends_on[1]: no service is called "postgress"\n'
        '   14 | depends_on = ["redis", "postgress"]\n'
        "      |                        ^^^^^^^^^^^\n"
        '      = did you mean "postgres"?'
    )


def test_all_mistakes_end_with_their_number() -> None:
    warning = Problem(("services", "db"), "no volume", severity="warning", rule="SC401")
    assert problems_text([MISSPELT, warning, warning]) == (
        f"{problem_text(MISSPELT)}\n\n"
        "warning SC401: services.db: no volume\n\n"
        "warning SC401: services.db: no volume\n\n"
        "1 error, 2 warnings"
    )
    assert problems_text([]) == ""


def test_a_line_of_secrets_is_not_shown() -> None:
    place = Place(".env", 2, 1, "")
    assert (
        problem_text(Problem(("PASSWORD",), "no value", place=place)) == ".env:2:1: error: PASSWORD: no value"
    )


def test_the_carets_stand_under_the_culprit() -> None:
    assert at(2, "\t[services.db]") == ["    3 |     [services.db]", "      |     ^^^^^^^^^^^^^"]
    assert at(8, 'image = "a \\" b" # c') == ['    3 | image = "a \\" b" # c', "      |        ^"]
    assert at(9, 'image = "a \\" b" # c') == ['    3 | image = "a \\" b" # c', "      |         ^^^^^^^^"]
    assert at(5, "x = [1, 2]") == ["    3 | x = [1, 2]", "      |     ^"]
    assert at(99, "x = 1") == ["    3 | x = 1", "      |      ^"]


def test_a_long_line_is_cut_around_the_culprit() -> None:
    line, carets = at(152, f'x = "{"a" * 144}" oops "{"b" * 500}')
    assert len(line) < 120
    assert line[carets.index("^") : carets.rindex("^") + 1] == "oops"
    assert (line.count("…"), line[-1]) == (2, "…")


def test_a_line_longer_than_the_terminal_is_cut_too() -> None:
    text = f'command = ["sh", "-c", "{"echo $NAME; " * 9}"]'
    narrow = problem_text(Problem((), "no", place=Place("stack.toml", 3, 24, text)), Style(width=60))
    line, carets = narrow.splitlines()[1:]
    assert line == '    3 | command = ["sh", "-c", "echo $NAME; echo $NAME; ec…'
    assert carets.index("^") == line.index('"echo')
    assert max(len(carets), len(line)) <= 60


def test_a_message_longer_than_the_terminal_breaks_between_words() -> None:
    hint = "write the name of a service as it stands in this file"
    found = Problem(MISSPELT.path, MISSPELT.message, hint, "SC101", place=MISSPELT.place)
    first, second, *_, third, fourth = problem_text(found, Style(width=60)).splitlines()
    assert first == "stack.toml:14:24: error SC101: services.api.depends_on[1]:"
    assert second == '  no service is called "postgress"'
    assert third == "      = write the name of a service as it stands in this"
    assert fourth == "        file"
    colored = problem_text(MISSPELT, Style(color=True, width=60)).splitlines()[0]
    assert "\x1b[1;31merror SC101\x1b[0m: services.api" in colored


def test_control_characters_of_the_file_stay_in_the_file() -> None:
    line, carets = at(10, 'x = "\x1b[2J" y')
    assert line == '    3 | x = "" y'
    assert carets.index("^") < len(line)


def test_colour_by_severity() -> None:
    style = Style(color=True)
    assert "\x1b[1;31merror SC101\x1b[0m" in problem_text(MISSPELT, style)
    assert "\x1b[1;36mnote\x1b[0m" in problem_text(Problem((), "x", severity="note"), style)


def test_json() -> None:
    assert problems_json([MISSPELT, Problem((), "x")]) == {
        "version": 1,
        "problems": [
            {
                "rule": "SC101",
                "severity": "error",
                "where": "services.api.depends_on[1]",
                "path": ["services", "api", "depends_on", 1],
                "message": 'no service is called "postgress"',
                "hint": 'did you mean "postgres"?',
                "file": "stack.toml",
                "line": 14,
                "column": 24,
            },
            {
                "rule": "",
                "severity": "error",
                "where": "",
                "path": [],
                "message": "x",
                "hint": "",
                "file": None,
                "line": None,
                "column": None,
            },
        ],
    }

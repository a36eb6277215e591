"""docs/guide/from-compose.md says of each command and option of Docker Compose whether it is here: Compose itself is asked."""

import re
from pathlib import Path

import click
import pytest
from commandline import Run
from compose_options import COMMANDS, compose_commands, missing, our_options

from stackctl.cli import cli

pytest_plugins = ["commandline_fixtures"]

TESTS = Path(__file__).parents[1]
PAGE = (TESTS.parent / "docs" / "guide" / "from-compose.md").read_text()
ROWS = {
    name: (verdict, told, set(re.findall(r"`(--[\w-]+)`", options)))
    for name, verdict, told, options in re.findall(
        r"^\| `(\w+)` \| (same|better|different|instead) \| (.*?) ?\| (.*?) ?\|$", PAGE, re.MULTILINE
    )
}


def test_every_command_of_compose_has_a_row() -> None:
    assert [*ROWS] == sorted(compose_commands())


@pytest.mark.parametrize("name", [name for name in ROWS if name in COMMANDS])
def test_every_option_that_is_not_here_is_told(name: str) -> None:
    assert ROWS[name][0] != "instead"
    assert missing(name) == ROWS[name][2]


@pytest.mark.parametrize("name", ROWS)
def test_what_is_not_a_command_says_what_to_use(run: Run, name: str) -> None:
    if name not in COMMANDS:
        assert ROWS[name][0] == "instead"
        ran = run(name)
        assert (ran.code, f"Instead of {name!r}: " in ran.err) == (2, True)
    for command, words in re.findall(r"`stackctl (\w+)([^`]*)`", ROWS[name][1]):
        assert {word for word in words.split() if word.startswith("--")} <= our_options(command)


def test_what_compose_does_not_have_is_here() -> None:
    (told,) = re.findall(r"^((?:`\w+`,? (?:and )?)+)have no counterpart", PAGE, re.MULTILINE)
    names = re.findall(r"`(\w+)`", told)
    assert {*names} <= {*COMMANDS} - {*ROWS}


def test_the_options_of_the_root_are_here() -> None:
    words = {word for each in cli.params if isinstance(each, click.Option) for word in each.opts}
    (told,) = re.findall(r"The options of `docker compose` itself \(([^)]*)\)", PAGE)
    assert {*re.findall(r"`(-[\w-]+)`", told)} <= words


DIFFERENT = re.findall(r"^\| [^|]+ \| [^|]+ \| [^|]+ \| `([\w/.]+)::(\w+)` \|$", PAGE, re.MULTILINE)


def test_each_difference_is_shown_by_a_test() -> None:
    table = PAGE.partition("## Different on purpose")[2].partition("## Keys")[0]
    assert len(DIFFERENT) == sum(line.startswith("|") for line in table.splitlines()) - 2
    for file, test in DIFFERENT:
        assert f"def {test}(" in (TESTS / file).read_text(), f"{file}::{test}"

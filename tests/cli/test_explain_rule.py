"""explain: the help page of a rule, and a suggestion for a number that does not exist."""

import re
from pathlib import Path

import pytest
from commandline import Run

from stackctl.rules import RULES
from stackctl.show.text.fold import paragraphs

pytest_plugins = ["commandline_fixtures"]

PAGE = (Path(__file__).parents[2] / "docs" / "rules.md").read_text()


@pytest.mark.parametrize("number", RULES)
def test_a_rule_is_explained_as_in_the_docs(run: Run, number: str) -> None:
    heading, text = run("explain", number.lower()).out.split("\n\n", 1)
    _, _, page = PAGE.partition(f"## {heading}\n\nStage: {RULES[number].stage}.")
    assert page.partition("\n\n")[2].startswith(text)


@pytest.mark.parametrize("number", RULES)
def test_a_rule_fits_on_a_terminal(number: str) -> None:
    text = RULES[number].help
    shown = paragraphs(text, 80)
    assert max(map(len, shown.splitlines())) <= 80
    assert shown.split() == text.split()
    assert shown.count("\n\n") == text.count("\n\n")
    assert paragraphs(text, None) == text


def test_an_unknown_rule_is_a_mistake(run: Run) -> None:
    ran = run("explain", "SC2o1")
    assert ran.code == 2
    assert "there is no rule 'SC2o1'" in ran.err
    assert "did you mean 'SC201'?" in ran.err


@pytest.mark.parametrize("page", ["checking.md", "commands.md"])
def test_the_guide_names_only_rules_that_exist(page: str) -> None:
    text = (Path(__file__).parents[2] / "docs" / "guide" / page).read_text()
    assert set(re.findall(r"SC\d{3}", text)) <= RULES.keys()


def test_the_guide_names_the_rules_that_can_be_corrected() -> None:
    text = (Path(__file__).parents[2] / "docs" / "guide" / "checking.md").read_text()
    _, _, section = text.partition("## Correct the file")
    assert set(re.findall(r"SC\d{3}", section.partition("\n## ")[0])) == {
        n for n in RULES if RULES[n].fixable
    }

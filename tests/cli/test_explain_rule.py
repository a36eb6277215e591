"""explain: the help page of a rule, and a suggestion for a number that does not exist."""

from pathlib import Path

import pytest
from commandline import Run

from stackctl.rules import RULES

pytest_plugins = ["commandline_fixtures"]

PAGE = (Path(__file__).parents[2] / "docs" / "rules.md").read_text()


@pytest.mark.parametrize("number", RULES)
def test_a_rule_is_explained_as_in_the_docs(run: Run, number: str) -> None:
    heading, text = run("explain", number.lower()).out.split("\n\n", 1)
    assert f"## {heading}\n\nStage: {RULES[number].stage}.\n\n{text}" in PAGE


def test_an_unknown_rule_is_a_mistake(run: Run) -> None:
    ran = run("explain", "SC2o1")
    assert ran.code == 2
    assert "there is no rule 'SC2o1'" in ran.err
    assert "did you mean 'SC201'?" in ran.err

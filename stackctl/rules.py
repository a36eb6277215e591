"""Every rule, by its number. The commands that find mistakes, those that explain them, and docs/rules.md read this table."""

from __future__ import annotations

from collections.abc import Mapping

from stackctl.planner.before.preflight import RULES as ENGINE
from stackctl.spec.lint.files import RULES as FILES
from stackctl.spec.lint.rule import Rule
from stackctl.spec.lint.rules import READING
from stackctl.spec.lint.rules import RULES as SPEC

RULES: Mapping[str, Rule] = dict(sorted({**READING, **SPEC, **FILES, **ENGINE}.items()))


def heading(number: str) -> str:
    """The heading of the rule's help page: `SC101 Undefined name (error)`."""
    return f"{number} {RULES[number].title} ({RULES[number].severity})"

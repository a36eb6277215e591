"""Comments that allow what a rule would report: `# stackctl: allow SC401 — a cache, nothing is kept`.

Such a comment stands on the line that the rule reports, or above it. It needs a reason. It does not allow errors: they cannot
work.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from stackctl.errors import Place, Problem
from stackctl.spec.lint.rule import Rule, Stage
from stackctl.spec.source.locate import LEXEME, Source
from stackctl.spelling import did_you_mean

RULE = "SC001"
_WORDS = "stackctl: allow"
_YAML_LEXEME = r"(?P<newline>\n)|(?P<space>[ \t\r]+)|(?P<comment>#[^\n]*)|(?P<bare>\S+)"
"""In YAML a comment begins after a space. Quotes do not count here: nobody writes such a comment into a text."""
_COMMENT = r"(?i)#\s*stackctl:\s*allow\b[\s:]*(?P<rules>(?:SC\w+[\s,]*)*)(?:(?:—|–|-|:)\s*)?(?P<reason>.*)"


class Allowance(Struct, frozen=True):
    """What one comment says about one rule."""

    place: Place
    """The rule's number in the comment."""
    line: int
    """The line whose problems the comment allows."""
    rule: str
    reason: str

    @property
    def covered(self) -> tuple[str, int, str]:
        """File, line and rule of the problems that the comment is about."""
        return (self.place.file, self.line, self.rule)


def allowances(sources: Iterable[Source]) -> tuple[Allowance, ...]:
    """The comments of files, in the order of the text."""
    return tuple(each for source in sources for each in _of(source))


def without_allowed(problems: Iterable[Problem], sources: Iterable[Source]) -> tuple[Problem, ...]:
    """The problems that no comment allows."""
    found = allowances(sources)
    return tuple(problem for problem in problems if allowed_by(problem, found) is None)


def allowed_by(problem: Problem, found: Sequence[Allowance]) -> Allowance | None:
    """The comment that allows the problem. Nothing allows an error."""
    at = problem.place
    if problem.severity == "error" or at is None:
        return None
    covered = (at.file, at.line, problem.rule)
    return next((each for each in found if each.reason and each.covered == covered), None)


def misused(
    found: Sequence[Allowance],
    problems: Collection[Problem],
    rules: Mapping[str, Rule],
    stages: Collection[Stage],
) -> Iterator[Problem]:
    """A comment allows nothing: it has no reason, the rule reports nothing there, or what the rule reports is an error.

    The comment answers a report that is not there. A reader believes that something is wrong, and that somebody has
    accepted it.

    Fix: remove the comment, or write it on the line that the rule reports, with a reason: `# stackctl: allow SC401 — a cache`.

    Evidence: linters that have such comments need the same rule (`unused-noqa` of Ruff, `--report-unused-disable-directives` of
    ESLint).
    """
    for each in found:
        there = [p for p in problems if p.place and (p.place.file, p.place.line, p.rule) == each.covered]
        if each.rule not in rules:
            yield _problem(
                each,
                f"there is no rule {each.rule}" if each.rule else "the comment names no rule",
                did_you_mean(each.rule, rules) if each.rule else f"write # {_WORDS} SC401 — REASON",
            )
        elif not each.reason:
            hint = f"write why: # {_WORDS} {each.rule} — REASON"
            yield _problem(each, f"{each.rule} is allowed without a reason", hint)
        elif any(problem.severity == "error" for problem in there):
            hint = "correct the mistake, and take the comment out"
            yield _problem(each, f"{each.rule} is an error here: it cannot work, so nothing allows it", hint)
        elif not there and rules[each.rule].stage in stages:
            where = f"on line {each.line}" if each.line else "below the comment"
            yield _problem(each, f"{each.rule} reports nothing {where}", "take the comment out")


def _problem(allowance: Allowance, message: str, hint: str) -> Problem:
    return Problem((), message, hint, rule=RULE, severity="warning", place=allowance.place)


def _of(source: Source) -> Iterator[Allowance]:
    if _WORDS.partition(":")[0] not in source.text:
        return
    tokens = [*re.finditer(LEXEME if source.places is None else _YAML_LEXEME, source.text)]
    for index, token in enumerate(tokens):
        match = re.match(_COMMENT, token[0]) if token.lastgroup == "comment" else None
        if match is None:
            continue
        line = source.place(token.start()).line
        if _stands_alone(tokens, index):
            line = _next_line(source, tokens[index:])
        numbers = [*re.finditer(r"(?i)SC\w+", match["rules"])]
        for number in numbers:
            at = source.place(token.start() + match.start("rules") + number.start())
            yield Allowance(at, line, number[0].upper(), match["reason"].strip())
        if not numbers:
            yield Allowance(source.place(token.start()), line, "", match["reason"].strip())


def _stands_alone(tokens: Sequence[re.Match[str]], index: int) -> bool:
    before = next((token for token in reversed(tokens[:index]) if token.lastgroup != "space"), None)
    return before is None or before.lastgroup == "newline"


def _next_line(source: Source, tokens: Iterable[re.Match[str]]) -> int:
    """The first line after a comment that is neither empty nor a comment; 0 if there is none."""
    after = (token for token in tokens if token.lastgroup not in ("space", "comment", "newline"))
    return next((source.place(token.start()).line for token in after), 0)

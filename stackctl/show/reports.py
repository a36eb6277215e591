"""Problems in the formats of other programs: SARIF 2.1.0, and the annotations of GitHub Actions."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

from stackctl.errors import Place, Problem, Severity
from stackctl.rules import RULES
from stackctl.show.text.safe import clean, one_line
from stackctl.spec.lint.rule import Rule
from stackctl.spec.source.allow import Allowance
from stackctl.version import __version__

_LEVELS: Mapping[Severity, str] = {"error": "error", "warning": "warning", "note": "note", "info": "note"}
_COMMANDS: Mapping[Severity, str] = {
    "error": "error",
    "warning": "warning",
    "note": "notice",
    "info": "notice",
}


def sarif(problems: Sequence[Problem], allowed: Sequence[tuple[Problem, Allowance]] = ()) -> str:
    """The problems as a log of SARIF 2.1.0 (https://docs.oasis-open.org/sarif/sarif/v2.1.0). What a comment allows is in it as
    suppressed.
    """
    everything = [*problems, *(problem for problem, _ in allowed)]
    numbers = sorted({problem.rule for problem in everything} & RULES.keys())
    results = [_result(problem, numbers) for problem in problems]
    results += [
        _result(problem, numbers) | {"suppressions": [{"kind": "inSource", "justification": by.reason}]}
        for problem, by in allowed
    ]
    driver = {
        "name": "stackctl",
        "version": __version__,
        "rules": [_descriptor(number, RULES[number]) for number in numbers],
    }
    log = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}],
    }
    return json.dumps(log, indent=2)


def _descriptor(number: str, rule: Rule) -> dict[str, Any]:
    return {
        "id": number,
        "shortDescription": {"text": rule.title},
        "help": {"text": rule.help, "markdown": rule.help},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
    }


def _result(problem: Problem, numbers: Sequence[str]) -> dict[str, Any]:
    text = ": ".join(part for part in (problem.where, problem.message) if part)
    result: dict[str, Any] = {
        "level": _LEVELS[problem.severity],
        "message": {"text": one_line(text) + (f" ({one_line(problem.hint)})" if problem.hint else "")},
    }
    if problem.rule in numbers:
        result |= {"ruleId": problem.rule, "ruleIndex": numbers.index(problem.rule)}
    if problem.place:
        result["locations"] = [{"physicalLocation": _location(problem.place)}]
    return result


def _location(place: Place) -> dict[str, Any]:
    path = Path(place.file)
    location: dict[str, Any] = {
        "artifactLocation": {"uri": path.as_uri() if path.is_absolute() else quote(path.as_posix())}
    }
    if place.line:
        location["region"] = {"startLine": place.line, "startColumn": max(place.column, 1)}
    return location


def github(problems: Iterable[Problem], prefix: str = "") -> str:
    """The problems as workflow commands, which GitHub shows at the lines of the file
    (https://docs.github.com/actions/reference/workflow-commands-for-github-actions). `prefix` is the directory that file names
    are relative to, below the root of the repository.
    """
    return "\n".join(_annotation(problem, prefix) for problem in problems)


def checkout_prefix() -> str:
    """The way from the root of a checkout of GitHub Actions to this directory: annotations name files from there."""
    root = os.environ.get("GITHUB_WORKSPACE")
    here = Path.cwd()
    return str(here.relative_to(root)) if root and here.is_relative_to(root) else ""


def _annotation(problem: Problem, prefix: str) -> str:
    title = f"{problem.rule} {RULES[problem.rule].title}" if problem.rule in RULES else "stackctl"
    properties = ",".join(f"{name}={_property(value)}" for name, value in _properties(problem, prefix, title))
    text = clean(": ".join(part for part in (problem.where, problem.message) if part))
    return f"::{_COMMANDS[problem.severity]} {properties}::" + _data(
        "\n".join(filter(None, (text, clean(problem.hint))))
    )


def _properties(problem: Problem, prefix: str, title: str) -> Iterator[tuple[str, str]]:
    if place := problem.place:
        yield "file", str(PurePosixPath(prefix) / place.file)
        if place.line:
            yield "line", str(place.line)
            yield "col", str(place.column)
    yield "title", title


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")

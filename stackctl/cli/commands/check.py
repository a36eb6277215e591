"""stackctl check"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click
from msgspec.structs import replace

from stackctl.checking import Checked, check
from stackctl.cli.global_options import GlobalOptions
from stackctl.cli.options import pass_options, services_argument
from stackctl.cli.requests import request_of
from stackctl.errors import EngineError, Problem
from stackctl.show.problems import problems_json, problems_text
from stackctl.show.text.style import on_github, style_for

if TYPE_CHECKING:
    from stackctl.spec.source.request import StackRequest

FORMATS = ("text", "json", "sarif", "github")
FAILED = 2
"""The exit code if there is an error; with `--strict` also if there is a warning."""


@click.command("check")
@services_argument
@click.option("--offline", is_flag=True, help="Do not ask the engine.")
@click.option("--fix", is_flag=True, help="Correct in the file what is certain, and show the change.")
@click.option("--strict", is_flag=True, help="A warning is an error, too.")
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="text",
    help="For people, or for a program (text).",
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@pass_options
def command(
    options: GlobalOptions,
    /,
    services: tuple[str, ...],
    form: str,
    *,
    offline: bool,
    fix: bool,
    strict: bool,
    as_json: bool,
) -> int:
    """Find mistakes before anything runs, and change nothing

    Checks the file, then asks the engine what is there: ports, names, images, data. Every mistake is told at once, with its place,
    its rule and a way out; `stackctl explain RULE` says more. The exit code is 2 if something cannot work.

    \b
    Examples:
      stackctl check
      stackctl check --offline               without an engine
      stackctl check --strict                warnings count, too
      stackctl check --fix                   correct what is certain, and show it
      stackctl check --format github         annotations in GitHub Actions
      stackctl check --format sarif > stackctl.sarif
    """
    request = request_of(options, services, strict=True)
    if fix:
        from stackctl.cli.fix import fix_files

        fix_files(request, sys.stderr)
    checked = _check(request, options, offline=offline)
    problems = _strict(checked.problems) if strict else checked.problems
    if text := _text(checked, problems, "json" if as_json else form, options):
        print(text)
    if form == "text" and not as_json and on_github():
        from stackctl.show.run.github import annotate

        annotate(problems, sys.stderr)
    if any(problem.severity == "error" for problem in problems):
        return FAILED
    if error := checked.unreached:
        raise EngineError(error.message, "; ".join(filter(None, (error.hint, "--offline checks without it"))))
    return 0


def _strict(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    return tuple(replace(p, severity="error") if p.severity == "warning" else p for p in problems)


def _check(request: StackRequest, options: GlobalOptions, *, offline: bool) -> Checked:
    if offline:
        return check(request)
    from stackctl.cli.settings import Settings

    settings = Settings.of(options)
    return check(request, settings.engine, settings.of_checkout)


def _text(checked: Checked, problems: Sequence[Problem], form: str, options: GlobalOptions) -> str:
    if form == "text":
        return _for_people(checked, problems, options)
    if form == "json":
        return _json(checked, problems)
    from stackctl.show import reports

    return (
        reports.sarif(problems, checked.allowed)
        if form == "sarif"
        else reports.github(problems, reports.checkout_prefix())
    )


def _json(checked: Checked, problems: Sequence[Problem]) -> str:
    import json

    allowed = [
        {**problems_json([problem])["problems"][0], "reason": by.reason} for problem, by in checked.allowed
    ]
    return json.dumps(
        {**problems_json(problems), "allowed": allowed, "stages": list(checked.stages)}, indent=2
    )


def _for_people(checked: Checked, problems: Sequence[Problem], options: GlobalOptions) -> str:
    style = style_for(sys.stdout, no_color=not options.color)
    found = problems_text(problems, style) or "no problems"
    allowed = f", {len(checked.allowed)} allowed" if checked.allowed else ""
    return f"{found}{allowed} (checked: {', '.join(checked.stages)})"

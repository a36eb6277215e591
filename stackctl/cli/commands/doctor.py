"""stackctl doctor"""

from __future__ import annotations

import json
import sys

import click

from stackctl.cli.options import pass_settings
from stackctl.cli.settings import Settings
from stackctl.errors import SpecError, UsageError
from stackctl.examining import ExamineOptions, examine
from stackctl.planner.doctor import findings
from stackctl.show.lists.findings import findings_json, findings_text
from stackctl.spec.model import Stack


@click.command("doctor")
@click.option(
    "--size", "sizes", is_flag=True, help="How much the engine's data take; the engine has to count."
)
@click.option("--deep", is_flag=True, help="Start a container that asks for a name.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@pass_settings
def command(settings: Settings, sizes: bool, deep: bool, as_json: bool) -> int:
    """Find what is wrong with the engine, this machine, and stacks

    Each line is ok, or says what it means and what to type. With a stack it looks at the containers of its project, else at all that
    stackctl has made. It changes nothing, and works without a stack and without an engine. Ends with 1 if something is wrong.

    \b
    Examples:
      stackctl doctor
      stackctl doctor --deep --size
      stackctl doctor --json
    """
    stack, project = _stack(settings)
    asked = ExamineOptions(
        host=settings.host,
        context=settings.context,
        project=project,
        sizes=sizes,
        deep=deep,
    )
    found = findings(examine(settings.engine, stack, asked))
    if as_json:
        print(json.dumps(findings_json(found), indent=2))
    else:
        print(findings_text(found, style=settings.style(sys.stdout)))
    return int(any(each.state == "wrong" for each in found))


def _stack(settings: Settings) -> tuple[Stack | None, str]:
    """The stack and its project's name. There may be no stack; one that cannot be read still has a name."""
    try:
        stack = settings.load_leniently()
    except UsageError:
        if settings.files:
            raise
        return None, settings.project_name or ""
    except SpecError:
        print("note: the stack cannot be read: stackctl check says why", file=sys.stderr)
        return None, settings.project()
    return stack, stack.project

"""stackctl plan"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

import click

from stackctl import api
from stackctl.cli.exit_codes import CHANGES
from stackctl.cli.options import pass_settings, services_argument
from stackctl.cli.plan_arguments import plan_arguments
from stackctl.cli.plan_options import check_planning_options, planning_options
from stackctl.cli.settings import Settings
from stackctl.planner.steps.plan import Plan
from stackctl.show.plan_text import plan_json, plan_text, steps_text
from stackctl.spec.model import Stack


@click.command("plan")
@services_argument
@planning_options
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.option("--steps", is_flag=True, help="Every step with its order, instead of the summary.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit 10 if there is something to do, 0 if not.")
@pass_settings
def command(
    settings: Settings,
    /,
    services: tuple[str, ...],
    as_json: bool,
    steps: bool,
    detailed_exitcode: bool,
    **planning: Any,
) -> int:
    """Show what up would do, and why, without doing it

    \b
    Examples:
      stackctl plan
      stackctl plan --build
      stackctl plan --detailed-exitcode     for scripts: 10 means there is work
    """
    check_planning_options(planning)
    stack = settings.load_asked(
        services,
        strict=planning["strict"],
        dependencies=not planning["no_deps"],
        scale=planning["scale"],
    )
    arguments = plan_arguments(settings, services, planning)
    return show(settings, stack, arguments, as_json=as_json, steps=steps, code=CHANGES * detailed_exitcode)


def show(
    settings: Settings,
    stack: Stack,
    arguments: Mapping[str, Any],
    *,
    as_json: bool = False,
    steps: bool = False,
    code: int = 0,
) -> int:
    """Print the plan of an `up`. `arguments` are those of `api.up`. Return `code` if there is something to do, else 0."""
    plan = api.plan(stack, settings.engine(), **arguments)
    return show_plan(settings, plan, as_json=as_json, steps=steps, code=code)


def show_plan(
    settings: Settings, plan: Plan, *, as_json: bool = False, steps: bool = False, code: int = 0
) -> int:
    """Print a plan. Return `code` if there is something to do, else 0."""
    settings.warn(plan.warnings)
    if as_json:
        print(json.dumps(plan_json(plan), indent=2))
    elif steps:
        print(steps_text(plan))
    else:
        print(plan_text(plan, style=settings.style(sys.stdout)))
    return code if plan.changes else 0

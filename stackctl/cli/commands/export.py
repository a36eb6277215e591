"""stackctl export"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from msgspec.structs import replace

from stackctl.cli.options import output_option, pass_settings, services_argument
from stackctl.cli.settings import Settings
from stackctl.planner.before.images import ImageOptions
from stackctl.planner.steps.plan import Plan
from stackctl.planner.view.slots import UpOptions
from stackctl.planner.view.view import View
from stackctl.spec.model import Stack
from stackctl.spec.scaling import one_each
from stackctl.teach.bash import bash
from stackctl.teach.commands import Docker
from stackctl.teach.compose.file import compose
from stackctl.teach.from_nothing import from_nothing
from stackctl.teach.graph import Graph, dot, mermaid, stack_graph

FORMATS = ("bash", "compose", "mermaid", "dot")


@click.command("export")
@click.argument("form", metavar="FORMAT", type=click.Choice(FORMATS))
@services_argument
@click.option(
    "--from-here", is_flag=True, help="From what is there now, which the engine tells, not from nothing."
)
@click.option(
    "--plan", "of_plan", is_flag=True, help="A graph of what up would do now, which the engine tells."
)
@output_option
@pass_settings
def command(
    settings: Settings,
    /,
    form: str,
    services: tuple[str, ...],
    output: Any,
    *,
    from_here: bool,
    of_plan: bool,
) -> int:
    """Write the stack for bash, for Docker Compose, or as a graph

    bash: a script of docker commands that makes the same networks, volumes and containers,
    waits until each service is ready, and takes them away again. Secrets do not stand in it: it asks for their variables.

    compose: a compose.yaml with which Docker Compose makes the same. What Compose cannot say is a comment.

    mermaid, dot: who waits for whom, networks and volumes, for Mermaid or Graphviz. With --plan: what is created, recreated,
    removed and kept, and in which order.

    \b
    Examples:
      stackctl export bash -o run.sh      the whole stack, from nothing
      stackctl export bash api            one service and what it depends on
      stackctl export bash --from-here    what `stackctl up` would do now
      stackctl export compose -o compose.yaml
      stackctl export dot | dot -Tsvg     a picture
      stackctl export mermaid --plan      what `stackctl up` would do now
    """
    graph = form in ("mermaid", "dot")
    if from_here and form != "bash":
        raise click.UsageError("--from-here is for bash" + (": for a graph, add --plan" if graph else ""))
    if of_plan and not graph:
        raise click.UsageError(
            "--plan is for mermaid and dot" + (": for bash, add --from-here" if form == "bash" else "")
        )
    if form == "bash":
        text = _bash(settings, services, from_here=from_here)
    elif form == "compose":
        text = _compose(settings, services, output.name)
    else:
        shown = _plan_graph(settings, services) if of_plan else _stack_graph(settings, services)
        text = (mermaid if form == "mermaid" else dot)(shown)
    click.echo(text, file=output, nl=False)
    return 0


def _compose(settings: Settings, services: tuple[str, ...], output: str) -> str:
    """The whole stack keeps its profiles. A part of it holds only what is asked for, and all of that starts."""
    stack, selection = settings.load(services), settings.selection(services)
    view, _ = from_nothing(one_each(stack), selection)
    whole = not services and not selection.profiles
    if whole and any(each.profiles for each in stack.everything.values()):
        view, _ = from_nothing(one_each(stack), replace(selection, profiles=("*",)))
    source = stack.files[0].name if stack.files else "a stack"
    directory = None if output in ("-", "<stdout>") else Path(output).parent
    return compose(stack, view.desired, source=source, directory=directory, profiles=whole)


def _stack_graph(settings: Settings, services: tuple[str, ...]) -> Graph:
    view, _ = from_nothing(one_each(settings.load(services)), settings.selection(services))
    return stack_graph(view.desired)


def _plan_graph(settings: Settings, services: tuple[str, ...]) -> Graph:
    from stackctl.teach.plan_graph import plan_graph

    view, plan = _from_here(settings, settings.load(services), services)
    return plan_graph(view.desired, plan)


def _bash(settings: Settings, services: tuple[str, ...], *, from_here: bool) -> str:
    stack = settings.load(services)
    view, plan = (
        _from_here(settings, stack, services)
        if from_here
        else from_nothing(stack, settings.selection(services))
    )
    docker = Docker(stack, view.observed.configs, view.observed.engine.api)
    source = stack.files[0].name if stack.files else "a stack"
    return bash(docker, view.desired, plan, source=source)


def _from_here(settings: Settings, stack: Stack, services: tuple[str, ...]) -> tuple[View, Plan]:
    from stackctl.project import Project

    plan = Project(stack, settings.engine()).plan(settings.selection(services), UpOptions(), ImageOptions())
    settings.warn(plan.warnings)
    return plan.view, plan

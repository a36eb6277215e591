"""stackctl export"""

from __future__ import annotations

from pathlib import Path

import click
from msgspec.structs import replace

from stackctl.cli.options import pass_settings, services_argument
from stackctl.cli.output import write_text
from stackctl.cli.settings import Settings
from stackctl.errors import PreflightError
from stackctl.planner.before.images import ImageOptions
from stackctl.planner.before.missing import only_on_a_swarm
from stackctl.planner.before.situation import Situation
from stackctl.planner.steps.plan import Plan
from stackctl.planner.view.slots import UpOptions
from stackctl.planner.view.view import View
from stackctl.spec.model import Stack
from stackctl.spec.scaling import one_each
from stackctl.spec.source.reading import place, placing
from stackctl.teach.bash import bash
from stackctl.teach.commands import Docker
from stackctl.teach.compose.file import compose
from stackctl.teach.from_nothing import from_nothing
from stackctl.teach.graph import Graph, dot, mermaid, stack_graph

FORMATS = ("bash", "compose", "k8s", "mermaid", "dot")


@click.command("export")
@click.argument("form", metavar="FORMAT", type=click.Choice(FORMATS))
@services_argument
@click.option(
    "--from-here", is_flag=True, help="From what is there now, which the engine tells, not from nothing."
)
@click.option(
    "--plan", "of_plan", is_flag=True, help="A graph of what up would do now, which the engine tells."
)
@click.option(
    "--secrets", "of_secrets", is_flag=True, help="The Secrets of Kubernetes alone, with what they hold."
)
@click.option(
    "-o", "--output", default="-", metavar="FILE|DIRECTORY", help="Write to a file; k8s also to a directory."
)
@pass_settings
def command(
    settings: Settings,
    /,
    form: str,
    services: tuple[str, ...],
    output: str,
    *,
    from_here: bool,
    of_plan: bool,
    of_secrets: bool,
) -> int:
    """Write the stack for bash, Compose, Kubernetes, or as a graph

    bash: a script of docker commands that makes the same networks, volumes and containers,
    waits until each service is ready, and takes them away again. Secrets do not stand in it: it asks for their variables.

    compose: a compose.yaml with which Docker Compose makes the same. What Compose cannot say is a comment.

    k8s: manifests for Kubernetes. What Kubernetes cannot say is told on stderr, and at the top of the file. Secrets are named, and do
    not stand there: with --secrets they are written, and nothing else. A directory gets a file for each service.

    mermaid, dot: who waits for whom, networks and volumes, for Mermaid or Graphviz. With --plan: what is created, recreated,
    removed and kept, and in which order.

    \b
    Examples:
      stackctl export bash -o run.sh      the whole stack, from nothing
      stackctl export bash api            one service and what it depends on
      stackctl export bash --from-here    what `stackctl up` would do now
      stackctl export compose -o compose.yaml
      stackctl export k8s -o k8s.yaml     for kubectl apply -f k8s.yaml
      stackctl export k8s --secrets | kubectl apply -f -
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
    if of_secrets and form != "k8s":
        raise click.UsageError("--secrets is for k8s")
    if form == "k8s":
        return _k8s(settings, services, output, secrets=of_secrets)
    if form == "bash":
        text = _bash(settings, services, from_here=from_here)
    elif form == "compose":
        text = _compose(settings, services, output)
    else:
        shown = _plan_graph(settings, services) if of_plan else _stack_graph(settings, services)
        text = (mermaid if form == "mermaid" else dot)(shown)
    write_text(output, text)
    return 0


def _compose(settings: Settings, services: tuple[str, ...], output: str) -> str:
    """The whole stack keeps its profiles. A part of it holds only what is asked for, and all of that starts."""
    stack, selection = settings.of_file().load(services), settings.selection(services)
    view, _ = from_nothing(one_each(stack), selection)
    whole = not services and not selection.profiles
    if whole and any(each.profiles for each in stack.everything.values()):
        view, _ = from_nothing(one_each(stack), replace(selection, profiles=("*",)))
    source = stack.files[0].name if stack.files else "a stack"
    directory = None if output == "-" else Path(output).parent
    return compose(stack, view.desired, source=source, directory=directory, profiles=whole)


def _k8s(settings: Settings, services: tuple[str, ...], output: str, *, secrets: bool) -> int:
    from stackctl.cli.host_files import host_files, write_all
    from stackctl.teach.k8s.manifests import manifests

    stack = settings.of_file().load(services)
    view, _ = from_nothing(one_each(stack), settings.selection(services))
    with placing(stack):
        made = manifests(stack, view.desired, host_files)
    source = stack.files[0].name if stack.files else "a stack"
    if secrets:
        write_text(output, made.secrets_text(), secret=True)
        return 0
    if output.endswith("/") or Path(output).is_dir():
        write_all(Path(output), made.texts(source))
    else:
        write_text(output, made.text(source))
    settings.warn(place(stack, made.lost))
    return 0


def _stack_graph(settings: Settings, services: tuple[str, ...]) -> Graph:
    view, _ = from_nothing(one_each(settings.of_file().load(services)), settings.selection(services))
    return stack_graph(view.desired)


def _plan_graph(settings: Settings, services: tuple[str, ...]) -> Graph:
    from stackctl.teach.plan_graph import plan_graph

    view, plan = _from_here(settings, settings.load(services), services)
    return plan_graph(view.desired, plan)


def _bash(settings: Settings, services: tuple[str, ...], *, from_here: bool) -> str:
    stack = (settings if from_here else settings.of_file()).load(services)
    view, plan = (
        _from_here(settings, stack, services)
        if from_here
        else from_nothing(stack, settings.selection(services))
    )
    if problems := tuple(only_on_a_swarm(Situation(view))):
        raise PreflightError(place(stack, problems))
    docker = Docker(stack, view.observed.configs, view.observed.engine.api)
    source = stack.files[0].name if stack.files else "a stack"
    return bash(docker, view.desired, plan, source=source)


def _from_here(settings: Settings, stack: Stack, services: tuple[str, ...]) -> tuple[View, Plan]:
    from stackctl.project import Project

    plan = Project(stack, settings.engine()).plan(settings.selection(services), UpOptions(), ImageOptions())
    settings.warn(plan.warnings)
    return plan.view, plan

"""stackctl explain"""

from __future__ import annotations

import json
import sys

import click

from stackctl.cli.options import complete_services, pass_settings
from stackctl.cli.settings import Settings
from stackctl.engine.proc import process
from stackctl.errors import UsageError
from stackctl.looking import Looking
from stackctl.teach.explain.inside import Inside, inside_json, inside_text


@click.command("explain")
@click.argument("service", metavar="SERVICE", shell_complete=complete_services)
@click.option("--inside", is_flag=True, help="What its container is: a process with a view of its own.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@pass_settings
def command(settings: Settings, service: str, *, inside: bool, as_json: bool) -> int:
    """Show what a container is, and how to see it yourself

    \b
    Examples:
      stackctl explain db --inside     its PID, namespaces, cgroup, mounts, network
    """
    if not inside:
        raise click.UsageError("say what to explain: --inside")
    stack = settings.load_leniently()
    engine = settings.engine()
    found = Looking(stack, engine).running_container(service)
    settings.tell_whose(stack, [found.source])
    container = engine.inspect(found.id)
    if not container.pid:
        raise UsageError(f"{container.name} is not running", "stackctl up starts it")
    facts = Inside(
        service=found.service,
        engine=engine.observe(stack.project).engine,
        container=container,
        process=process(container.pid, container.id),
    )
    print(
        json.dumps(inside_json(facts), indent=2)
        if as_json
        else inside_text(facts, settings.style(sys.stdout))
    )
    return 0

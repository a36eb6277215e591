"""stackctl explain"""

from __future__ import annotations

import json
import re
import sys

import click

from stackctl import api
from stackctl.cli.options import complete_services, pass_settings
from stackctl.cli.settings import Settings
from stackctl.engine.proc import process
from stackctl.errors import SpecError, UsageError
from stackctl.looking import Looking
from stackctl.planner.world.desire import desire
from stackctl.rules import RULES, heading
from stackctl.spelling import did_you_mean
from stackctl.teach.explain.inside import Inside, inside_json, inside_text
from stackctl.teach.explain.keys import topics, topics_text
from stackctl.teach.explain.up import plan_words


@click.command("explain")
@click.argument("what", shell_complete=complete_services)
@click.option(
    "--inside", is_flag=True, help="Of a service: its container is a process with a view of its own."
)
@click.option("--json", "as_json", is_flag=True, help="With --inside: as JSON.")
@pass_settings
def command(settings: Settings, what: str, *, inside: bool, as_json: bool) -> int:
    """Explain a service, a key, a rule, or what up would do

    WHAT is the number of a rule, a service, SERVICE.KEY, a key, or `up`.

    \b
    Examples:
      stackctl explain db              what stack.toml says of it, and the docker command
      stackctl explain db.volumes      what it means, its value, what one sees without it
      stackctl explain ports           the same of a key as such
      stackctl explain SC201           a rule
      stackctl explain up              what up would do now: what, why, in which order
      stackctl explain db --inside     the PID, namespaces, cgroup, mounts, network
    """
    if as_json and not inside:
        raise click.UsageError("--json goes with --inside")
    if inside:
        _inside(settings, what, as_json=as_json)
    elif what.upper() in RULES:
        print(f"{heading(what.upper())}\n\n{RULES[what.upper()].help}")
    elif re.fullmatch(r"(?i)SC\d\w*", what) and not _is_service(settings, what):
        raise UsageError(f"there is no rule {what!r}", did_you_mean(what.upper(), RULES))
    elif what == "up" and not _is_service(settings, what):
        _up(settings)
    else:
        _topics(settings, what)
    return 0


def _is_service(settings: Settings, what: str) -> bool:
    return bool(settings.source()) and what in settings.load_leniently().everything


def _up(settings: Settings) -> None:
    """Explain what `up` would do now."""
    stack = settings.load_asked((), strict=False)
    plan = api.plan(stack, settings.engine(), selection=settings.selection())
    settings.warn(plan.warnings)
    print(plan_words(plan, settings.style(sys.stdout)))


def _topics(settings: Settings, what: str) -> None:
    """Explain a service or a key. A key as such needs no stack.toml, and none without mistakes."""
    stack, wrong = None, None
    if settings.source():
        try:
            stack = settings.load_leniently()
        except SpecError as error:
            wrong = error
    try:
        found = topics(what, stack)
    except UsageError:
        if wrong:
            raise wrong from None
        raise
    desired = (
        desire(stack, instance="", profiles=["*"]) if stack and any(each.path for each in found) else None
    )
    print(topics_text(found, stack, desired, settings.style(sys.stdout)))


def _inside(settings: Settings, service: str, *, as_json: bool) -> None:
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
    style = settings.style(sys.stdout)
    print(json.dumps(inside_json(facts), indent=2) if as_json else inside_text(facts, style))

"""stackctl explain"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import click
from msgspec.structs import replace

from stackctl.cli.options import complete_services, pass_settings
from stackctl.cli.settings import Settings
from stackctl.errors import SpecError, UsageError
from stackctl.spelling import did_you_mean

if TYPE_CHECKING:
    from stackctl.spec.model import Stack

_STAND_IN = "stackctl-stand-in"


@click.command("explain")
@click.argument("what", required=False, shell_complete=complete_services)
@click.option("--step", is_flag=True, help="The stack, step by step: Enter does each step.")
@click.option("--md", "form", flag_value="md", help="The stack as Markdown, for a course's repository.")
@click.option("--html", "form", flag_value="html", help="The stack as one page, with its order and a quiz.")
@click.option(
    "--inside", is_flag=True, help="Of a service: its container is a process with a view of its own."
)
@click.option("--json", "as_json", is_flag=True, help="With --inside: as JSON.")
@pass_settings
def command(
    settings: Settings, what: str | None, *, step: bool, form: str | None, inside: bool, as_json: bool
) -> int:
    """Explain the stack as bash, a key, a rule, or what up would do

    Without WHAT: the stack as commands that you could type, step by step: the command, what the engine does, the line of stack.toml,
    what it prevents, and what you would see without it. WHAT is the number of a rule, a service, SERVICE.KEY, a key, or `up`.

    \b
    Examples:
      stackctl explain                 the whole stack as bash, with its reasons
      stackctl explain --step          the same, and Enter does each step
      stackctl explain --html > lesson.html
      stackctl explain db              what stack.toml says of it, and the docker command
      stackctl explain db.volumes      what it means, its value, what one sees without it
      stackctl explain ports           the same of a key as such
      stackctl explain SC201           a rule
      stackctl explain up              what up would do now: what, why, in which order
      stackctl explain db --inside     the PID, namespaces, cgroup, mounts, network
    """
    if as_json and not inside:
        raise click.UsageError("--json goes with --inside")
    if what is None:
        if inside:
            raise click.UsageError("--inside needs the name of a service")
        return _stack(settings, step=step, form=form)
    if step or form:
        raise click.UsageError("--step, --md and --html explain the whole stack: leave WHAT out")
    if inside:
        _inside(settings, what, as_json=as_json)
    elif re.fullmatch(r"(?i)SC\d\w*", what) and (page := _rule(settings, what)):
        print(page)
    elif what == "up" and not _is_service(settings, what):
        _up(settings)
    else:
        _topics(settings, what)
    return 0


def _rule(settings: Settings, what: str) -> str:
    """The help page of a rule; "" if there is no such rule, but a service of that name."""
    from stackctl.rules import RULES, heading
    from stackctl.show.text.fold import paragraphs
    from stackctl.show.text.style import columns

    number = what.upper()
    if number in RULES:
        return paragraphs(f"{heading(number)}\n\n{RULES[number].help}", columns(sys.stdout))
    if _is_service(settings, what):
        return ""
    raise UsageError(f"there is no rule {what!r}", did_you_mean(number, RULES))


def _stack(settings: Settings, *, step: bool, form: str | None) -> int:
    """Explain the whole stack, from nothing; with `step` from what is there."""
    if step and form:
        raise click.UsageError("--step is for a terminal: leave --md and --html out")
    if step:
        from stackctl.cli.explain_steps import explain_steps

        return explain_steps(settings, settings.load())
    from stackctl.teach.commands import Docker
    from stackctl.teach.explain.scenes import scenes
    from stackctl.teach.from_nothing import from_nothing

    stack = _with_stand_ins(settings)
    view, plan = from_nothing(stack, settings.selection())
    told = scenes(Docker(stack), plan.steps, view.desired.containers)
    if form == "md":
        from stackctl.teach.explain.lesson_text import lesson_markdown

        print(lesson_markdown(stack, told), end="")
    elif form == "html":
        from stackctl.teach.explain.page import lesson_page

        print(lesson_page(stack, told, view.desired.containers), end="")
    else:
        from stackctl.teach.explain.lesson_text import lesson_text

        print(lesson_text(stack, told, settings.style(sys.stdout)))
    return 0


def _with_stand_ins(settings: Settings) -> Stack:
    """The stack. A password that is not set has a value that stands in for it, so that URLs have their place for it. Commands show
    variables by their names.
    """
    from stackctl.looking import load_requested
    from stackctl.secret import looks_secret
    from stackctl.spec.source.reading import gather
    from stackctl.spec.text.variables import mentions

    request = settings.request()
    written = gather(request)
    unset = (
        each for each in mentions(written.tree, written.lookup) if each.value is None and each.default is None
    )
    stand_ins = {each.name: _STAND_IN for each in unset if looks_secret(each.name)}
    return load_requested(replace(request, environ={**request.environ, **stand_ins}))


def _is_service(settings: Settings, what: str) -> bool:
    return bool(settings.source()) and what in settings.of_file().load_leniently().everything


def _up(settings: Settings) -> None:
    """Explain what `up` would do now."""
    from stackctl import api
    from stackctl.teach.explain.up import plan_words

    stack = settings.load_asked((), strict=False)
    plan = api.plan(stack, settings.engine(), selection=settings.selection())
    settings.warn(plan.warnings)
    print(plan_words(plan, settings.style(sys.stdout)))


def _topics(settings: Settings, what: str) -> None:
    """Explain a service or a key. A key as such needs no stack.toml, and none without mistakes."""
    from stackctl.planner.world.desire import desire
    from stackctl.teach.explain.keys import topics, topics_text

    stack, wrong = None, None
    if settings.source():
        try:
            stack = settings.of_file().load_leniently()
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
    """Explain the container of a service as a process."""
    import json

    from stackctl.engine.proc import process
    from stackctl.looking import Looking
    from stackctl.teach.explain.inside import Inside, inside_json, inside_text

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

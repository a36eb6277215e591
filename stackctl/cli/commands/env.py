"""stackctl env"""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import click

from stackctl.cli.marked_block import write_block
from stackctl.cli.options import complete_services, pass_settings
from stackctl.cli.settings import Settings
from stackctl.comparing import Comparing
from stackctl.errors import EngineError, UsageError
from stackctl.planner.world.naming import Naming
from stackctl.show.lists.origins import origins_json, origins_text
from stackctl.show.text.safe import one_line
from stackctl.spec.choosing import select
from stackctl.spec.source.origins import environment_variables
from stackctl.spec.source.reading import gather
from stackctl.spelling import did_you_mean

VERSION = 1
"""The version of the JSON; version 1 only ever gains keys."""


@click.command("env")
@click.argument("service", required=False, shell_complete=complete_services)
@click.argument("variable", required=False)
@click.option(
    "--from",
    "origins",
    is_flag=True,
    help="Show where each variable of SERVICE, or VARIABLE alone, gets its value, and what that hides.",
)
@click.option("--show-secrets", is_flag=True, help="With --from: passwords and the like in clear text.")
@click.option("--export", is_flag=True, help="Put export before each, for a shell's eval.")
@click.option(
    "--write",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write them into FILE, in a block between marks; the rest of the file stays.",
)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@pass_settings
def command(
    settings: Settings,
    service: str | None,
    variable: str | None,
    origins: bool,
    show_secrets: bool,
    export: bool,
    path: Path | None,
    as_json: bool,
) -> int:
    """Print the variables that reach the stack from here

    Where each service can be reached from this machine (NAME_HOST, NAME_PORT, NAME_URL), and the variables of services that hold
    such an address. The table tests.environment of the file adds variables of your own. With SERVICE, all variables of its
    container, whether it runs or not: what you need to run that service here, beside the rest of the stack.

    It is for programs: secrets are printed as they are.

    With --from SERVICE it is for people: where each variable comes from (environment, the shell, .env, a file of variables, the image), and
    which values are hidden by it. Then secrets are dots.

    \b
    Examples:
      stackctl env > .env.test
      stackctl env --write .env.local
      eval "$(stackctl env --export)" && psql "$POSTGRES_URL"
      (eval "$(stackctl env api --export)" && alembic upgrade head)
      stackctl env --from api DATABASE_URL
    """
    if origins:
        if path:
            raise click.UsageError("--write and --from exclude each other")
        if service is None:
            raise click.UsageError("--from needs a SERVICE: stackctl env --from SERVICE [VARIABLE]")
        return _origins(settings, service, variable, show_secrets=show_secrets, as_json=as_json)
    if path and as_json:
        raise click.UsageError("--write and --json exclude each other")
    if variable is not None:
        raise click.UsageError(f"VARIABLE goes with --from: stackctl env --from {service} {variable}")
    stack = settings.load_leniently()
    project = Comparing(stack, settings.engine())
    found = project.environment(service)
    settings.tell_whose(stack, (container.source for container in project.containers()))
    if as_json:
        shown = {"version": VERSION, "project": stack.project, "service": service, "environment": found}
        print(json.dumps(shown, indent=2))
        return 0
    lines = [*_lines(found, export=export)]
    if path:
        changed = write_block(path, lines)
        print(f"{path}: {len(lines)} variables {'written' if changed else 'as before'}", file=sys.stderr)
    else:
        print("".join(f"{line}\n" for line in lines), end="")
    return 0


def _lines(variables: Mapping[str, str], *, export: bool) -> Iterator[str]:
    """Lines that a shell and python-dotenv read alike. What no shell can have is left out for `export`, and told."""
    for name, value in variables.items():
        if export and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            print(f"note: left out {name}: no shell has a variable of that name", file=sys.stderr)
            continue
        yield f"{'export ' if export else ''}{name}={quoted(value)}"


def _origins(
    settings: Settings, service: str, variable: str | None, *, show_secrets: bool, as_json: bool
) -> int:
    """Print where the variables of a service come from."""
    stack = settings.load_leniently()
    select(stack, [service], dependencies=False)
    ref = Naming(stack, "").image(service)
    try:
        config = settings.engine().image_configs([ref]).get(ref)
        why = "it is not here"
    except EngineError as error:
        config, why = None, error.message
    if config is None:
        print(one_line(f"note: the variables of the image {ref} are not known: {why}"), file=sys.stderr)
    request = settings.request()
    image = config.environment if config else {}
    found = environment_variables(stack, service, gather(request), request, image, ref)
    if variable is not None:
        names = [each.name for each in found]
        found = tuple(each for each in found if each.name == variable)
        if not found:
            raise UsageError(f"{service} has no variable {variable}", did_you_mean(variable, names))
    if as_json:
        print(json.dumps(origins_json(found, stack.project, service, show_secrets=show_secrets), indent=2))
    elif found:
        print(origins_text(found, style=settings.style(sys.stdout), show_secrets=show_secrets))
    return 0


def quoted(value: str) -> str:
    """A value so that a shell and python-dotenv read the same.

    A value with a quote or backslash and a dollar or backtick cannot be written for both: then the shell's way is taken.
    """
    if re.search(r"'|\\\\|\\\Z", value) and not re.search(r"[$`]", value):
        return '"' + re.sub(r'["\\]', r"\\\g<0>", value) + '"'
    return shlex.quote(value)

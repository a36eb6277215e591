"""stackctl env"""

from __future__ import annotations

import json
import re
import shlex
import sys

import click

from stackctl.cli.options import complete_services, pass_settings
from stackctl.cli.settings import Settings
from stackctl.comparing import Comparing

VERSION = 1
"""The version of the JSON; version 1 only ever gains keys."""


@click.command("env")
@click.argument("service", required=False, shell_complete=complete_services)
@click.option("--export", is_flag=True, help="Put export before each, for a shell's eval.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@pass_settings
def command(settings: Settings, service: str | None, export: bool, as_json: bool) -> int:
    """Print the variables that reach the stack from here

    Where each service can be reached from this machine (NAME_HOST, NAME_PORT, NAME_URL), and the variables of services that hold
    such an address. The table tests.environment of the file adds variables of your own. With SERVICE, all variables of its
    container, whether it runs or not: what you need to run that service here, beside the rest of the stack.

    It is for programs: secrets are printed as they are.

    \b
    Examples:
      stackctl env > .env.test
      eval "$(stackctl env --export)" && psql "$POSTGRES_URL"
      (eval "$(stackctl env api --export)" && alembic upgrade head)
    """
    stack = settings.load_leniently()
    project = Comparing(stack, settings.engine())
    found = project.environment(service)
    settings.tell_whose(stack, (container.source for container in project.containers()))
    if as_json:
        shown = {"version": VERSION, "project": stack.project, "service": service, "environment": found}
        print(json.dumps(shown, indent=2))
        return 0
    for name, value in found.items():
        if export and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            print(f"note: left out {name}: no shell has a variable of that name", file=sys.stderr)
            continue
        print(f"{'export ' if export else ''}{name}={quoted(value)}")
    return 0


def quoted(value: str) -> str:
    """A value so that a shell and python-dotenv read the same.

    A value with a quote or backslash and a dollar or backtick cannot be written for both: then the shell's way is taken.
    """
    if re.search(r"'|\\\\|\\\Z", value) and not re.search(r"[$`]", value):
        return '"' + re.sub(r'["\\]', r"\\\g<0>", value) + '"'
    return shlex.quote(value)

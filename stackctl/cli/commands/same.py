"""stackctl same"""

from __future__ import annotations

import json
import sys

import click

from stackctl.cli.options import pass_settings
from stackctl.cli.settings import Settings
from stackctl.errors import EngineError, UsageError
from stackctl.show.differences import ShownSide, differences_json, differences_text
from stackctl.sides import Described, same

DIFFERENT = 1
"""The exit code if the two do not make the same."""


@click.command("same")
@click.argument("left", metavar="A")
@click.argument("right", metavar="B")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@pass_settings
def command(settings: Settings, /, left: str, right: str, *, as_json: bool) -> int:
    """Compare what two stacks, scripts or projects make

    A and B are each one of: a stack.toml, or the directory that has one; a bash script of docker commands, which is read, not run;
    project:NAME, what stackctl has brought up; running, what is there under the container names of the other side.

    Compared are the containers, networks and volumes. What is written differently and means the same is the same. Names that follow
    from the project count for nothing, and what a container has from its image is no difference.

    The exit code is 0 if both make the same, 1 if not, 2 if something cannot be read.

    \b
    Examples:
      stackctl same stack.toml run.sh              two ways to write it
      stackctl same stack.toml running             is it as the file says?
      stackctl same run.sh running                 what has the script made?
      stackctl same solution/ handed-in/ --json    a grader's question
    """
    try:
        found = same(left, right, settings.request(), settings.engine)
    except EngineError as error:  # its own exit code would say "different"
        raise UsageError(error.message, error.hint) from error
    one, other = _shown(found.left), _shown(found.right)
    if as_json:
        print(json.dumps(differences_json(found.comparison, one, other), indent=2))
    else:
        print(differences_text(found.comparison, one, other, style=settings.style(sys.stdout)))
    return 0 if found.comparison.same else DIFFERENT


def _shown(described: Described) -> ShownSide:
    return ShownSide(described.name, described.side, described.place, described.notes)

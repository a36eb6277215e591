"""stackctl volumes"""

from __future__ import annotations

import json
import sys
import time

import click

from stackctl.cli.options import format_option, pass_settings, services_argument
from stackctl.cli.settings import Settings
from stackctl.looking import Looking
from stackctl.show.lists.volumes import FIELDS, TITLES, volumes_as_compose, volumes_json, volumes_text
from stackctl.show.text.template import formatted


@click.command("volumes")
@services_argument
@click.option("-q", "--quiet", is_flag=True, help="Only the names.")
@click.option("--size", "sizes", is_flag=True, help="How much is in each; the engine has to count.")
@format_option
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@pass_settings
def command(
    settings: Settings, services: tuple[str, ...], quiet: bool, sizes: bool, form: str, as_json: bool
) -> int:
    """List the volumes, and which services use them

    Volumes that `down --volumes` leaves alone are marked as external or protected. `stackctl config --volumes` lists the volumes of
    the file.

    \b
    Examples:
      stackctl volumes
      stackctl volumes --size db
    """
    stack = settings.load_leniently()
    engine = settings.engine()
    found = Looking(stack, engine).volumes(services)
    bytes_of = engine.volume_sizes() if sizes and not quiet else None
    style = settings.style(sys.stdout)
    if quiet:
        text = "\n".join(each.volume.name for each in found)
    elif as_json:
        text = json.dumps(volumes_json(found, stack.project, bytes_of), indent=2)
    elif form != "table":
        text = formatted(form, volumes_as_compose(found, bytes_of), FIELDS, TITLES, style)
    else:
        text = volumes_text(found, now=time.time(), sizes=bytes_of, style=style)
    if text:
        print(text)
    return 0

"""stackctl images"""

from __future__ import annotations

import json
import sys
import time

import click

from stackctl.cli.options import pass_settings, services_argument
from stackctl.cli.settings import Settings
from stackctl.looking import Looking
from stackctl.show.lists.images import images_as_compose, images_json, images_text, rows


@click.command("images")
@services_argument
@click.option("-q", "--quiet", is_flag=True, help="Only the ids, each once.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json"]),
    default="table",
    help="A table, or JSON in Compose's shape.",
)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@pass_settings
def command(settings: Settings, services: tuple[str, ...], quiet: bool, form: str, as_json: bool) -> int:
    """List the images from which the containers were made

    `stackctl config --images` lists the images that the file names.

    \b
    Examples:
      stackctl images
      stackctl images -q api
    """
    stack = settings.load_leniently()
    looking = Looking(stack, settings.engine())
    found = looking.containers(services)
    settings.tell_whose(stack, (c.source for c in found))
    if quiet:
        ids = dict.fromkeys(c.image_id.removeprefix("sha256:") for c in found)
        print("\n".join(ids)) if ids else None
        return 0
    shown = rows(found, looking.images(found))
    if as_json:
        print(json.dumps(images_json(shown, stack.project), indent=2))
    elif form == "json":
        print(json.dumps(images_as_compose(shown)))
    else:
        print(images_text(shown, now=time.time(), style=settings.style(sys.stdout)))
    return 0

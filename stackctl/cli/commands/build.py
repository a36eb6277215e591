"""stackctl build"""

from __future__ import annotations

import click

from stackctl.cli.image_runs import run_images
from stackctl.cli.options import pass_settings, services_argument
from stackctl.cli.settings import Settings


@click.command("build")
@services_argument
@click.option("-q", "--quiet", is_flag=True, help="Say nothing unless it fails.")
@pass_settings
def command(settings: Settings, services: tuple[str, ...], quiet: bool) -> int:
    """Build images

    With BuildKit where the docker command has buildx, else with the engine's classic builder.

    \b
    Examples:
      stackctl build
      stackctl build api
    """
    if quiet:
        settings.progress = "quiet"
    return run_images(
        settings,
        services,
        "build",
        lambda project, selection, cancel: project.build(selection, cancel=cancel),
    )

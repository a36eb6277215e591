"""stackctl pull"""

from __future__ import annotations

import click

from stackctl.cli.image_runs import run_images
from stackctl.cli.options import pass_settings, services_argument
from stackctl.cli.settings import Settings
from stackctl.planner.before.images import ImageOptions
from stackctl.spec.model import PullPolicy


@click.command("pull")
@services_argument
@click.option("-q", "--quiet", is_flag=True, help="Say nothing unless it fails.")
@click.option(
    "--policy",
    type=click.Choice(["always", "missing"]),
    default="always",
    help="always, or only what is missing.",
)
@pass_settings
def command(settings: Settings, services: tuple[str, ...], quiet: bool, policy: str) -> int:
    """Pull images

    Images that are built here are left alone.

    \b
    Examples:
      stackctl pull
      stackctl pull --policy missing db
    """
    if quiet:
        settings.progress = "quiet"
    images = ImageOptions(pull=PullPolicy(policy))
    return run_images(
        settings,
        services,
        "pull",
        lambda project, selection, cancel: project.pull(selection, images, cancel=cancel),
    )

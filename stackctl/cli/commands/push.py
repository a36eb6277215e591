"""stackctl push"""

from __future__ import annotations

import click

from stackctl.cli.image_runs import run_images
from stackctl.cli.options import pass_settings, services_argument
from stackctl.cli.settings import Settings


@click.command("push")
@services_argument
@click.option("--include-deps", is_flag=True, help="Also what the named services depend on.")
@click.option(
    "--ignore-push-failures",
    is_flag=True,
    help="Push what can be pushed; the rest is told, and is no failure.",
)
@click.option("-q", "--quiet", is_flag=True, help="Say nothing unless it fails.")
@pass_settings
def command(
    settings: Settings, services: tuple[str, ...], include_deps: bool, ignore_push_failures: bool, quiet: bool
) -> int:
    """Push images that are built

    Sends the image of each service that has a build and an image, which is its name, to the registry of that name. docker login
    says who you are.

    \b
    Examples:
      stackctl push
      stackctl build --push api
    """
    if quiet:
        settings.progress = "quiet"
    return run_images(
        settings,
        services,
        "push",
        lambda project, selection, cancel: project.push(
            selection, ignore_failures=ignore_push_failures, cancel=cancel
        ),
        dependencies=include_deps,
    )

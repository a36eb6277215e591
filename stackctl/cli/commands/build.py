"""stackctl build"""

from __future__ import annotations

import os

import click

from stackctl.cli.image_runs import run_images
from stackctl.cli.options import pass_settings, services_argument
from stackctl.cli.settings import Settings
from stackctl.planner.before.images import BuildOptions


@click.command("build")
@services_argument
@click.option("--no-cache", is_flag=True, help="Build every layer anew.")
@click.option("--pull", is_flag=True, help="Pull the base images also when they are here.")
@click.option(
    "--build-arg",
    "arguments",
    multiple=True,
    metavar="NAME[=VALUE]",
    help="A build argument for all builds; a name alone takes its value from the environment.",
)
@click.option("--with-dependencies", is_flag=True, help="Also what the named services depend on.")
@click.option("--push", is_flag=True, help="Send the images to their registries.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing unless it fails.")
@pass_settings
def command(
    settings: Settings,
    services: tuple[str, ...],
    no_cache: bool,
    pull: bool,
    arguments: tuple[str, ...],
    with_dependencies: bool,
    push: bool,
    quiet: bool,
) -> int:
    """Build images

    With BuildKit where the docker command has buildx, else with the engine's classic builder.

    \b
    Examples:
      stackctl build
      stackctl build api
      stackctl build --no-cache --pull api
      stackctl build --build-arg VERSION=2 api
    """
    if quiet:
        settings.progress = "quiet"
    options = BuildOptions(no_cache=no_cache, pull=pull, args=_arguments(arguments))
    return run_images(
        settings,
        services,
        "build",
        lambda project, selection, cancel: project.build(selection, options, push=push, cancel=cancel),
        dependencies=with_dependencies,
    )


def _arguments(given: tuple[str, ...]) -> dict[str, str]:
    """The arguments with their values. Like docker, a name that is not in the environment gives no argument."""
    found: dict[str, str] = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not name:
            raise click.BadParameter(f"expected NAME or NAME=VALUE, found {each!r}", param_hint="--build-arg")
        if equals or name in os.environ:
            found[name] = value if equals else os.environ[name]
    return found

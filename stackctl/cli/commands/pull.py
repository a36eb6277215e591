"""stackctl pull"""

from __future__ import annotations

import click

from stackctl.cli.image_runs import run_images
from stackctl.cli.options import pass_settings, services_argument
from stackctl.cli.settings import Settings
from stackctl.planner.before.images import ImageOptions
from stackctl.spec.model import PullPolicy


def _policy(_: click.Context, parameter: click.Parameter, text: str | None) -> PullPolicy | None:
    if text is None:
        return None
    try:
        return PullPolicy.parse(text)
    except ValueError as error:
        raise click.BadParameter(str(error), param=parameter) from None


@click.command("pull")
@services_argument
@click.option("-q", "--quiet", is_flag=True, help="Say nothing unless it fails.")
@click.option(
    "--ignore-pull-failures",
    is_flag=True,
    help="Pull what can be pulled; the rest is told, and is no failure.",
)
@click.option("--ignore-buildable", is_flag=True, help="Leave images alone that can be built.")
@click.option("--include-deps", is_flag=True, help="Also what the named services depend on.")
@click.option(
    "--policy",
    callback=_policy,
    metavar="POLICY",
    help="For all services: always, missing (what is not here), or another pull_policy.",
)
@pass_settings
def command(
    settings: Settings,
    services: tuple[str, ...],
    quiet: bool,
    ignore_pull_failures: bool,
    ignore_buildable: bool,
    include_deps: bool,
    policy: PullPolicy | None,
) -> int:
    """Pull images

    Images that are here are pulled again. Two kinds are left alone: images of services with pull_policy = "never", and images that
    are here, have a tag other than latest, and belong to services with pull_policy = "missing". --policy counts instead of both.
    Images that are built here are left alone, unless their service has a pull_policy.

    \b
    Examples:
      stackctl pull
      stackctl pull --policy missing db
      stackctl pull --ignore-pull-failures
    """
    if quiet:
        settings.progress = "quiet"
    images = ImageOptions(pull=policy, buildable=not ignore_buildable, ignore_failures=ignore_pull_failures)
    return run_images(
        settings,
        services,
        "pull",
        lambda project, selection, cancel: project.pull(selection, images, cancel=cancel),
        dependencies=include_deps,
    )

"""What `build` and `pull` share: the images' plan of `up`, a part of it, executed."""

from __future__ import annotations

import click

from stackctl.cli.options import Settings
from stackctl.planner.up.images import ImageOptions


def run_images(settings: Settings, services: tuple[str, ...], verb: str, options: ImageOptions) -> int:
    """Build or pull for the named services (without what they depend on), or all."""
    from msgspec.structs import replace

    from stackctl import api
    from stackctl.cli.follow import follow
    from stackctl.planner.steps.actions import BuildImage, PullImage
    from stackctl.planner.up.images import plan_images

    wanted = BuildImage if verb == "build" else PullImage
    stack = settings.load(services)
    engine = settings.engine()
    desired, observed = api.look(stack, engine, settings.selection(services, dependencies=not services))
    plan = plan_images(desired, observed, options)
    plan = replace(plan, steps=tuple(step for step in plan.steps if isinstance(step.action, wanted)))
    if not plan.steps and settings.progress != "quiet":
        click.echo(f"nothing to {verb}", err=True)
    _, code = follow(
        settings,
        f"stackctl {verb}",
        lambda cancel: api.execute(plan, engine, cancel=cancel),
        source=stack.files[0].name,
    )
    return code

"""Which builder a plan needs. The engine's own builder cannot do all that a file may ask for."""

from __future__ import annotations

from collections.abc import Iterator

from stackctl.errors import Problem
from stackctl.planner.steps.actions import BuildImage, PullImage
from stackctl.planner.steps.plan import Plan
from stackctl.planner.world.desired import Desired
from stackctl.spec import build_keys
from stackctl.spec.choosing import table

HOW_TO_GET_BUILDX = (
    "install Docker's buildx plugin (Debian and Ubuntu: docker-buildx, or Docker's docker-buildx-plugin; "
    "`docker buildx version` must answer)"
)


def needs_buildkit(plan: Plan, desired: Desired) -> Iterator[Problem]:
    """A problem for each key of a build of the plan that only BuildKit can do."""
    for step in plan.steps:
        if not (
            isinstance(step.action, BuildImage)
            or (isinstance(step.action, PullImage) and step.action.otherwise == "build")
        ):
            continue
        image = step.action.image
        for name in build_keys.for_buildkit(image.build.settings) if image.build else ():
            service = next(each for each in image.services if desired.services[each].build)
            yield Problem(
                (table(desired.services[service]), service, "build", name),
                f"building {image.ref} needs BuildKit ({name}), which is not installed",
                HOW_TO_GET_BUILDX,
            )

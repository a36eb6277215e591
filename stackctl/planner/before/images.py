"""The first of the two plans of `up`: every image is here before anything is stopped."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from stackctl.planner.before.kept_data import images_of_kept_data
from stackctl.planner.steps.actions import BuildImage, PullImage
from stackctl.planner.steps.plan import Draft, Plan
from stackctl.planner.view.view import View
from stackctl.planner.world.desired import Desired, Image
from stackctl.planner.world.matching import image_id
from stackctl.planner.world.observed import Observed
from stackctl.planner.world.replica import Replica
from stackctl.spec.model import Condition, PullPolicy


class ImageOptions(Struct, frozen=True):
    """`build`: build all images that can be built, even if they are here; `no_build`: build none. `pull`: a policy for all
    services, which wins over their own.
    """

    build: bool = False
    no_build: bool = False
    pull: PullPolicy | None = None


def plan_images(desired: Desired, observed: Observed, options: ImageOptions | None = None) -> Plan:
    """Pull and build images that are missing or asked for."""
    draft = Draft(desired.project)
    for image in desired.images:
        if found := _step(image, observed, options or ImageOptions()):
            draft.add(*found, of=Replica(image.services[0]))
    return draft.plan()


def images_to_look_into(view: View) -> frozenset[str]:
    """The images about which a plan must know more: images of containers that the plan makes; images that may have a check, if
    another service waits for the health of their container; images that tell the version of kept data; images whose age counts.
    """
    wanted = view.desired.containers
    awaited = {need.service for want in wanted for need in want.needs if need.condition is Condition.healthy}
    return (
        frozenset(
            slot.want.image
            for slot in view.slots
            if slot.current is None
            or (slot.want.service in awaited and not slot.want.probes and not slot.current.health)
        )
        | images_of_kept_data(view)
        | _aging(view.desired)
    )


def missing_images(desired: Desired, observed: Observed, options: ImageOptions | None = None) -> list[Image]:
    """The images that are not here and that `plan_images` will not get either."""
    options = options or ImageOptions()
    return [
        image
        for image in desired.images
        if image_id(observed, image.ref) is None and not _step(image, observed, options)
    ]


def _aging(desired: Desired) -> frozenset[str]:
    return frozenset(image.ref for image in desired.images if image.policy and image.policy.every)


def _step(
    image: Image, observed: Observed, options: ImageOptions
) -> tuple[PullImage | BuildImage, str] | None:
    """What gets the image, and why; None if it stays as it is, or cannot be had."""
    here = image_id(observed, image.ref) is not None
    can_build = image.build is not None and not options.no_build
    if can_build and options.build:
        return BuildImage(image), "asked to build"
    if can_build and image.policy == PullPolicy.build:
        return BuildImage(image), "pull_policy is build"
    if why := _why_pulled(image, observed, options, here=here):
        otherwise: Literal["fail", "build", "keep"] = "build" if can_build else "fail"
        return PullImage(image, "keep" if here and image.build else otherwise), why
    return (BuildImage(image), "not built yet") if can_build and not here else None


def _why_pulled(image: Image, observed: Observed, options: ImageOptions, *, here: bool) -> str:
    """Why the image is pulled; "" if it is not."""
    if image.build and image.policy in (None, PullPolicy.build):
        return ""
    policy = options.pull or image.policy or PullPolicy.missing
    if policy == PullPolicy.always:
        return "asked to pull" if options.pull else "pull_policy is always"
    if policy in (PullPolicy.never, PullPolicy.build):
        return ""
    if not here:
        return "not here"
    config = observed.configs.get(image.ref)
    old = policy.every and config and observed.time - config.tagged > policy.every.seconds
    return f"pull_policy is {policy}" if old else ""

"""The first of the two plans of `up`: every image is here before anything is stopped."""

from __future__ import annotations

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
    """`build`: build all images that can be built, even if they are here. `pull`: a policy for all services, which wins over
    their own.
    """

    build: bool = False
    pull: PullPolicy | None = None


def plan_images(desired: Desired, observed: Observed, options: ImageOptions | None = None) -> Plan:
    """Pull and build images that are missing or asked for. An image that can be built is never pulled."""
    draft = Draft(desired.project)
    for image in desired.images:
        here = image_id(observed, image.ref) is not None
        reason = _reason(image, options or ImageOptions(), here=here)
        if reason:
            action = BuildImage(image) if image.build else PullImage(image)
            draft.add(action, reason, of=Replica(image.services[0]))
    return draft.plan()


def images_to_look_into(view: View) -> frozenset[str]:
    """The images about which a plan must know more: images of containers that the plan makes; images that may have a check, if
    another service waits for the health of their container; images that tell the version of kept data.
    """
    wanted = view.desired.containers
    awaited = {need.service for want in wanted for need in want.needs if need.condition is Condition.healthy}
    return frozenset(
        slot.want.image
        for slot in view.slots
        if slot.current is None
        or (slot.want.service in awaited and not slot.want.probes and not slot.current.health)
    ) | images_of_kept_data(view)


def missing_images(desired: Desired, observed: Observed, options: ImageOptions | None = None) -> list[Image]:
    """The images that are not here and that `plan_images` will not get either."""
    options = options or ImageOptions()
    return [
        image
        for image in desired.images
        if image_id(observed, image.ref) is None and not _reason(image, options, here=False)
    ]


def _reason(image: Image, options: ImageOptions, *, here: bool) -> str:
    if image.build:
        if options.build:
            return "asked to build"
        if image.policy is PullPolicy.build:
            return "pull_policy is build"
        return "" if here else "not built yet"
    policy = options.pull or image.policy
    if policy is PullPolicy.always:
        return "asked to pull" if options.pull else "pull_policy is always"
    return "not here" if policy is PullPolicy.missing and not here else ""

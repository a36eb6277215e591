"""The first of the two plans of `up`: every image is here before anything is stopped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from stackctl.planner.before.kept_data import images_of_kept_data
from stackctl.planner.steps.actions import BuildImage, PullImage, PushImage, subject
from stackctl.planner.steps.facts import ImageHere
from stackctl.planner.steps.plan import Draft, Plan
from stackctl.planner.view.view import View
from stackctl.planner.world.desired import Desired, Image
from stackctl.planner.world.matching import image_id
from stackctl.planner.world.observed import Observed
from stackctl.planner.world.replica import Replica
from stackctl.spec.image_ref import ImageRef
from stackctl.spec.model import Condition, PullPolicy


class BuildOptions(Struct, frozen=True):
    """What is different in every build of this run: no layer from a cache, base images pulled again, further arguments."""

    no_cache: bool = False
    pull: bool = False
    args: Mapping[str, str] = {}

    def of(self, image: Image) -> Image:
        """The image, built in this way."""
        build = image.build
        if build is None or self == BuildOptions():
            return image
        settings = replace(
            build.settings,
            no_cache=self.no_cache or build.settings.no_cache,
            pull=self.pull or build.settings.pull,
        )
        return replace(image, build=replace(build, settings=settings, args={**build.args, **self.args}))


class ImageOptions(Struct, frozen=True):
    """`build`: build all images that can be built, even if they are here; `no_build`: build none. `pull`: a policy for all
    services, which wins over their own. `builds`: what is different in every build.
    """

    build: bool = False
    no_build: bool = False
    pull: PullPolicy | None = None
    builds: BuildOptions = BuildOptions()
    buildable: bool = True
    """Whether images are pulled that can be built, too."""
    again: bool = False
    """Whether images are pulled that are here already, unless their policy is against it."""
    ignore_failures: bool = False
    """A pull that fails is told, and is no failure of the run."""


def plan_images(desired: Desired, observed: Observed, options: ImageOptions | None = None) -> Plan:
    """Pull and build images that are missing or asked for."""
    draft = Draft(desired.project)
    options = options or ImageOptions()
    for image in _bases_first(desired.images):
        if found := _step(image, observed, options):
            bases = image.build.bases if image.build else ()
            needs = [ImageHere(ref) for ref in bases]
            draft.add(
                *found,
                *needs,
                makes=[ImageHere(image.ref)],
                of=Replica(image.services[0]),
                optional=options.ignore_failures,
            )
    return draft.plan()


def plan_push(desired: Desired, *, build: Plan | None = None, ignore_failures: bool = False) -> Plan:
    """Send the images that are built and have a name of their own to their registries, further tags too; after `build`, if it is
    given.
    """
    draft = Draft(desired.project)
    for step in build.steps if build else ():
        draft.add(step.action, step.why, *step.after, makes=[ImageHere(subject(step.action))], of=step.of)
    for image in desired.images:
        if image.build and any(desired.services[name].image for name in image.services):
            for ref in (image.ref, *image.build.settings.tags):
                draft.add(
                    PushImage(replace(image, ref=ref)),
                    "asked to push",
                    ImageHere(image.ref),
                    of=Replica(image.services[0]),
                    optional=ignore_failures,
                )
    return draft.plan()


def _bases_first(images: Iterable[Image]) -> list[Image]:
    """The images in an order in which each comes after those that it is built on. A circle does no harm: the builder finds it."""
    there = {image.ref: image for image in images}
    found: dict[str, Image] = {}

    def add(image: Image, above: frozenset[str]) -> None:
        for ref in image.build.bases if image.build else ():
            if ref in there and ref not in above:
                add(there[ref], above | {ref})
        found.setdefault(image.ref, image)

    for image in there.values():
        add(image, frozenset([image.ref]))
    return list(found.values())


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
    image = options.builds.of(image)
    can_build = image.build is not None and not options.no_build
    if can_build and options.build:
        return BuildImage(image), "asked to build"
    if can_build and options.pull == PullPolicy.build:
        return BuildImage(image), "asked to build"
    if can_build and image.policy == PullPolicy.build:
        return BuildImage(image), "pull_policy is build"
    if why := _why_pulled(image, observed, options, here=here):
        otherwise: Literal["fail", "build", "keep"] = "build" if can_build else "fail"
        return PullImage(image, "keep" if here and image.build else otherwise), why
    return (BuildImage(image), "not built yet") if can_build and not here else None


def _why_pulled(image: Image, observed: Observed, options: ImageOptions, *, here: bool) -> str:
    """Why the image is pulled; "" if it is not."""
    if image.build and (image.policy in (None, PullPolicy.build) or not options.buildable):
        return ""
    if options.again:
        return "" if _spared(image, options, here=here) else "asked to pull"
    asked = (
        options.pull if options.pull != PullPolicy.build else None
    )  # what is only pulled has no build to ask for
    policy = asked or image.policy or PullPolicy.missing
    if policy == PullPolicy.always:
        return "asked to pull" if asked else "pull_policy is always"
    if policy in (PullPolicy.never, PullPolicy.build):
        return ""
    if not here:
        return "not here"
    config = observed.configs.get(image.ref)
    old = policy.every and config and observed.time - config.tagged > policy.every.seconds
    return f"pull_policy is {policy}" if old else ""


def _spared(image: Image, options: ImageOptions, *, here: bool) -> bool:
    """Whether `pull` leaves the image alone (Docker Compose 5.6.1). What is called `latest` is expected to change."""
    policy = options.pull or image.policy
    moves = not options.pull and ImageRef.parse(image.ref).tagged.endswith(":latest")
    return policy in (PullPolicy.never, PullPolicy.build) or (
        policy == PullPolicy.missing and here and not moves
    )

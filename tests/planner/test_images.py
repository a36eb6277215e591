"""The images that come first: pulled, built, or not to be had; and those that have to be looked into."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace
from plan_world import World, desired, stack

from stackctl.planner.before.images import ImageOptions, images_to_look_into, missing_images, plan_images
from stackctl.planner.steps.actions import PullImage
from stackctl.planner.view.slots import UpOptions
from stackctl.planner.view.view import View
from stackctl.planner.world.observed import ImageConfig
from stackctl.spec.model import PullPolicy

TEXT = """
[services.db]
image = "db:1"
[services.api]
build = "."
[services.worker]
build = "."
image = "shop-api"
[services.other]
image = "other"
pull_policy = "POLICY"
"""


def plan(text: str, options: ImageOptions | None = None) -> str:
    wanted = desired(text)
    return str(plan_images(wanted, World().engine.observe(), options))


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("missing", "#1 PullImage other, not here"),
        ("always", "#1 PullImage other, pull_policy is always"),
        ("never", ""),
        ("build", ""),
    ],
)
def test_what_is_missing_is_pulled_as_the_policy_says(policy: str, expected: str) -> None:
    assert plan(TEXT.replace("POLICY", policy)) == expected


BOTH = '[services.x]\nbuild = "./x"\nimage = "IMAGE"\npull_policy = "POLICY"\n'


@pytest.mark.parametrize(
    ("policy", "missing", "here"),
    [
        ("always", "#1 PullImage new, pull_policy is always", "#1 PullImage base, pull_policy is always"),
        ("missing", "#1 PullImage new, not here", ""),
        ("if_not_present", "#1 PullImage new, not here", ""),
        ("never", "#1 BuildImage new, not built yet", ""),
        ("build", "#1 BuildImage new, pull_policy is build", "#1 BuildImage base, pull_policy is build"),
        ("daily", "#1 PullImage new, not here", ""),
    ],
)
def test_an_image_with_a_name_and_a_build_goes_by_its_policy(policy: str, missing: str, here: str) -> None:
    text = BOTH.replace("POLICY", policy)
    assert plan(text.replace("IMAGE", "new")) == missing
    assert plan(text.replace("IMAGE", "base")) == here


def test_what_cannot_be_pulled_is_built_or_kept() -> None:
    """Compose: a failed pull of an image that can be built is no error."""

    def otherwise(image: str, options: ImageOptions | None = None) -> str:
        wanted = desired(BOTH.replace("POLICY", "always").replace("IMAGE", image))
        (step,) = plan_images(wanted, World().engine.observe(), options).steps
        assert isinstance(step.action, PullImage)
        return step.action.otherwise

    assert otherwise("new") == "build"
    assert otherwise("base") == "keep"
    assert otherwise("new", ImageOptions(no_build=True)) == "fail"
    world = World(registry={"new": ImageConfig()})
    for image, note in (
        ("new", ""),
        ("other", "it could not be pulled, so it was built"),
        ("base", "the one that is here is kept: cannot pull base for x: pull access denied"),
    ):
        wanted = desired(BOTH.replace("POLICY", "always").replace("IMAGE", image))
        (step,) = plan_images(wanted, world.engine.observe()).steps
        assert world.engine.perform(step.action, lambda _: None).startswith(note)
        assert f"{image}:latest" in world.engine.observe().images


@pytest.mark.parametrize(
    ("policy", "hours", "pulled"),
    [
        ("daily", 23, False),
        ("daily", 25, True),
        ("weekly", 167, False),
        ("weekly", 169, True),
        ("every_1h30m", 2, True),
    ],
)
def test_an_old_image_is_pulled_again(policy: str, hours: float, pulled: bool) -> None:
    """By when it was tagged. An engine that does not tell has an old image."""
    wanted = desired(f'[services.x]\nimage = "base"\npull_policy = "{policy}"\n')
    observed = World().engine.observe()
    assert images_to_look_into(
        View.of(wanted, World().up('[services.x]\nimage = "base"\n').engine.observe())
    ) == {"base"}
    for tagged in (1e9, 0.0):
        told = replace(observed, time=1e9 + hours * 3600, configs={"base": ImageConfig(tagged=tagged)})
        expected = f"#1 PullImage base, pull_policy is {policy}" if pulled or not tagged else ""
        assert str(plan_images(wanted, told)) == expected


def test_without_building_what_is_missing_is_told() -> None:
    options = ImageOptions(no_build=True)
    wanted, observed = desired('[services.x]\nbuild = "./x"\n'), World().engine.observe()
    assert plan_images(wanted, observed, options).steps == ()
    assert [image.ref for image in missing_images(wanted, observed, options)] == ["shop-x"]


def test_an_image_that_can_be_built_is_built_and_never_pulled() -> None:
    built = '[services.x]\nbuild = "./x"\n'
    assert plan(built) == "#1 BuildImage shop-x, not built yet"
    here = TEXT.replace("POLICY", "never")
    assert plan(here, ImageOptions(build=True)) == "#1 BuildImage shop-api, asked to build"
    assert plan(here.replace('build = "."\nimage', 'pull_policy = "build"\nbuild = "."\nimage')) == (
        "#1 BuildImage shop-api, pull_policy is build"
    )
    assert plan(built, ImageOptions(pull=PullPolicy.always)) == "#1 BuildImage shop-x, not built yet"


def test_a_policy_for_all() -> None:
    assert plan(TEXT.replace("POLICY", "never"), ImageOptions(pull=PullPolicy.always)).splitlines() == [
        "#1 PullImage db:1, asked to pull",
        "#2 PullImage other, asked to pull",
    ]


def test_a_policy_of_build_builds_what_can_be_built_and_pulls_what_is_missing() -> None:
    options = ImageOptions(pull=PullPolicy.build)
    assert plan(TEXT.replace("POLICY", "missing"), options).splitlines() == [
        "#1 BuildImage shop-api, asked to build",
        "#2 PullImage other, not here",
    ]


@pytest.mark.parametrize(
    ("image", "own", "asked", "pulled"),
    [
        ("base", None, None, True),
        ("db:1", "missing", None, False),
        ("base", "missing", None, True),  # latest moves
        ("base", "daily", None, True),
        ("gone", "never", None, False),
        ("gone", "missing", None, True),
        ("base", "missing", "missing", False),
        ("gone", "never", "missing", True),
        ("base", "never", "always", True),
        ("gone", None, "never", False),
        ("gone", None, "build", False),
    ],
)
def test_what_pull_pulls_again(image: str, own: str | None, asked: str | None, pulled: bool) -> None:
    """As Docker Compose 5.6.1 does."""
    text = f'services.x.image = "{image}"\n' + (f'services.x.pull_policy = "{own}"\n' if own else "")
    options = ImageOptions(again=True, no_build=True, pull=PullPolicy.parse(asked) if asked else None)
    assert plan(text, options) == (f"#1 PullImage {image}, asked to pull" if pulled else "")


def test_what_is_neither_here_nor_to_be_had() -> None:
    observed = World().engine.observe()

    def missing(policy: str, options: ImageOptions | None = None) -> list[str]:
        wanted = desired(TEXT.replace("POLICY", policy))
        return [image.ref for image in missing_images(wanted, observed, options)]

    assert missing("never") == missing("build") == ["other"]
    assert missing("missing") == missing("never", ImageOptions(pull=PullPolicy.missing)) == []
    assert missing("missing", ImageOptions(pull=PullPolicy.never)) == ["other"]


def test_two_services_with_one_image_share_it() -> None:
    wanted = desired(TEXT.replace("POLICY", "missing"))
    assert {image.ref: image.services for image in wanted.images}["shop-api"] == ("api", "worker")


def test_images_of_containers_to_be_made_are_looked_into() -> None:
    text = '[services.db]\nimage = "db:1"\n[services.api]\nimage = "app:1"\n'
    world = World()
    wanted = desired(text)
    assert images_to_look_into(View.of(wanted, world.engine.observe())) == {"db:1", "app:1"}
    observed = world.up(text).engine.observe()
    assert images_to_look_into(View.of(wanted, observed)) == frozenset()
    assert images_to_look_into(View.of(wanted, observed, UpOptions(recreate="always"))) == {"db:1", "app:1"}
    assert images_to_look_into(View.of(desired(text.replace("app:1", "app:2")), observed)) == {"app:2"}


def test_so_are_those_whose_health_is_waited_for_though_nothing_tells_it() -> None:
    text = '[services.db]\nimage = "db:1"\n[services.api]\nimage = "app:1"\n'
    observed = World().up(text).engine.observe()
    needing = text + '[services.api.depends_on.db]\ncondition = "service_healthy"\n'
    assert images_to_look_into(View.of(desired(needing), observed)) == {"db:1"}


def test_what_every_container_of_an_image_mounts_of_its_context_is_live(tmp_path: Path) -> None:
    text = '[services.api]\nbuild = "./x"\nvolumes = [API]\n[services.worker]\nbuild = "./x"\nimage = "shop-api"\nvolumes = [WORKER]\n'

    def live(api: str, worker: str) -> tuple[str, ...]:
        wanted = desired(stack(text.replace("API", api).replace("WORKER", worker), directory=tmp_path))
        (image,) = wanted.images
        assert image.build
        return image.build.live

    assert live("", "") == ()
    assert live('"./x/src:/a", "./other:/b"', '"./x/src:/src:ro"') == ("src",)
    assert live('"./x/src:/a"', "") == (), "the other one has what its image has"
    assert live('"./x:/a"', '".:/a"') == (".",)

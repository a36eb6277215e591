"""The images that come first: pulled, built, or not to be had; and those that have to be looked into."""

from __future__ import annotations

import pytest
from plan_world import World, desired

from stackctl.planner.before.images import ImageOptions, images_to_look_into, missing_images, plan_images
from stackctl.planner.view.slots import UpOptions
from stackctl.planner.view.view import View
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

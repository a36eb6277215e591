"""One snapshot, one view: what becomes of the containers is decided once, however many ask."""

from __future__ import annotations

import pytest
from plan_world import World, stack

from stackctl.planner.before.images import ImageOptions
from stackctl.planner.view import view
from stackctl.planner.view.placing import slots
from stackctl.planner.view.slots import Slots, UpOptions
from stackctl.planner.world.desired import Desired
from stackctl.planner.world.observed import ImageConfig, Observed
from stackctl.project import Project
from stackctl.spec.selection import Selection

TEXT = '[services.db]\nimage = "db:1"\n[services.api]\nimage = "app:1"\ndepends_on = ["db"]\n'


@pytest.fixture
def decided(monkeypatch: pytest.MonkeyPatch) -> list[Observed]:
    """The snapshots for which it was decided what becomes of the containers."""
    looked: list[Observed] = []

    def counting(desired: Desired, observed: Observed, options: UpOptions) -> Slots:
        looked.append(observed)
        return slots(desired, observed, options)

    monkeypatch.setattr(view, "slots", counting)
    return looked


def project(world: World, text: str = TEXT) -> Project:
    return Project(stack(text), world.engine)


def test_an_up_looks_at_other_projects_only_if_there_is_something_to_do(decided: list[Observed]) -> None:
    shop = project(World())
    list(shop.up(Selection(), UpOptions(), ImageOptions()))
    assert len(decided) == 2
    list(shop.up(Selection(), UpOptions(), ImageOptions()))
    assert len(decided) == 3


def test_one_that_has_to_pull_decides_again_with_the_images(decided: list[Observed]) -> None:
    world = World(registry={"new:1": ImageConfig()})
    list(project(world, TEXT.replace("app:1", "new:1")).up(Selection(), UpOptions(), ImageOptions()))
    assert len(decided) == 3


def test_so_do_plan_and_status(decided: list[Observed]) -> None:
    project(World()).plan(Selection(), UpOptions(), ImageOptions())
    project(World()).status(Selection())
    assert len(decided) == 3

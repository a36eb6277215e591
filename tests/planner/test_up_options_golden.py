"""Plans of `up` with options that say what is recreated, and whether anything is started."""

from __future__ import annotations

from plan_stories import lines, performed
from plan_world import World

from stackctl.engine.memory import MemoryEngine
from stackctl.planner.steps.actions import CreateContainer
from stackctl.planner.view.slots import UpOptions
from stackctl.planner.world.observed import ImageConfig

TEXT = """\
[services.db]
image = "app:1"
volumes = ["/data"]
[services.api]
image = "app:1"
depends_on = ["db"]
"""


def created(world: World, options: UpOptions, *services: str) -> list[str]:
    plan = world.plan(TEXT, options, services=services)
    return [action.spec.service for action in performed(plan, CreateContainer)]


def test_what_the_named_services_depend_on_is_recreated_only_if_asked() -> None:
    world = World().up(TEXT)
    assert created(world, UpOptions(recreate="always"), "api") == ["api"]
    assert created(world, UpOptions(recreate_dependencies=True), "api") == ["db"]
    assert created(world, UpOptions(recreate="always", recreate_dependencies=True), "api") == ["db", "api"]
    assert created(world, UpOptions(recreate_dependencies=True)) == []


def anonymous(engine: MemoryEngine) -> set[str]:
    return {volume.name for volume in engine.observe().volumes}


def test_new_anonymous_volumes_leave_the_old_ones_and_say_so() -> None:
    world = World(images={"app:1": ImageConfig(volumes=("/kept",))}).up(TEXT)
    before = anonymous(world.engine)
    plan = world.plan(TEXT, UpOptions(renew=True), services=["db"])
    assert plan.notes == ("data left behind: 2 anonymous volumes of db (down --volumes removes it)",)
    world.do(plan.steps)
    [db] = [c for c in world.engine.observe().containers if c.service == "db"]
    assert not {mount.name for mount in db.mounts} & before
    assert before < anonymous(world.engine)


def test_only_made() -> None:
    assert lines(World().plan(TEXT, UpOptions(start=False))) == [
        "#1 CreateNetwork shop_default, not there",
        "[1] -> #2 CreateContainer shop-db-1, not there",
        "[1] -> #3 CreateContainer shop-api-1, not there",
    ]
    assert World().up(TEXT).plan(TEXT, UpOptions(start=False)).steps == ()


def test_a_container_that_has_changed_is_replaced_and_not_started() -> None:
    world = World().up(TEXT)
    world.up(TEXT.replace('["/data"]', '["/elsewhere"]'), UpOptions(start=False))
    assert world.names() == {"shop-db-1": "created", "shop-api-1": "running"}

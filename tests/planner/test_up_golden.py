"""The plans of `up`, word for word: what is done, why, and after what."""

from pathlib import Path

from msgspec.structs import replace
from plan_stories import LESSON, WEB, WEB_CHANGED, acts, changed, container, do, labelled, lines, performed
from plan_world import World, desired, plan_up, stack

from stackctl.planner.before.images import plan_images
from stackctl.planner.steps.actions import StartContainer, StopContainer, WaitFor
from stackctl.planner.steps.plan import Plan
from stackctl.planner.view.slots import UpOptions

OLD = '[services.old]\nimage = "app:2"\n'


def test_from_nothing() -> None:
    assert lines(World().plan(LESSON)) == [
        "#1 CreateNetwork shop_default, not there",
        "#2 CreateVolume shop_pgdata, not there",
        "[1, 2] -> #3 CreateContainer shop-postgres-1, not there",
        "[1] -> #4 CreateContainer shop-redis-1, not there",
        "[1] -> #5 CreateContainer shop-api-1, not there",
        "[3] -> #6 StartContainer shop-postgres-1, new",
        "[4] -> #7 StartContainer shop-redis-1, new",
        "[6] -> #8 WaitFor shop-postgres-1 healthy, api needs it",
        "[7] -> #9 WaitFor shop-redis-1 healthy, api needs it",
        "[5, 8, 9] -> #10 StartContainer shop-api-1, new",
        "[10] -> #11 WaitFor shop-api-1 healthy, up waits for it",
    ]


def test_nothing_to_do() -> None:
    world, wanted = World().up(LESSON), desired(LESSON)
    observed = world.look(wanted)
    passed = {c.id: "" for c in observed.containers}
    assert plan_up(wanted, replace(observed, answers=passed)) == Plan("shop")


def test_images_and_the_rest_as_one_plan() -> None:
    wanted = desired(
        '[services.db]\nimage = "db:9"\n[services.own]\nbuild = "."\n[services.web]\nimage = "app:1"\n'
    )
    observed = World().look(wanted)
    assert lines(plan_up(wanted, observed, None, plan_images(wanted, observed))) == [
        "#1 PullImage db:9, not here",
        "#2 BuildImage shop-own, not built yet",
        "#3 CreateNetwork shop_default, not there",
        "[1, 3] -> #4 CreateContainer shop-db-1, not there",
        "[2, 3] -> #5 CreateContainer shop-own-1, not there",
        "[3] -> #6 CreateContainer shop-web-1, not there",
        "[4] -> #7 StartContainer shop-db-1, new",
        "[5] -> #8 StartContainer shop-own-1, new",
        "[6] -> #9 StartContainer shop-web-1, new",
        "[7] -> #10 WaitFor shop-db-1 ready, up waits for it",
        "[8] -> #11 WaitFor shop-own-1 ready, up waits for it",
        "[9] -> #12 WaitFor shop-web-1 ready, up waits for it",
    ]


def test_whether_a_container_is_recreated_is_known_once_its_image_is_built() -> None:
    text = '[services.api]\nbuild = "api"\npull_policy = "build"\n'
    world, wanted = World().up(text), desired(text)
    observed = world.look(wanted)
    assert lines(plan_up(wanted, observed, None, plan_images(wanted, observed))) == [
        "#1 BuildImage shop-api, pull_policy is build",
        "note: known once the image is here: whether api is recreated",
    ]


def test_one_changed_variable_recreates_one_service() -> None:
    plan = World().up(LESSON).plan(LESSON.replace("secret", "other"))
    assert lines(plan) == [
        "#1 CreateContainer shop-postgres-1.new, environment.POSTGRES_PASSWORD changed",
        "[1] -> #2 SetRestart shop-postgres-1, replaced: environment.POSTGRES_PASSWORD changed",
        "[2] -> #3 StopContainer shop-postgres-1, replaced: environment.POSTGRES_PASSWORD changed",
        "[3] -> #4 RenameContainer shop-postgres-1 to shop-postgres-1.old, makes way for its successor",
        "[4] -> #5 RenameContainer shop-postgres-1.new to shop-postgres-1, takes its place",
        "[5] -> #6 StartContainer shop-postgres-1, new",
        "[6] -> #7 RemoveContainer shop-postgres-1.old, it was replaced",
        "[6] -> #8 WaitFor shop-postgres-1 healthy, up waits for it",
        "#9 WaitFor shop-redis-1 healthy, up waits for it",
        "#10 WaitFor shop-api-1 healthy, up waits for it",
    ]


def test_every_changed_field_is_named() -> None:
    world = World().up(WEB + 'user = "1"\nlabels = { a = "1" }\n')
    after = WEB_CHANGED.replace("app:1", "app:2") + 'labels = { a = "2" }\n'
    assert (
        world.plan(after).steps[0].why
        == "environment.LOG added, image changed, labels.a changed, user removed"
    )


def test_another_image_of_the_same_name() -> None:
    world = World().up(WEB)
    world.engine.revise("app:1")
    world.do(plan_images(desired(WEB + 'pull_policy = "build"\nbuild = "."\n'), world.engine.observe()).steps)
    assert lines(world.plan(WEB)) == [
        "#1 CreateContainer shop-web-1.new, app:1 is another image now",
        "[1] -> #2 SetRestart shop-web-1, replaced: app:1 is another image now",
        "[2] -> #3 StopContainer shop-web-1, replaced: app:1 is another image now",
        "[3] -> #4 RenameContainer shop-web-1 to shop-web-1.old, makes way for its successor",
        "[4] -> #5 RenameContainer shop-web-1.new to shop-web-1, takes its place",
        "[5] -> #6 StartContainer shop-web-1, new",
        "[6] -> #7 RemoveContainer shop-web-1.old, it was replaced",
        "[6] -> #8 WaitFor shop-web-1 ready, up waits for it",
    ]


def test_the_old_one_is_put_back_if_the_new_one_cannot_start() -> None:
    plan = World().up(WEB).plan(WEB_CHANGED)
    (start,) = (step for step in plan.steps if isinstance(step.action, StartContainer))
    assert acts(start.rescue) == [
        "RemoveContainer shop-web-1",
        "RenameContainer shop-web-1.old to shop-web-1",
        "SetRestart shop-web-1",
        "StartContainer shop-web-1",
    ]


def test_a_container_that_was_created_but_not_started() -> None:
    assert lines(World().up_to("CreateContainer", WEB).plan(WEB)) == [
        "#1 StartContainer shop-web-1, new",
        "[1] -> #2 WaitFor shop-web-1 ready, up waits for it",
    ]


def test_a_container_that_stopped() -> None:
    world = do(World().up(LESSON), StopContainer("shop-postgres-1", "", 10))
    assert lines(world.plan(LESSON)) == [
        "#1 StartContainer shop-postgres-1, not running",
        "[1] -> #2 WaitFor shop-postgres-1 healthy, up waits for it",
        "#3 WaitFor shop-redis-1 healthy, up waits for it",
        "#4 WaitFor shop-api-1 healthy, up waits for it",
    ]


def test_a_container_of_another_name_is_renamed() -> None:
    world, wanted = World().up(WEB), desired(WEB)
    observed = changed(world.look(wanted), "shop-web-1", name="web")
    assert lines(plan_up(wanted, observed)) == [
        "#1 RenameContainer web to shop-web-1, its name should be this",
    ]


def test_an_orphan_is_named_and_left_alone() -> None:
    assert lines(World().up(WEB + OLD).plan(WEB)) == [
        "note: not in the spec, left alone: shop-old-1 (--remove-orphans removes them)",
    ]


def test_an_orphan_is_removed_on_request() -> None:
    assert lines(World().up(WEB + OLD).plan(WEB, UpOptions(remove_orphans=True))) == [
        "#1 StopContainer shop-old-1, not in the spec",
        "[1] -> #2 RemoveContainer shop-old-1, not in the spec",
    ]


def test_what_is_not_selected_is_no_orphan() -> None:
    world = World().up(LESSON)
    assert lines(world.plan(LESSON, UpOptions(remove_orphans=True), services=["redis"])) == [
        "#1 WaitFor shop-redis-1 healthy, up waits for it",
    ]


def test_a_one_off_goes_with_the_orphans_once_it_ended() -> None:
    world, wanted = World().up(WEB), desired(WEB)
    do(
        world,
        container("shop-web-run-1", labels=labelled("web", kind="run")),
        StartContainer("shop-web-run-1", ""),
    )
    observed = world.look(wanted)
    assert lines(plan_up(wanted, observed, UpOptions(remove_orphans=True))) == []
    ended = changed(observed, "shop-web-run-1", state="exited", exit_code=0)
    assert lines(plan_up(wanted, ended)) == []
    assert lines(plan_up(wanted, ended, UpOptions(remove_orphans=True))) == [
        "#1 RemoveContainer shop-web-run-1, a one-off that ended",
    ]


def test_more_replicas_than_one_are_removed() -> None:
    world, wanted = World().up(WEB), desired(WEB)
    do(world, container("shop-web-2", labels=labelled("web", number="2")), StartContainer("shop-web-2", ""))
    assert lines(plan_up(wanted, world.look(wanted))) == [
        "#1 StopContainer shop-web-2, one more than asked for",
        "[1] -> #2 RemoveContainer shop-web-2, one more than asked for",
    ]


def test_what_others_made_is_not_touched() -> None:
    world = do(
        World(),
        container("web"),
        container("other-web-1", labels=labelled("web", "other")),
        container("twin-web-1", labels=labelled("web", instance="j")),
    )
    assert world.up(WEB, UpOptions(remove_orphans=True)).plan(WEB, UpOptions(remove_orphans=True)) == Plan(
        "shop"
    )


def test_containers_of_another_directory_are_adopted_by_recreating_them(tmp_path: Path) -> None:
    (first := tmp_path / "first").mkdir()
    (second := tmp_path / "second").mkdir()
    world = World().up(stack(WEB, directory=first))
    moved = stack(WEB, directory=second)
    assert world.plan(moved).changes == ()
    adopting = world.plan(moved, UpOptions(adopt=True))
    assert adopting.steps[0].why == f"adopted from {first}/stack.toml"
    world.do(adopting.steps)
    assert world.plan(moved, UpOptions(adopt=True)) == Plan("shop")


def test_everything_is_recreated_on_request() -> None:
    assert lines(World().up(LESSON).plan(LESSON, UpOptions(recreate="always"))) == [
        "#1 CreateContainer shop-postgres-1.new, asked to recreate",
        "#2 CreateContainer shop-redis-1.new, asked to recreate",
        "#3 CreateContainer shop-api-1.new, asked to recreate",
        "[1] -> #4 SetRestart shop-postgres-1, replaced: asked to recreate",
        "[4] -> #5 StopContainer shop-postgres-1, replaced: asked to recreate",
        "[5] -> #6 RenameContainer shop-postgres-1 to shop-postgres-1.old, makes way for its successor",
        "[6] -> #7 RenameContainer shop-postgres-1.new to shop-postgres-1, takes its place",
        "[7] -> #8 StartContainer shop-postgres-1, new",
        "[8] -> #9 RemoveContainer shop-postgres-1.old, it was replaced",
        "[2] -> #10 SetRestart shop-redis-1, replaced: asked to recreate",
        "[10] -> #11 StopContainer shop-redis-1, replaced: asked to recreate",
        "[11] -> #12 RenameContainer shop-redis-1 to shop-redis-1.old, makes way for its successor",
        "[12] -> #13 RenameContainer shop-redis-1.new to shop-redis-1, takes its place",
        "[13] -> #14 StartContainer shop-redis-1, new",
        "[14] -> #15 RemoveContainer shop-redis-1.old, it was replaced",
        "[8] -> #16 WaitFor shop-postgres-1 healthy, api needs it",
        "[14] -> #17 WaitFor shop-redis-1 healthy, api needs it",
        "[3, 16, 17] -> #18 SetRestart shop-api-1, replaced: asked to recreate",
        "[18] -> #19 StopContainer shop-api-1, replaced: asked to recreate",
        "[19] -> #20 RenameContainer shop-api-1 to shop-api-1.old, makes way for its successor",
        "[20] -> #21 RenameContainer shop-api-1.new to shop-api-1, takes its place",
        "[21] -> #22 StartContainer shop-api-1, new",
        "[22] -> #23 RemoveContainer shop-api-1.old, it was replaced",
        "[22] -> #24 WaitFor shop-api-1 healthy, up waits for it",
    ]


def test_nothing_is_recreated_on_request() -> None:
    never = UpOptions(recreate="never")
    assert World().up(WEB).plan(WEB_CHANGED, never) == Plan("shop")
    assert lines(World().plan(WEB, never)) == [
        "#1 CreateNetwork shop_default, not there",
        "[1] -> #2 CreateContainer shop-web-1, not there",
        "[2] -> #3 StartContainer shop-web-1, new",
        "[3] -> #4 WaitFor shop-web-1 ready, up waits for it",
    ]


def test_times_and_graces_are_those_of_the_options_and_of_the_spec() -> None:
    world = World().up(WEB + OLD)
    patient = WEB_CHANGED + 'stop_grace_period = "90s"\n'
    plan = world.plan(patient, UpOptions(remove_orphans=True, wait_timeout=7))
    assert [(stop.name, stop.grace) for stop in performed(plan, StopContainer)] == [
        ("shop-old-1", 10),
        ("shop-web-1", 90),
    ]
    assert [wait.timeout for wait in performed(plan, WaitFor)] == [7]
    plan = world.plan(patient, UpOptions(remove_orphans=True, grace=0))
    assert [stop.grace for stop in performed(plan, StopContainer)] == [0, 0]


def test_a_container_joins_the_second_network_that_a_killed_run_left_out() -> None:
    text = (
        WEB + 'networks = { front = {}, back = { aliases = ["www"] } }\n[networks.front]\n[networks.back]\n'
    )
    assert lines(World().plan(text)) == [
        "#1 CreateNetwork shop_back, not there",
        "#2 CreateNetwork shop_front, not there",
        "[1, 2] -> #3 CreateContainer shop-web-1, not there",
        "[3] -> #4 ConnectNetwork shop-web-1 to shop_back, web joins it",
        "[4] -> #5 StartContainer shop-web-1, new",
        "[5] -> #6 WaitFor shop-web-1 ready, up waits for it",
    ]
    world = World().up_to("CreateContainer", text)
    assert lines(world.plan(text)) == [
        "#1 ConnectNetwork shop-web-1 to shop_back, web joins it",
        "[1] -> #2 StartContainer shop-web-1, new",
        "[2] -> #3 WaitFor shop-web-1 ready, up waits for it",
    ]

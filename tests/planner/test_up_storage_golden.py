"""Plans about networks and volumes: made, built anew, kept, or somebody else's."""

from msgspec.structs import replace
from plan_stories import WEB, acts, connect, container, do, labelled, lines, network, performed, volume
from plan_world import World, desired, plan_up

from stackctl.planner.steps.actions import (
    ConnectNetwork,
    CreateContainer,
    CreateVolume,
    RemoveNetwork,
    SetRestart,
    StopContainer,
)
from stackctl.planner.steps.plan import Plan
from stackctl.planner.view.slots import UpOptions
from stackctl.planner.world import labels
from stackctl.planner.world.desired import Attachment
from stackctl.planner.world.observed import ImageConfig

TWO = """\
[services.db]
image = "db:1"
networks.default.aliases = ["data"]
[services.web]
image = "app:1"
depends_on = ["db"]
"""
INTERNAL = "[networks.default]\ninternal = true\n"
DATA = '[services.db]\nimage = "db:1"\nvolumes = ["data:/data"]\n[volumes.data]\n'
KEEPS = {"app:1": ImageConfig(volumes=("/kept/",)), "app:2": ImageConfig(volumes=("/kept", "/new"))}


def test_a_changed_network_is_built_anew_and_its_containers_join_again() -> None:
    world = World().up(TWO)
    plan = world.plan(TWO + INTERNAL)
    assert lines(plan) == [
        "#1 StopContainer shop-web-1, network shop_default is rebuilt",
        "[1] -> #2 DisconnectNetwork shop-web-1 from shop_default, its definition changed",
        "#3 StopContainer shop-db-1, network shop_default is rebuilt",
        "[3] -> #4 DisconnectNetwork shop-db-1 from shop_default, its definition changed",
        "[2, 4] -> #5 RemoveNetwork shop_default, its definition changed",
        "[5] -> #6 CreateNetwork shop_default, its definition changed",
        "[6] -> #7 ConnectNetwork shop-db-1 to shop_default, db joins it",
        "[7] -> #8 StartContainer shop-db-1, network shop_default is rebuilt",
        "[8] -> #9 WaitFor shop-db-1 ready, web needs it",
        "[6] -> #10 ConnectNetwork shop-web-1 to shop_default, web joins it",
        "[9, 10] -> #11 StartContainer shop-web-1, network shop_default is rebuilt",
        "[11] -> #12 WaitFor shop-web-1 ready, up waits for it",
    ]
    assert [join.attachment for join in performed(plan, ConnectNetwork)] == [
        Attachment(network="shop_default", aliases=("db", "shop-db-1", "data")),
        Attachment(network="shop_default", aliases=("web", "shop-web-1")),
    ]
    world.do(plan.steps)
    assert world.plan(TWO + INTERNAL) == Plan("shop")


def test_a_changed_network_and_a_changed_container_in_it() -> None:
    world = World().up(TWO)
    plan = world.plan(TWO.replace("[services.web]", 'user = "1"\n[services.web]') + INTERNAL)
    assert lines(plan) == [
        "#1 StopContainer shop-web-1, network shop_default is rebuilt",
        "[1] -> #2 DisconnectNetwork shop-web-1 from shop_default, its definition changed",
        "#3 StopContainer shop-db-1, network shop_default is rebuilt",
        "[3] -> #4 DisconnectNetwork shop-db-1 from shop_default, its definition changed",
        "[2, 4] -> #5 RemoveNetwork shop_default, its definition changed",
        "[5] -> #6 CreateNetwork shop_default, its definition changed",
        "[6] -> #7 CreateContainer shop-db-1.new, user added",
        "[7] -> #8 SetRestart shop-db-1, replaced: user added",
        "[8] -> #9 RenameContainer shop-db-1 to shop-db-1.old, makes way for its successor",
        "[9] -> #10 RenameContainer shop-db-1.new to shop-db-1, takes its place",
        "[10] -> #11 StartContainer shop-db-1, new",
        "[11] -> #12 RemoveContainer shop-db-1.old, it was replaced",
        "[11] -> #13 WaitFor shop-db-1 ready, web needs it",
        "[6] -> #14 ConnectNetwork shop-web-1 to shop_default, web joins it",
        "[13, 14] -> #15 StartContainer shop-web-1, network shop_default is rebuilt",
        "[15] -> #16 WaitFor shop-web-1 ready, up waits for it",
    ]


def test_a_container_that_cannot_start_in_the_new_network_makes_the_old_one_join_it() -> None:
    plan = World().up(TWO).plan(TWO.replace("[services.web]", 'user = "1"\n[services.web]') + INTERNAL)
    (start,) = (step for step in plan.steps if acts([step.action]) == ["StartContainer shop-db-1"])
    assert acts(start.rescue) == [
        "RemoveContainer shop-db-1",
        "RenameContainer shop-db-1.old to shop-db-1",
        "ConnectNetwork shop-db-1 to shop_default",
        "SetRestart shop-db-1",
        "StartContainer shop-db-1",
    ]


def test_a_container_in_two_changed_networks_is_stopped_once() -> None:
    text = WEB + 'networks = ["a", "b"]\n[networks.a]\n[networks.b]\n'
    inside = text.replace("[networks.a]", "[networks.a]\ninternal = true\n") + "internal = true\n"
    plan = World().up(text).plan(inside.replace("app:1", "app:2"))
    assert len(performed(plan, StopContainer)) == len(performed(plan, SetRestart)) == 1


def test_a_changed_network_with_a_stranger_in_it_is_kept() -> None:
    world = World().up(TWO)
    do(world, container("guest", networks=(Attachment("shop_default"),)))
    assert lines(world.plan(TWO + INTERNAL)) == [
        "note: network shop_default changed and is kept: guest would lose it",
    ]


def test_an_orphan_in_a_changed_network_keeps_it_until_it_is_removed() -> None:
    world = World().up(TWO + WEB.replace("web", "old"))
    assert lines(world.plan(TWO + INTERNAL)) == [
        "note: not in the spec, left alone: shop-old-1 (--remove-orphans removes them)",
        "note: network shop_default changed and is kept: shop-old-1 would lose it",
    ]
    removing = world.plan(TWO + INTERNAL, UpOptions(remove_orphans=True))
    assert lines(removing)[:2] == [
        "#1 StopContainer shop-old-1, not in the spec",
        "[1] -> #2 RemoveContainer shop-old-1, not in the spec",
    ]
    assert any("RemoveNetwork" in line for line in lines(removing))


def test_a_network_of_another_is_used() -> None:
    world = do(World(), network("shop_default", labels=labelled("default", "other")))
    assert lines(world.plan(WEB)) == [
        "#1 CreateContainer shop-web-1, not there",
        "[1] -> #2 StartContainer shop-web-1, new",
        "[2] -> #3 WaitFor shop-web-1 ready, up waits for it",
        "note: network shop_default was not made by this stack: it is used as it is",
    ]


def test_an_external_network_is_used_without_a_word() -> None:
    text = WEB + 'networks = ["out"]\n[networks.out]\nexternal = true\n'
    world = do(World(), network("out"))
    assert lines(world.plan(text)) == [
        "#1 CreateContainer shop-web-1, not there",
        "[1] -> #2 StartContainer shop-web-1, new",
        "[2] -> #3 WaitFor shop-web-1 ready, up waits for it",
    ]


def test_a_network_that_is_gone() -> None:
    world = World().up(WEB)
    observed = world.look(desired(WEB))
    gone = replace(observed, networks=tuple(n for n in observed.networks if n.name != "shop_default"))
    assert lines(plan_up(desired(WEB), gone)) == [
        "#1 CreateNetwork shop_default, not there",
        "[1] -> #2 CreateContainer shop-web-1.new, its network shop_default is gone",
        "[2] -> #3 SetRestart shop-web-1, replaced: its network shop_default is gone",
        "[3] -> #4 StopContainer shop-web-1, replaced: its network shop_default is gone",
        "[4] -> #5 RenameContainer shop-web-1 to shop-web-1.old, makes way for its successor",
        "[5] -> #6 RenameContainer shop-web-1.new to shop-web-1, takes its place",
        "[6] -> #7 StartContainer shop-web-1, new",
        "[7] -> #8 RemoveContainer shop-web-1.old, it was replaced",
        "[7] -> #9 WaitFor shop-web-1 ready, up waits for it",
    ]


def test_a_container_that_left_a_network_joins_it_again() -> None:
    text = (
        WEB + 'networks = { front = {}, back = { aliases = ["www"] } }\n[networks.front]\n[networks.back]\n'
    )
    world, wanted = World().up(text), desired(text)
    observed = world.look(wanted)
    left = tuple(
        replace(c, networks=tuple(j for j in c.networks if j.network != "shop_back"))
        for c in observed.containers
    )
    plan = plan_up(wanted, replace(observed, containers=left))
    assert lines(plan) == [
        "#1 ConnectNetwork shop-web-1 to shop_back, web joins it",
    ]
    assert performed(plan, ConnectNetwork)[0].attachment == Attachment(
        "shop_back", ("web", "shop-web-1", "www")
    )


def test_of_two_networks_of_one_name_the_smallest_id_stays() -> None:
    world, wanted = World().up(WEB), desired(WEB)
    observed = world.look(wanted)
    (mine,) = (n for n in observed.networks if n.name == "shop_default")
    twin = replace(mine, id="f" * 64)
    assert lines(plan_up(wanted, replace(observed, networks=(twin, *observed.networks)))) == [
        "#1 RemoveNetwork shop_default, another one took its place",
    ]


def test_who_is_in_the_twin_that_goes_is_recreated() -> None:
    world, wanted = World().up(WEB), desired(WEB)
    observed = world.look(wanted)
    (mine,) = (n for n in observed.networks if n.name == "shop_default")
    twin = replace(mine, id="0" * 64)
    assert lines(plan_up(wanted, replace(observed, networks=(twin, *observed.networks)))) == [
        "#1 CreateContainer shop-web-1.new, network shop_default is another one now",
        "[1] -> #2 SetRestart shop-web-1, replaced: network shop_default is another one now",
        "[2] -> #3 StopContainer shop-web-1, replaced: network shop_default is another one now",
        "[3] -> #4 RenameContainer shop-web-1 to shop-web-1.old, makes way for its successor",
        "[4] -> #5 RenameContainer shop-web-1.new to shop-web-1, takes its place",
        "[5] -> #6 StartContainer shop-web-1, new",
        "[6] -> #7 RemoveContainer shop-web-1.old, it was replaced",
        "[6] -> #8 WaitFor shop-web-1 ready, up waits for it",
        "[7] -> #9 RemoveNetwork shop_default, another one took its place",
    ]


def test_a_network_of_another_name_takes_the_place_of_the_old_one() -> None:
    named = WEB + '[networks.default]\nname = "{}"\n'
    assert lines(World().up(named.format("one")).plan(named.format("two"))) == [
        "#1 CreateNetwork two, not there",
        "[1] -> #2 CreateContainer shop-web-1.new, networks.default changed",
        "[2] -> #3 SetRestart shop-web-1, replaced: networks.default changed",
        "[3] -> #4 StopContainer shop-web-1, replaced: networks.default changed",
        "[4] -> #5 RenameContainer shop-web-1 to shop-web-1.old, makes way for its successor",
        "[5] -> #6 RenameContainer shop-web-1.new to shop-web-1, takes its place",
        "[6] -> #7 StartContainer shop-web-1, new",
        "[7] -> #8 RemoveContainer shop-web-1.old, it was replaced",
        "[7] -> #9 WaitFor shop-web-1 ready, up waits for it",
        "[8] -> #10 RemoveNetwork one, another one took its place",
    ]


def test_a_network_that_got_another_name_is_kept_while_others_are_in_it() -> None:
    named = WEB + '[networks.default]\nname = "{}"\n'
    world = do(World().up(named.format("one")), container("guest"), connect("guest", "one"))
    assert (
        world.plan(named.format("two")).notes[0]
        == "network one is no longer used and kept: guest is still in it"
    )


def test_a_network_that_nobody_uses_any_more_is_left_to_down() -> None:
    two = WEB + 'networks = ["a", "b"]\n[networks.a]\n[networks.b]\n'
    plan = World().up(two).plan(two.replace('["a", "b"]', '["a"]'))
    assert performed(plan, RemoveNetwork) == []


def test_a_missing_volume_is_made() -> None:
    assert lines(World().plan(DATA)) == [
        "#1 CreateNetwork shop_default, not there",
        "#2 CreateVolume shop_data, not there",
        "[1, 2] -> #3 CreateContainer shop-db-1, not there",
        "[3] -> #4 StartContainer shop-db-1, new",
        "[4] -> #5 WaitFor shop-db-1 ready, up waits for it",
    ]


def test_a_volume_made_by_hand_is_used() -> None:
    assert lines(do(World().up(WEB), volume("shop_data")).plan(DATA + WEB)) == [
        "#1 CreateContainer shop-db-1, not there",
        "[1] -> #2 StartContainer shop-db-1, new",
        "[2] -> #3 WaitFor shop-db-1 ready, up waits for it",
        "note: volume shop_data was not made by this stack: it is used and will never be removed",
    ]


def test_a_changed_volume_is_kept() -> None:
    assert lines(World().up(DATA).plan(DATA + 'labels = { tier = "gold" }\n')) == [
        "note: volume shop_data differs from its definition and is kept as it is",
    ]


def test_an_external_volume_is_used_without_a_word() -> None:
    text = DATA + "external = true\n"
    plan = do(World(), volume("data")).plan(text)
    assert performed(plan, CreateVolume) == []
    assert plan.notes == ()
    (created,) = performed(plan, CreateContainer)
    assert created.spec.mounts[0].source == "data"


def test_a_volume_is_never_removed() -> None:
    without = '[services.db]\nimage = "db:1"\n'
    plan = World().up(DATA).plan(without)
    assert plan.loses_data == ()
    assert plan.steps[0].why == "volumes./data removed"


def test_anonymous_volumes_are_labelled_and_carried_over() -> None:
    world = World(images=KEEPS).up(WEB + 'volumes = ["/own"]\n')
    (created,) = (a for a in world.engine.performed if isinstance(a, CreateContainer))
    own = {
        labels.PROJECT: "shop",
        labels.SERVICE: "web",
        labels.INSTANCE: "i",
        labels.VERSION: created.spec.labels[labels.VERSION],
        labels.KIND: "anonymous",
    }
    assert [(m.type, m.source, m.target, m.labels) for m in created.spec.mounts] == [
        ("volume", "", "/own", own),
        ("volume", "", "/kept/", own),
    ]
    before = {mount.target.rstrip("/"): mount.name for mount in world.engine.observe().containers[0].mounts}
    (recreated,) = performed(
        world.plan(WEB.replace("app:1", "app:2") + 'volumes = ["/own"]\n'), CreateContainer
    )
    assert [(m.source, m.target) for m in recreated.spec.mounts] == [
        (before["/own"], "/own"),
        (before["/kept"], "/kept"),
        ("", "/new"),
    ]


def test_a_named_volume_over_that_of_the_image_leaves_no_anonymous_one() -> None:
    (created,) = performed(
        World(images=KEEPS).plan(DATA.replace("db:1", "app:1").replace("/data", "/kept")), CreateContainer
    )
    assert [(mount.source, mount.target) for mount in created.spec.mounts] == [("shop_data", "/kept")]


def test_of_an_image_that_is_not_here_yet_every_anonymous_volume_is_carried_over() -> None:
    world = World(images=KEEPS).up(WEB)
    wanted = desired(WEB.replace("app:1", "app:3"))
    (recreated,) = performed(plan_up(wanted, world.look(wanted)), CreateContainer)
    assert [mount.target for mount in recreated.spec.mounts] == [
        "/kept",
    ]

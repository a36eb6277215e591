"""The plans of `down`: dependents first, never what is not ours, and no data unless asked to."""

from msgspec.structs import replace
from plan_stories import (
    LESSON,
    WEB,
    changed,
    connect,
    container,
    do,
    labelled,
    lines,
    network,
    performed,
    volume,
)
from plan_world import World, stack

from stackctl.planner.down import DownOptions, images_of, plan_down, spared
from stackctl.planner.life.stops import Stops
from stackctl.planner.steps.actions import RemoveContainer, StartContainer, StopContainer
from stackctl.planner.steps.plan import Plan
from stackctl.planner.view.slots import UpOptions
from stackctl.planner.world.observed import ImageConfig, Mounted, ObservedContainer

NEEDS = Stops({"api": ("postgres", "redis"), "postgres": (), "redis": ()})
VOLUMES = DownOptions(volumes=True)
KEEPS = {"app:1": ImageConfig(volumes=("/kept",))}


def test_dependents_stop_first() -> None:
    assert lines(World().up(LESSON).down(stops=NEEDS)) == [
        "#1 StopContainer shop-api-1, going down",
        "[1] -> #2 StopContainer shop-postgres-1, going down",
        "[1] -> #3 StopContainer shop-redis-1, going down",
        "[1] -> #4 RemoveContainer shop-api-1, going down",
        "[2] -> #5 RemoveContainer shop-postgres-1, going down",
        "[3] -> #6 RemoveContainer shop-redis-1, going down",
        "[4, 5, 6] -> #7 RemoveNetwork shop_default, going down",
        "note: data kept: shop_pgdata (--volumes removes it)",
    ]


def test_the_lease_goes_last_because_it_lets_gc_take_what_is_left() -> None:
    *others, last = lines(World().up(LESSON, UpOptions(life=60)).down(VOLUMES, stops=NEEDS))
    assert last.startswith("[7, 8] -> #9 RemoveVolume shop.lease-")
    assert [line.partition("#")[2].split()[:2] for line in others[-2:]] == [
        ["7", "RemoveNetwork"],
        ["8", "RemoveVolume"],
    ]


def test_without_a_spec_all_stop_at_once() -> None:
    assert lines(World().up(LESSON).down()) == [
        "#1 StopContainer shop-api-1, going down",
        "#2 StopContainer shop-postgres-1, going down",
        "#3 StopContainer shop-redis-1, going down",
        "[1] -> #4 RemoveContainer shop-api-1, going down",
        "[2] -> #5 RemoveContainer shop-postgres-1, going down",
        "[3] -> #6 RemoveContainer shop-redis-1, going down",
        "[4, 5, 6] -> #7 RemoveNetwork shop_default, going down",
        "note: data kept: shop_pgdata (--volumes removes it)",
    ]


def test_dependencies_in_a_circle_still_go_down() -> None:
    text = '[services.a]\nimage = "app:1"\n[services.b]\nimage = "app:1"\n'
    assert lines(World().up(text).down(stops=Stops({"a": ("b",), "b": ("a",)}))) == [
        "#1 StopContainer shop-b-1, going down",
        "[1] -> #2 StopContainer shop-a-1, going down",
        "[1] -> #3 RemoveContainer shop-b-1, going down",
        "[2] -> #4 RemoveContainer shop-a-1, going down",
        "[3, 4] -> #5 RemoveNetwork shop_default, going down",
    ]


def test_nothing_is_there() -> None:
    assert World().down() == Plan("shop")


def test_what_stopped_is_only_removed() -> None:
    world = do(World().up(WEB), StopContainer("shop-web-1", "", 1))
    assert lines(world.down()) == [
        "#1 RemoveContainer shop-web-1, going down",
        "[1] -> #2 RemoveNetwork shop_default, going down",
    ]


def test_volumes_on_request() -> None:
    assert lines(World().up(LESSON).down(VOLUMES)) == [
        "#1 StopContainer shop-api-1, going down",
        "#2 StopContainer shop-postgres-1, going down",
        "#3 StopContainer shop-redis-1, going down",
        "[1] -> #4 RemoveContainer shop-api-1, going down",
        "[2] -> #5 RemoveContainer shop-postgres-1, going down",
        "[3] -> #6 RemoveContainer shop-redis-1, going down",
        "[4, 5, 6] -> #7 RemoveNetwork shop_default, going down",
        "[5] -> #8 RemoveVolume shop_pgdata, asked to remove volumes",
    ]


def test_a_volume_protected_by_its_label_is_kept() -> None:
    assert lines(World().up(LESSON + "protect = true\n").down(VOLUMES)) == [
        "#1 StopContainer shop-api-1, going down",
        "#2 StopContainer shop-postgres-1, going down",
        "#3 StopContainer shop-redis-1, going down",
        "[1] -> #4 RemoveContainer shop-api-1, going down",
        "[2] -> #5 RemoveContainer shop-postgres-1, going down",
        "[3] -> #6 RemoveContainer shop-redis-1, going down",
        "[4, 5, 6] -> #7 RemoveNetwork shop_default, going down",
        "note: volume shop_pgdata is kept: it is protected",
    ]


def test_what_the_spec_protects_by_now_is_kept() -> None:
    world = World().up(LESSON + '[networks.default]\nname = "net"\n')
    external = stack(LESSON + 'protect = true\n[networks.default]\nname = "net"\nexternal = true\n')
    assert lines(world.down(VOLUMES, spared=spared(external))) == [
        "#1 StopContainer shop-api-1, going down",
        "#2 StopContainer shop-postgres-1, going down",
        "#3 StopContainer shop-redis-1, going down",
        "[1] -> #4 RemoveContainer shop-api-1, going down",
        "[2] -> #5 RemoveContainer shop-postgres-1, going down",
        "[3] -> #6 RemoveContainer shop-redis-1, going down",
        "note: network net is kept: it is external",
        "note: volume shop_pgdata is kept: it is protected",
    ]


def test_what_the_spec_spares() -> None:
    text = '[networks.a]\nexternal = true\n[networks.b]\n[volumes.c]\nexternal = true\nname = "d"\n[volumes.e]\nprotect = true\n[volumes.f]\n[services.a]\nimage = "app:1"\n'
    assert spared(stack(text)) == {
        ("network", "a"): "it is external",
        ("volume", "d"): "it is external",
        ("volume", "shop_e"): "it is protected",
    }


def test_a_volume_that_another_container_uses_is_kept() -> None:
    world = World().up(LESSON)
    observed = world.engine.observe()
    guest = ObservedContainer(id="g", name="guest", mounts=(Mounted("volume", "shop_pgdata", "/x"),))
    observed = replace(observed, containers=(*observed.containers, guest))
    assert plan_down("shop", "i", observed, VOLUMES).notes == (
        "volume shop_pgdata is kept: guest is using it",
    )


def test_a_network_with_a_running_stranger_in_it_is_kept() -> None:
    world = do(World().up(WEB), container("guest"), connect("guest", "shop_default"))
    do(world, StartContainer("guest", ""))
    assert lines(world.down()) == [
        "#1 StopContainer shop-web-1, going down",
        "[1] -> #2 RemoveContainer shop-web-1, going down",
        "note: network shop_default is kept: guest is still in it",
    ]


def test_orphans_and_one_offs_go_too() -> None:
    world = World().up(LESSON)
    do(
        world,
        container("shop-api-run-1", labels=labelled("api", kind="run")),
        StartContainer("shop-api-run-1", ""),
    )
    assert lines(world.down(stops=Stops({"postgres": (), "redis": ()})))[:4] == [
        "#1 StopContainer shop-api-1, going down",
        "#2 StopContainer shop-api-run-1, going down",
        "#3 StopContainer shop-postgres-1, going down",
        "#4 StopContainer shop-redis-1, going down",
    ]


def test_some_services_leave_networks_and_volumes() -> None:
    some = DownOptions(services=["redis", "api"], volumes=True)
    assert lines(World().up(LESSON).down(some, stops=NEEDS)) == [
        "#1 StopContainer shop-api-1, going down",
        "[1] -> #2 StopContainer shop-redis-1, going down",
        "[1] -> #3 RemoveContainer shop-api-1, going down",
        "[2] -> #4 RemoveContainer shop-redis-1, going down",
    ]


def test_another_instance_is_named_and_left_alone() -> None:
    other = labelled("web", instance="j")
    world = do(
        World().up(WEB),
        container("twin", labels=other),
        network("twin_net", labels=other),
        volume("twin_data", labels=other),
    )
    assert lines(world.down(VOLUMES)) == [
        "#1 StopContainer shop-web-1, going down",
        "[1] -> #2 RemoveContainer shop-web-1, going down",
        "[2] -> #3 RemoveNetwork shop_default, going down",
        "note: left alone, made by another stack of the same name: twin, twin_data, twin_net",
    ]


def test_what_others_made_is_not_even_named() -> None:
    other = labelled("web", "other")
    world = do(
        World(),
        container("guest"),
        container("other-web-1", labels=other),
        network("other_default", labels=other),
        volume("data"),
    )
    assert world.down(VOLUMES) == Plan("shop")


def test_anonymous_volumes_are_named_and_go_on_request() -> None:
    world = World(images=KEEPS).up(WEB)
    (own,) = world.engine.observe().volumes
    assert lines(world.down())[-1] == "note: data kept: 1 anonymous volume of web (--volumes removes it)"
    plan = world.down(VOLUMES)
    assert lines(plan)[-1] == f"[2] -> #4 RemoveVolume {own.name}, asked to remove volumes"
    assert performed(plan, RemoveContainer)[0].volumes is False


def test_an_anonymous_volume_without_our_labels_goes_with_its_container() -> None:
    world = World(images=KEEPS).up(WEB)
    observed = world.engine.observe()
    unnamed = replace(observed, volumes=tuple(replace(v, labels={}) for v in observed.volumes))
    for options, volumes in ((VOLUMES, True), (DownOptions(), False)):
        (gone,) = performed(plan_down("shop", "i", unnamed, options), RemoveContainer)
        assert gone.volumes is volumes


def test_graces_come_from_the_spec_unless_one_is_asked_for() -> None:
    world = World().up(LESSON)
    assert graces(world.down(stops=Stops(graces={"api": 90}))) == {
        "shop-api-1": 90,
        "shop-postgres-1": 10,
        "shop-redis-1": 10,
    }
    assert set(graces(world.down(DownOptions(grace=0), stops=Stops(graces={"api": 90}))).values()) == {0}


def test_a_container_that_keeps_nothing_has_no_time_to_stop_if_so_asked() -> None:
    text = """
    [services.db]
    image = "app:1"
    volumes = ["data:/data", "/more"]
    [services.both]
    image = "app:1"
    volumes = ["protected:/data"]
    [services.plain]
    image = "app:1"
    tmpfs = ["/run"]
    [services.host]
    image = "app:1"
    volumes = ["/srv:/srv"]
    [volumes.data]
    [volumes.protected]
    protect = true
    """
    world = World().up(text)
    hurry = DownOptions(volumes=True, grace=1, kill=True)
    no_time, time = ("shop-db-1", "shop-plain-1"), ("shop-both-1", "shop-host-1")
    assert graces(world.down(hurry)) == dict.fromkeys(no_time, 0) | dict.fromkeys(time, 1)
    assert set(graces(world.down(replace(hurry, volumes=False))).values()) == {1}, "the data stay"
    assert set(graces(world.down(replace(hurry, kill=False))).values()) == {1}
    guest = ObservedContainer(id="g", name="guest", mounts=(Mounted("volume", "shop_data", "/x"),))
    observed = world.engine.observe()
    plan = plan_down("shop", "i", replace(observed, containers=(*observed.containers, guest)), hurry)
    assert graces(plan)["shop-db-1"] == 1, "the volume stays for the guest"


def graces(plan: Plan) -> dict[str, int]:
    return {stop.name: stop.grace for stop in performed(plan, StopContainer)}


def test_a_paused_container_is_stopped() -> None:
    observed = changed(World().up(WEB).engine.observe(), "shop-web-1", state="paused")
    assert lines(plan_down("shop", "i", observed))[0] == "#1 StopContainer shop-web-1, going down"


def test_images_go_after_their_containers_and_only_when_asked_for() -> None:
    text = '[services.api]\nbuild = "."\nimage = "shop-api"\n[services.own]\nimage = "app:1"\n[services.x]\nbuild = "."\nscale = 0\n'
    world, file = World(images={"shop-x": ImageConfig()}).up(text), stack(text)

    def images(options: DownOptions) -> list[str]:
        plan = plan_down("shop", "i", world.engine.observe(), options, images=images_of(file, options))
        return [line for line in lines(plan) if "mage" in line]

    assert images(DownOptions()) == []
    assert images(DownOptions(rmi="local")) == ["#5 RemoveImage shop-x, asked to remove images"]
    assert images(DownOptions(rmi="all")) == [
        "[3] -> #5 RemoveImage shop-api, asked to remove images",
        "[4] -> #6 RemoveImage app:1, asked to remove images",
        "#7 RemoveImage shop-x, asked to remove images",
    ]
    assert images(DownOptions(rmi="all", services=["own"])) == [
        "[2] -> #3 RemoveImage app:1, asked to remove images"
    ]
    observed = world.engine.observe()
    own = next(each for each in observed.containers if each.service == "own")
    stranger = replace(own, id="s", name="s", labels={})
    plan = plan_down(
        "shop",
        "i",
        replace(observed, containers=(*observed.containers, stranger)),
        DownOptions(),
        images=["app:1", "gone"],
    )
    assert "note: image app:1 is kept: s is using it" in lines(plan)

"""What belongs to whom, and what tells a container that is there from the one that should be."""

from msgspec.structs import replace
from plan_stories import WEB, WEB_CHANGED, changed, connect, container, do, labelled, network
from plan_world import World, desired

from stackctl.planner.world import labels
from stackctl.planner.world.containers import instance_of
from stackctl.planner.world.matching import differences, image_id, is_ours, members, networks_in_use, ours
from stackctl.planner.world.observed import (
    Observed,
    ObservedContainer,
    ObservedEngine,
    ObservedNetwork,
    ObservedVolume,
)

NOTHING = Observed(engine=ObservedEngine(id="e"))


def test_the_id_of_an_image() -> None:
    here = replace(NOTHING, images={"redis:latest": "sha256:1", "sha256:1": "sha256:1"})
    assert [image_id(here, ref) for ref in ("redis", "sha256:1", "redis:7")] == ["sha256:1", "sha256:1", None]


def test_ours_are_those_of_the_project_and_of_its_instance() -> None:
    mine = ObservedContainer(id="1", name="a", labels=labelled("web"))
    others = (
        ObservedContainer(id="2", name="b", labels=labelled("web", "other")),
        ObservedContainer(id="3", name="c", labels=labelled("web", instance="j")),
        ObservedContainer(id="4", name="d", labels={labels.COMPOSE_PROJECT: "shop"}),
    )
    assert ours(replace(NOTHING, containers=(mine, *others)), "shop", "i") == [mine]
    assert is_ours(ObservedVolume(name="v", labels=labelled("data")), desired(WEB))
    assert not is_ours(ObservedVolume(name="v", labels=labelled("data", instance="j")), desired(WEB))
    assert not is_ours(ObservedNetwork(id="n", name="n"), desired(WEB))


def test_the_instance_that_is_there() -> None:
    assert instance_of(NOTHING, "shop") is None
    volumes = (ObservedVolume(name="v", labels=labelled("data", instance="old")),)
    assert instance_of(replace(NOTHING, volumes=volumes), "shop") == "old"
    assert instance_of(replace(NOTHING, volumes=volumes), "other") is None
    three = tuple(
        ObservedContainer(id=str(n), name=str(n), labels=labelled("web", instance=instance))
        for n, instance in enumerate("abb")
    )
    assert instance_of(replace(NOTHING, volumes=volumes, containers=three), "shop") == "b"


def test_of_networks_of_one_name_ours_is_meant_and_of_ours_the_smallest_id() -> None:
    foreign, first, second = (
        ObservedNetwork(id="0", name="shop_default"),
        ObservedNetwork(id="1", name="shop_default", labels=labelled("default")),
        ObservedNetwork(id="2", name="shop_default", labels=labelled("default")),
    )
    wanted = desired(WEB)

    def meant(*networks: ObservedNetwork) -> dict[str, ObservedNetwork]:
        return dict(networks_in_use(wanted, replace(NOTHING, networks=networks)).meant)

    assert meant() == {}
    assert meant(foreign) == {"shop_default": foreign}
    assert meant(second, foreign, first) == {"shop_default": first}


def test_the_members_of_a_network_need_not_run() -> None:
    world = do(World(), network("net"), container("a"), container("b"), connect("a", "net"))
    observed = world.engine.observe()
    (net,) = (n for n in observed.networks if n.name == "net")
    assert [c.name for c in members(observed)[net.id]] == ["a"]


def told(text: str, observed: Observed) -> tuple[str, ...]:
    wanted = desired(text)
    (have,) = observed.containers
    return differences(wanted.containers[0], have, observed, networks_in_use(wanted, observed))


def test_what_fits_has_no_differences() -> None:
    assert told(WEB, World().up(WEB).engine.observe()) == ()


def test_fields_are_named_and_their_values_are_not() -> None:
    before = WEB + 'environment = { GONE = "1", OTHER = "a" }\n'
    after = WEB + 'environment = { NEW = "1", OTHER = "b" }\n'
    assert told(after, World().up(before).engine.observe()) == (
        "environment.GONE removed",
        "environment.NEW added",
        "environment.OTHER changed",
    )


def test_without_readable_fields_only_the_digest_tells() -> None:
    observed = World().up(WEB).engine.observe()
    broken = {**observed.containers[0].labels, labels.DIGEST: "x"}
    assert told(WEB, changed(observed, "shop-web-1", labels=broken)) == ("its definition changed",)


def test_an_image_that_is_gone_is_no_difference() -> None:
    observed = World().up(WEB).engine.observe()
    assert told(WEB, replace(observed, images={})) == ()
    assert told(WEB, replace(observed, images={"app:1": "sha256:new"})) == ("app:1 is another image now",)


def test_another_image_is_told_once() -> None:
    assert told(WEB.replace("app:1", "app:2"), World().up(WEB).engine.observe()) == ("image changed",)


def test_a_job_is_no_service() -> None:
    observed = World().up(WEB).engine.observe()
    assert told(WEB.replace("services", "jobs"), observed) == ("it was a service", "restart removed")


def test_a_network_that_is_gone_or_another_one() -> None:
    observed = World().up(WEB).engine.observe()
    (mine,) = (n for n in observed.networks if n.name == "shop_default")
    gone = replace(observed, networks=())
    assert told(WEB, gone) == ("its network shop_default is gone",)
    twins = replace(observed, networks=(mine, replace(mine, id="0")))
    assert told(WEB, twins) == ("network shop_default is another one now",)


def test_all_reasons_at_once() -> None:
    observed = World().up(WEB).engine.observe()
    moved = replace(observed, images={"app:1": "sha256:new"}, networks=())
    assert told(WEB_CHANGED, moved) == (
        "environment.LOG added",
        "app:1 is another image now",
        "its network shop_default is gone",
    )

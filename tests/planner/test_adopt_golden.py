"""What Docker Compose has made for a project of the same name is taken over by `up --adopt`."""

from plan_stories import WEB, container, do, lines, network, volume
from plan_world import World, stack

from stackctl.planner.steps.plan import Plan
from stackctl.planner.view.slots import UpOptions
from stackctl.planner.world.desired import Attachment, DesiredMount

ADOPT = UpOptions(adopt=True)
DATA = WEB + 'volumes = ["data:/data"]\n[volumes.data]\n'


def by_compose(service: str, **more: str) -> dict[str, str]:
    said = {"service": service, "container-number": "1", "oneoff": "False", "config-hash": "c0ffee", **more}
    return {
        "com.docker.compose.project": "shop",
        **{f"com.docker.compose.{name.replace('_', '-')}": value for name, value in said.items()},
    }


def composed() -> World:
    """A project of Compose that runs: a service with a volume in the usual network."""
    return do(
        World(),
        network("shop_default", labels=by_compose("", network="default")),
        volume("shop_data", labels=by_compose("", volume="data")),
        container(
            "shop-web-1",
            labels=by_compose("web"),
            networks=(Attachment(network="shop_default"),),
            mounts=(DesiredMount(type="volume", source="shop_data", target="/data"),),
        ),
    )


def test_containers_and_networks_of_compose_are_replaced_and_the_volume_is_used() -> None:
    world = composed()
    plan = world.plan(DATA, ADOPT)
    assert lines(plan) == [
        "#1 DisconnectNetwork shop-web-1 from shop_default, adopted from Docker Compose",
        "[1] -> #2 RemoveNetwork shop_default, adopted from Docker Compose",
        "[2] -> #3 CreateNetwork shop_default, adopted from Docker Compose",
        "[3] -> #4 CreateContainer shop-web-1.new, adopted from Docker Compose",
        "[4] -> #5 RenameContainer shop-web-1 to shop-web-1.old, makes way for its successor",
        "[5] -> #6 RenameContainer shop-web-1.new to shop-web-1, takes its place",
        "[6] -> #7 StartContainer shop-web-1, new",
        "[7] -> #8 RemoveContainer shop-web-1.old, it was replaced",
        "[7] -> #9 WaitFor shop-web-1 ready, up waits for it",
        "note: volume shop_data was not made by this stack: it is used and will never be removed",
    ]
    world.do(plan.steps)
    assert world.plan(DATA) == Plan("shop", notes=plan.notes)


def test_an_adoption_that_was_killed_goes_on_with_the_next_one() -> None:
    for step in range(1, 9):
        world = composed()
        world.do(world.plan(DATA, ADOPT).steps[:step])
        world.up(DATA, ADOPT)
        assert world.names() == {"shop-web-1": "running"}
        assert world.plan(DATA).steps == ()


def test_services_of_compose_that_are_not_in_the_file_stay() -> None:
    world = do(composed(), container("shop-other-1", labels=by_compose("other")))
    plan = world.plan(DATA, ADOPT)
    world.do(plan.steps)
    assert world.names() == {"shop-other-1": "created", "shop-web-1": "running"}
    assert "shop-other-1" in " ".join(plan.notes)


def test_a_one_off_of_compose_is_left_alone() -> None:
    world = do(World(), container("shop-web-run-1", labels=by_compose("web", oneoff="True")))
    world.up(stack(WEB), ADOPT)
    assert world.names() == {"shop-web-run-1": "created", "shop-web-1": "running"}

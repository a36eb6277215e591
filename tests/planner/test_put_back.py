"""What a plan does when the new container cannot be started: the old one runs again, under its name."""

from __future__ import annotations

from plan_world import Behaviour, World

from stackctl.engine.execute import execute
from stackctl.errors import EngineError
from stackctl.planner.steps.actions import Action, CreateContainer, StartContainer
from stackctl.planner.steps.events import Failed, Rescued, Skipped
from stackctl.planner.view.slots import UpOptions

ONE = """
[services.api]
image = "app:1"
restart = "always"
ports = ["1000:1"]
"""
TWO = ONE.replace("app:1", "app:2")
FOLLOWED = """
[services.side]
image = "base"
network_mode = "service:api"
[services.web]
image = "base"
[services.web.depends_on.api]
condition = "service_started"
restart = true
"""


def fail(world: World, text: str, service: str = "api", options: UpOptions | None = None) -> dict[str, str]:
    """Execute a plan in which one service cannot be started. Returns the states by name."""
    world.engine.behaviours[service] = Behaviour(start_error="no such program")
    events = [*execute(world.plan(text, options), world.engine.perform)]
    assert [event for event in events if isinstance(event, Failed)]
    assert [event.error for event in events if isinstance(event, Rescued)] == [None]
    del world.engine.behaviours[service]
    return world.names()


def test_the_old_one_runs_again() -> None:
    world = World().up(ONE)
    before = world.engine._find("shop-api-1").id
    assert fail(world, TWO) == {"shop-api-1": "running"}
    now = world.engine._find("shop-api-1")
    assert (now.id, now.restart) == (before, ("always", 0))
    assert world.up(TWO).names() == {"shop-api-1": "running"}


def test_the_old_one_keeps_another_name_it_had() -> None:
    assert fail(World().up(ONE), ONE + 'container_name = "api"\n') == {"shop-api-1": "running"}


def test_so_do_those_that_were_stopped_for_its_sake() -> None:
    world = World().up(ONE + FOLLOWED)
    assert fail(world, TWO + FOLLOWED) == {
        "shop-api-1": "running",
        "shop-side-1": "running",
        "shop-side-1.new": "created",
        "shop-web-1": "running",
    }
    assert not world.up(TWO + FOLLOWED).plan(TWO + FOLLOWED).changes


def test_in_a_network_that_was_built_anew_meanwhile() -> None:
    world = World().up(ONE)
    assert fail(world, TWO + "[networks.default]\ninternal = true\n") == {"shop-api-1": "running"}
    (network,) = world.engine._find("shop-api-1").networks.values()
    assert (network.network, network.aliases) == ("shop_default", ("api", "shop-api-1"))


def test_if_the_engine_refuses_the_new_one_in_a_network_that_was_built_anew() -> None:
    """Its definition is refused only then, because the new one is created in the new network."""
    world = World().up(ONE)
    before = world.engine._find("shop-api-1").id

    def refuse(action: Action) -> None:
        if isinstance(action, CreateContainer):
            raise EngineError("invalid CapAdd")

    world.engine.before = refuse
    events = [*execute(world.plan(TWO + "[networks.default]\ninternal = true\n"), world.engine.perform)]
    assert [str(event.error) for event in events if isinstance(event, Failed)] == ["invalid CapAdd"]
    assert [event.error for event in events if isinstance(event, Rescued)] == [None]
    now = world.engine._find("shop-api-1")
    assert (now.id, now.state, now.restart) == (before, "running", ("always", 0))
    (network,) = now.networks.values()
    assert (network.network, network.aliases) == ("shop_default", ("api", "shop-api-1"))


def test_a_successor_that_an_earlier_run_made_fails() -> None:
    world = World().up(ONE).up_to("CreateContainer", TWO)
    world.engine._find("shop-api-1.new").behaviour = Behaviour(start_error="no such program")
    assert fail(world, TWO) == {"shop-api-1": "running"}


def test_not_where_its_port_has_gone_to_another_service() -> None:
    before = ONE + '[services.web]\nimage = "base"\n'
    after = before.replace('ports = ["1000:1"]\n', "") + 'ports = ["1000:1"]\n'
    plan = World().up(after).plan(before)
    rescues = {step.service: step.rescue for step in plan.steps if isinstance(step.action, StartContainer)}
    assert rescues["web"] == ()
    assert rescues["api"] != ()


def test_not_where_the_owner_of_its_network_is_gone() -> None:
    world = World().up(ONE + FOLLOWED)
    starts = {
        step.service: step.rescue
        for step in world.plan(TWO + FOLLOWED).steps
        if isinstance(step.action, StartContainer)
    }
    assert starts["side"] == ()
    assert starts["api"] != ()


def test_nothing_is_stopped_where_the_new_one_cannot_be_created_or_its_needs_fail() -> None:
    text = ONE + '[services.db]\nimage = "db:1"\n'
    needing = TWO + 'depends_on = ["db"]\n[services.db]\nimage = "db:2"\n'
    world = World(images={}).up(text)
    events = [*execute(world.plan(needing), world.engine.perform)]
    assert [str(event.error) for event in events if isinstance(event, Failed)] == ["No such image: db:2"]
    assert {event.step.service for event in events if isinstance(event, Skipped)} == {"api", "db"}
    assert {name: state for name, state in world.names().items() if state == "running"} == {
        "shop-api-1": "running",
        "shop-db-1": "running",
    }

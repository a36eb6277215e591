"""The plans of `stop`, `start`, `restart`, `kill`, `pause`, `unpause` and `rm`: the same containers, in order, and no others."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from msgspec.structs import replace
from plan_stories import LESSON, changed, do, lines
from plan_world import INSTANCE, World, desired, stack

from stackctl.errors import EngineError, UsageError
from stackctl.planner.life.acts import (
    meant,
    plan_kill,
    plan_pause,
    plan_remove,
    plan_stop,
)
from stackctl.planner.life.options import RemoveOptions, StartOptions
from stackctl.planner.life.start import plan_restart, plan_start
from stackctl.planner.life.stops import Stops
from stackctl.planner.steps.actions import (
    PauseContainer,
    RemoveContainer,
    StopContainer,
)
from stackctl.planner.steps.plan import Plan
from stackctl.planner.world import labels
from stackctl.planner.world.matching import ours
from stackctl.planner.world.observed import ImageConfig, ObservedContainer

CHAIN = """
[services.db]
image = "db:1"
[services.api]
image = "app:1"
depends_on = { db = { condition = "service_started", restart = true } }
[services.web]
image = "app:1"
depends_on = { api = { condition = "service_started" } }
"""
JOB = (
    '[jobs.seed]\nimage = "app:1"\ncommand = "true"\n[services.api]\nimage = "app:1"\ndepends_on = ["seed"]\n'
)


def containers(world: World, *names: str) -> tuple[ObservedContainer, ...]:
    return meant(ours(world.engine.observe(), "shop", INSTANCE), "shop", names, ["mail"])


def stop(world: World, *names: str, text: str = CHAIN, grace: int | None = None) -> Plan:
    return plan_stop("shop", containers(world, *names), Stops.of(stack(text)), grace)


def start(world: World, *names: str, text: str = CHAIN, **options: Any) -> Plan:
    return plan_start(
        desired(text, profiles=["*"]), world.engine.observe(), StartOptions(services=names, **options)
    )


def restart(world: World, *names: str, text: str = CHAIN, **options: Any) -> Plan:
    return plan_restart(
        desired(text, profiles=["*"]), world.engine.observe(), StartOptions(services=names, **options)
    )


def stopped(text: str = CHAIN, *names: str) -> World:
    """A world that is up, and whose containers (of these services) were then stopped."""
    world = World().up(text)
    world.do(stop(world, *names, text=text).steps)
    return world


def with_one_off(world: World) -> World:
    """The world, with a one-off of `api` that runs."""
    spec = next(want for want in desired(CHAIN).containers if want.service == "api")
    spec = replace(spec, name="shop-api-run-1", labels={**spec.labels, labels.KIND: "run"})
    world.engine._create_container(spec, spec.name, None)
    world.engine._start(world.engine._find(spec.name))
    return world


def test_stop_begins_with_dependents() -> None:
    assert lines(stop(World().up(CHAIN))) == [
        "#1 StopContainer shop-web-1, asked to stop",
        "[1] -> #2 StopContainer shop-api-1, asked to stop",
        "[2] -> #3 StopContainer shop-db-1, asked to stop",
    ]


def test_stop_of_one_leaves_what_it_depends_on() -> None:
    assert lines(stop(World().up(CHAIN), "api")) == ["#1 StopContainer shop-api-1, asked to stop"]


def test_the_file_gives_the_time_to_stop_unless_it_is_asked_for() -> None:
    text = CHAIN.replace('image = "db:1"', 'image = "db:1"\nstop_grace_period = "90s"')
    world = World().up(text)

    def grace(**options: Any) -> int:
        (action,) = (step.action for step in stop(world, "db", text=text, **options).steps)
        assert isinstance(action, StopContainer)
        return action.grace

    assert (grace(), grace(grace=0)) == (90, 0)


@pytest.mark.parametrize("verb", ["stop", "kill", "pause", "unpause"])
def test_if_nothing_runs_nothing_is_done(verb: str) -> None:
    def told(world: World) -> Plan:
        found = containers(world)
        if verb == "stop":
            return plan_stop("shop", found, Stops())
        if verb == "kill":
            return plan_kill("shop", found, "SIGKILL")
        return plan_pause("shop", found, "pause" if verb == "pause" else "unpause")

    assert lines(told(stopped())) == [f"note: nothing to {verb}: none runs"]
    assert lines(told(World())) == [f"note: nothing to {verb}: there is no container"]


def test_one_offs_are_left_alone_unless_they_are_named() -> None:
    world = with_one_off(World().up(CHAIN))
    assert "-run-1" not in str(stop(world)) + str(restart(world)) + str(start(stopped()))
    assert lines(plan_kill("shop", containers(world, "shop-api-run-1"), "SIGINT")) == [
        "#1 KillContainer shop-api-run-1, asked to kill"
    ]


def test_an_unknown_name_is_no_service() -> None:
    world = World().up(CHAIN)
    assert containers(world, "mail") == ()
    for verb in (
        lambda: containers(world, "wep"),
        lambda: start(world, "wep"),
        lambda: restart(world, "wep"),
    ):
        with pytest.raises(UsageError, match=r"^no such service: wep \(did you mean 'web'\?\)$"):
            verb()


def test_start_begins_with_dependencies_and_waits() -> None:
    assert lines(start(stopped())) == [
        "#1 StartContainer shop-db-1, not running",
        "[1] -> #2 StartContainer shop-api-1, not running",
        "[2] -> #3 StartContainer shop-web-1, not running",
        "[1] -> #4 WaitFor shop-db-1 ready, until it is ready",
        "[2] -> #5 WaitFor shop-api-1 ready, until it is ready",
        "[3] -> #6 WaitFor shop-web-1 ready, until it is ready",
    ]


def test_start_of_one_starts_what_it_depends_on_and_nothing_else() -> None:
    assert {step.service for step in start(stopped(), "api").steps} == {"db", "api"}


def test_start_makes_and_changes_no_container() -> None:
    text = CHAIN.replace('image = "app:1"', 'image = "app:2"') + '[services.mail]\nimage = "app:1"\n'
    text += '[services.debug]\nimage = "app:1"\nprofiles = ["debug"]\n'
    plan = start(stopped(), text=text)
    assert {type(step.action).__name__ for step in plan.steps} == {"StartContainer", "WaitFor"}
    moved, missing = sorted(plan.notes)
    assert moved == (
        "the file has changed since: api: image changed, web: image changed; the containers stay as they are"
        " (stackctl up applies it)"
    )
    assert missing == "without a container: mail (stackctl up makes it)"


def test_start_of_what_is_not_there_is_an_error() -> None:
    with pytest.raises(EngineError, match=r"there is no container to start \(stackctl up makes it\)"):
        start(World())
    with pytest.raises(EngineError, match=r"service mail has no container to start \(stackctl up mail makes"):
        start(stopped(), "mail", text=CHAIN + '[services.mail]\nimage = "app:1"\n')


def test_start_of_what_runs_does_nothing() -> None:
    world = World().up(LESSON)
    plan = start(world, text=LESSON)
    assert not plan.changes


def test_start_starts_replicas_that_the_file_no_longer_counts() -> None:
    world = World().up(CHAIN)
    spec = next(want for want in desired(CHAIN).containers if want.service == "web")
    second = {labels.NUMBER: "2", labels.COMPOSE_NUMBER: "2"}
    spec = replace(spec, name="shop-web-2", number=2, labels={**spec.labels, **second})
    world.engine._create_container(spec, spec.name, None)
    assert [str(s.action.name) for s in start(world).changes] == ["shop-web-2"]  # type: ignore[union-attr]
    world.do(start(world).steps)
    assert {step.action.name for step in restart(world, "web").changes} == {"shop-web-1", "shop-web-2"}  # type: ignore[union-attr]


def test_a_job_that_has_completed_is_not_started_again() -> None:
    world = stopped(JOB)
    assert {step.service for step in start(world, text=JOB).steps} == {"api"}
    assert {step.service for step in restart(world, text=JOB).steps} == {"api"}
    assert lines(start(world, "seed", text=JOB)) == [
        "note: completed before: seed (stackctl up --rerun seed runs it again)"
    ]


def test_restart_stops_dependents_first_and_starts_them_last() -> None:
    assert lines(restart(World().up(CHAIN))) == [
        "#1 StopContainer shop-web-1, asked to restart",
        "[1] -> #2 StopContainer shop-api-1, asked to restart",
        "[2] -> #3 StopContainer shop-db-1, asked to restart",
        "[3] -> #4 StartContainer shop-db-1, asked to restart",
        "[4] -> #5 StartContainer shop-api-1, asked to restart",
        "[5] -> #6 StartContainer shop-web-1, asked to restart",
        "[4] -> #7 WaitFor shop-db-1 ready, until it is ready",
        "[5] -> #8 WaitFor shop-api-1 ready, until it is ready",
        "[6] -> #9 WaitFor shop-web-1 ready, until it is ready",
    ]


def test_restart_takes_along_who_asks_for_it_and_nobody_else() -> None:
    assert lines(restart(World().up(CHAIN), "db")) == [
        "#1 StopContainer shop-api-1, db is restarted",
        "[1] -> #2 StopContainer shop-db-1, asked to restart",
        "[2] -> #3 StartContainer shop-db-1, asked to restart",
        "[3] -> #4 StartContainer shop-api-1, db is restarted",
        "[3] -> #5 WaitFor shop-db-1 ready, until it is ready",
        "[4] -> #6 WaitFor shop-api-1 ready, until it is ready",
    ]
    alone = restart(World().up(CHAIN), "db", dependents=False)
    assert {step.service for step in alone.steps} == {"db"}


def test_restart_takes_along_who_shares_the_network_always() -> None:
    text = '[services.db]\nimage = "db:1"\n[services.side]\nimage = "app:1"\nnetwork_mode = "service:db"\n'
    for dependents in (True, False):
        plan = restart(World().up(text), "db", text=text, dependents=dependents)
        assert [f"{type(s.action).__name__} {s.service}" for s in plan.changes] == [
            "StopContainer side",
            "StopContainer db",
            "StartContainer db",
            "StartContainer side",
        ]


def test_restart_does_not_start_what_was_not_asked_for() -> None:
    world = stopped(CHAIN, "db", "web")
    assert {step.service for step in restart(world, "api").steps} == {"api"}
    assert lines(restart(world, "web"))[0] == "#1 StartContainer shop-web-1, not running"


def test_restart_says_what_has_changed_in_the_file() -> None:
    text = CHAIN.replace('image = "db:1"', 'image = "db:1"\nenvironment = { DEBUG = "1" }')
    (note,) = restart(World().up(CHAIN), "db", text=text).notes
    assert note == (
        "the file has changed since: db: environment.DEBUG added; the containers stay as they are"
        " (stackctl restart --apply db applies it)"
    )
    assert restart(World().up(CHAIN), "api", text=text).notes == ()


def test_restart_of_nothing_is_no_error() -> None:
    assert lines(restart(World())) == [
        "note: nothing to restart: there is no container (stackctl up makes it)"
    ]


@pytest.mark.parametrize(
    ("verb", "acts"), [("pause", {"shop-api-1", "shop-web-1"}), ("unpause", {"shop-db-1"})]
)
def test_only_what_can_be_paused_is(verb: Literal["pause", "unpause"], acts: set[str]) -> None:
    world = do(World().up(CHAIN), PauseContainer("shop-db-1", "shop-db-1"))
    plan = plan_pause("shop", containers(world), verb)
    assert {step.action.name for step in plan.steps} == acts  # type: ignore[union-attr]


def test_a_second_pause_and_a_second_unpause_do_nothing() -> None:
    world = World().up(CHAIN)
    assert lines(plan_pause("shop", containers(world), "unpause")) == [
        "note: nothing to unpause: none is paused"
    ]
    world.do(plan_pause("shop", containers(world), "pause").steps)
    assert lines(plan_pause("shop", containers(world), "pause")) == ["note: nothing to pause: paused already"]


def remove(world: World, *names: str, **options: Any) -> Plan:
    observed = world.engine.observe()
    return plan_remove(
        "shop", containers(world, *names), observed, RemoveOptions(**options), Stops.of(stack(CHAIN))
    )


def test_rm_removes_what_has_stopped() -> None:
    assert lines(remove(stopped(CHAIN, "web"))) == ["#1 RemoveContainer shop-web-1, asked to remove"]
    assert lines(remove(World().up(CHAIN))) == [
        "note: nothing to remove: none has stopped (--stop stops them first)"
    ]


def test_rm_stops_first_if_asked_to() -> None:
    assert lines(remove(World().up(CHAIN), "web", "api", stop=True)) == [
        "#1 StopContainer shop-web-1, asked to remove",
        "[1] -> #2 StopContainer shop-api-1, asked to remove",
        "[1] -> #3 RemoveContainer shop-web-1, asked to remove",
        "[2] -> #4 RemoveContainer shop-api-1, asked to remove",
    ]


def test_rm_removes_anonymous_volumes_only_if_asked_to() -> None:
    text = '[services.db]\nimage = "db:1"\n'
    world = World(images={"db:1": ImageConfig(volumes=("/data",))}).up(text)
    (volume,) = world.engine.observe().volumes
    assert volume.anonymous
    (_, removal) = remove(world, stop=True).steps
    assert removal.action == RemoveContainer(removal.action.container, "shop-db-1", False)  # type: ignore[union-attr]
    plan = remove(world, stop=True, volumes=True)
    assert plan.loses_data == (volume.name,)
    world.do(plan.steps)
    assert (world.engine.observe().volumes, world.names()) == ((), {})


def test_what_an_interrupted_up_has_left_is_started_as_it_is() -> None:
    world = World().up(CHAIN)
    observed = changed(world.engine.observe(), "shop-db-1", state="exited", exit_code=0)
    plan = plan_start(desired(CHAIN), observed, StartOptions(services=["db"]))
    assert lines(plan)[0] == "#1 StartContainer shop-db-1, not running"

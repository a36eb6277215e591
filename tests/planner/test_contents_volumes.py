"""The volume of a container that holds its secrets: it comes and goes with the container."""

from __future__ import annotations

import pytest
from plan_world import Behaviour, World, desired, stack

from stackctl.engine.execute import execute
from stackctl.planner.down import DownOptions
from stackctl.planner.life.acts import plan_remove, plan_stop
from stackctl.planner.life.options import RemoveOptions, StartOptions
from stackctl.planner.life.start import plan_restart, plan_start
from stackctl.planner.life.stops import Stops
from stackctl.planner.steps.actions import StartContainer
from stackctl.planner.steps.plan import Plan
from stackctl.planner.view.slots import UpOptions
from stackctl.spec.model import Stack

WEB = """\
[services.web]
image = "app:1"
read_only = true
volumes = ["/own"]
secrets = ["pw"]
[secrets.pw]
environment = "PW"
"""


def with_password(password: str) -> Stack:
    return stack(WEB, environ={"PW": password})


def held(world: World) -> bytes:
    (container,) = world.engine.observe().containers
    return b"".join(world.engine.pack(container.id, "/run/secrets/pw"))


def volumes(world: World) -> set[str]:
    return {volume.name for volume in world.engine.observe().volumes if volume.contents}


def test_it_comes_and_goes_with_its_container() -> None:
    world = World().up(with_password("hunter2"))
    assert b"hunter2" in held(world)
    (before,) = volumes(world)
    changed = world.plan(with_password("hunter3"))
    assert "replaced: secrets.pw changed" in str(changed)
    assert f"RemoveVolume {before}, it held secrets and configs" in str(changed)
    assert changed.loses_data == ()
    world.up(with_password("hunter3"))
    assert b"hunter3" in held(world)
    assert b"hunter2" not in held(world)
    (after,) = volumes(world)
    assert after != before
    assert not world.plan(with_password("hunter3")).changes

    plan = world.down()
    assert plan.loses_data == ()
    assert plan.notes == ("data kept: 1 anonymous volume of web (--volumes removes it)",)
    world.do(plan.steps)
    assert [volume.contents for volume in world.engine.observe().volumes] == [False]
    world.do(world.down(DownOptions(volumes=True)).steps)
    assert not world.engine.observe().volumes


def test_a_container_that_is_put_back_has_its_own_secrets() -> None:
    world = World().up(with_password("hunter2"))
    world.engine.behaviours["app:2"] = Behaviour(start_error="no such program")
    changed = stack(WEB.replace("app:1", "app:2"), environ={"PW": "hunter3"})
    [*execute(world.plan(changed), world.engine.perform)]
    assert world.names() == {"shop-web-1": "running"}
    assert b"hunter2" in held(world)
    world.up(with_password("hunter2"))  # the volume of the container that could not start
    assert len(volumes(world)) == 1


def test_start_and_restart_keep_the_secrets_of_a_container_whose_definition_is_older() -> None:
    world = World().up(with_password("hunter2"))
    older, same = with_password("hunter3"), with_password("hunter2")
    for verb in (plan_restart, plan_start):
        (container,) = world.engine.observe().containers
        world.do(plan_stop("shop", [container], Stops()).steps if verb is plan_start else [])
        plan = verb(desired(older), world.engine.observe(), StartOptions())
        assert plan.notes[0].startswith("the file has changed since: web: secrets.pw changed")
        world.do(plan.steps)
        assert b"hunter2" in held(world)
        again = verb(desired(same), world.engine.observe(), StartOptions())
        assert again.notes == ()
    (start,) = (
        s.action
        for s in plan_restart(desired(same), world.engine.observe(), StartOptions()).steps
        if isinstance(s.action, StartContainer)
    )
    assert [file.key for file in start.files] == ["pw"]


@pytest.mark.parametrize("volumes_too", [False, True])
def test_it_goes_with_one_container_too(volumes_too: bool) -> None:
    for remove in (rm, down_of_service, orphan):
        world = World().up(with_password("hunter2"))
        plan = remove(world, volumes_too)
        world.do(plan.steps)
        assert "shop-web-1" not in world.names()
        assert volumes(world) == set()
        assert len(plan.loses_data) == (volumes_too and remove is rm)


def rm(world: World, volumes_too: bool) -> Plan:
    observed = world.engine.observe()
    options = RemoveOptions(stop=True, volumes=volumes_too)
    return plan_remove("shop", observed.containers, observed, options, Stops())


def down_of_service(world: World, volumes_too: bool) -> Plan:
    return world.down(DownOptions(services=("web",), volumes=volumes_too))


def orphan(world: World, volumes_too: bool) -> Plan:
    options = UpOptions(remove_orphans=True, renew=volumes_too)
    return world.plan('services.other.image = "base"', options)


def test_a_plan_shows_the_names_of_secrets_alone() -> None:
    assert "hunter2" not in repr(desired(with_password("hunter2")))
    assert "hunter2" not in repr(World().plan(with_password("hunter2")))

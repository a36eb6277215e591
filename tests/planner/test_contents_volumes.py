"""The volume of a container that holds its secrets: it comes with the container, and goes with `down`."""

from __future__ import annotations

from plan_world import World, desired, stack

from stackctl.planner.down import DownOptions
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


def test_it_goes_on_with_the_next_container_and_with_down() -> None:
    world = World().up(with_password("hunter2"))
    assert b"hunter2" in held(world)
    before = {volume.name for volume in world.engine.observe().volumes if volume.contents}
    assert len(before) == 1
    changed = world.plan(with_password("hunter3"))
    assert "replaced: secrets.pw changed" in str(changed)
    world.up(with_password("hunter3"))
    assert b"hunter3" in held(world)
    assert b"hunter2" not in held(world)
    assert {volume.name for volume in world.engine.observe().volumes if volume.contents} == before
    assert not world.plan(with_password("hunter3")).changes

    plan = world.down()
    assert plan.loses_data == ()
    assert plan.notes == ("data kept: 1 anonymous volume of web (--volumes removes it)",)
    world.do(plan.steps)
    assert [volume.contents for volume in world.engine.observe().volumes] == [False]
    world.do(world.down(DownOptions(volumes=True)).steps)
    assert not world.engine.observe().volumes


def test_a_plan_shows_the_names_of_secrets_alone() -> None:
    assert "hunter2" not in repr(desired(with_password("hunter2")))
    assert "hunter2" not in repr(World().plan(with_password("hunter2")))

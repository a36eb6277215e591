"""Hooks as steps of a plan, and what an engine in memory makes of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from plan_world import Behaviour, World, created, desired, stack

from stackctl.engine.execute import execute
from stackctl.planner.down import DownOptions
from stackctl.planner.life.options import StartOptions
from stackctl.planner.life.start import plan_restart, plan_start
from stackctl.planner.life.stops import Stops
from stackctl.planner.steps.actions import StopContainer, WaitFor, subject
from stackctl.planner.steps.events import Done, Failed
from stackctl.planner.steps.outcome import outcome
from stackctl.planner.steps.plan import Plan
from stackctl.planner.view.slots import UpOptions

WEB = """\
[services.web]
image = "app:1"
stop_grace_period = "5s"
environment.A = "1"
volumes = ["/own"]
pre_start = [{ command = "true", environment.B = "2" }, { image = "base", command = ["sh", "-c", "exit 0"] }]
post_start = [{ command = "true" }, { command = ["echo", "hi"], user = "5" }]
pre_stop = [{ command = ["sh", "-c", "echo late >&2; exit 3"] }]
"""
FAILS = WEB.replace('command = "true" }, { command = ["echo"', 'command = "false" }, { command = ["echo"')


def test_what_hooks_add_to_a_plan() -> None:
    plan = World().plan(
        WEB
        + '[services.next]\nimage = "base"\n[services.next.depends_on.web]\ncondition = "service_started"\n'
    )
    assert (
        str(plan)
        == """\
#1 CreateNetwork shop_default, not there
[1] -> #2 CreateContainer shop-web-1, not there
[1] -> #3 CreateContainer shop-next-1, not there
[2] -> #4 CreateContainer shop-web-1.pre-start-1, pre_start 1 of web
[4] -> #5 StartContainer shop-web-1.pre-start-1, pre_start 1 of web
[5] -> #6 WaitFor shop-web-1.pre-start-1 completed, web starts after it
[6] -> #7 RemoveContainer shop-web-1.pre-start-1, it has done its work
[7] -> #8 CreateContainer shop-web-1.pre-start-2, pre_start 2 of web
[8] -> #9 StartContainer shop-web-1.pre-start-2, pre_start 2 of web
[9] -> #10 WaitFor shop-web-1.pre-start-2 completed, web starts after it
[10] -> #11 RemoveContainer shop-web-1.pre-start-2, it has done its work
[2] -> #12 CreateVolume shop-web-1.post-start, until post_start of web is done
[11, 12] -> #13 StartContainer shop-web-1, new
[13] -> #14 RunHook post_start 1 of shop-web-1, post_start of web
[14] -> #15 RunHook post_start 2 of shop-web-1, post_start of web
[15] -> #16 RemoveVolume shop-web-1.post-start, post_start of web is done
[3, 15] -> #17 StartContainer shop-next-1, new
[15] -> #18 WaitFor shop-web-1 ready, up waits for it
[17] -> #19 WaitFor shop-next-1 ready, up waits for it"""
    )
    (init,) = (spec for spec in created(plan) if spec.name.endswith("pre-start-1"))
    assert (init.kind, init.image, init.environment) == ("run", "app:1", {"A": "1", "B": "2"})
    assert (init.volumes_from, init.ports, init.networks[0].aliases) == (("shop-web-1",), (), ())
    assert [image.ref for image in desired(WEB).images] == ["app:1", "base"]


def test_a_plan_is_done_once_and_hooks_are_part_of_the_definition() -> None:
    world = World().up(WEB)
    assert world.names() == {"shop-web-1": "running"}
    assert not world.plan(WEB).changes
    assert "recreate" not in str(world.plan(WEB.replace("echo late", "echo later")))  # pre_stop
    changed = world.plan(WEB.replace('"2"', '"3"'))
    assert "replaced: pre_start changed" in str(changed)
    # The hooks of the old container are run before it is stopped, those of pre_start after it.
    order = [type(step.action).__name__ for step in changed.steps]
    assert order.index("StopContainer") < order.index("WaitFor") < order.index("RunHook")
    assert len(world.up(WEB.replace('"2"', '"3"')).names()) == 1


def test_what_has_succeeded_is_not_repeated_when_a_container_starts_again() -> None:
    world = World().up(WEB)
    world.do(
        [
            step
            for step in world.down(stops=Stops.of(stack(WEB))).steps
            if isinstance(step.action, StopContainer)
        ]
    )
    plan = str(world.plan(WEB))
    assert "pre_start" not in plan
    assert "RunHook post_start 2 of shop-web-1" in plan
    world = World().up_to("CreateContainer", WEB)  # never started
    assert "pre_start 2 of web" in str(world.plan(WEB))


def test_replicas_share_the_containers_of_pre_start() -> None:
    world, text = World(), f"{WEB}scale = 2\n"
    plan = world.plan(text)
    assert str(plan).count("WaitFor shop-web-1.pre-start-2") == 1
    starts = {subject(step.action): step for step in plan.steps if step.why == "new"}
    (prepared,) = (
        s.id for s in plan.steps if str(s.why) == "it has done its work" and "start-2" in subject(s.action)
    )
    assert prepared in starts["shop-web-1"].after & starts["shop-web-2"].after
    world.up(text)
    assert "pre_start" not in str(world.plan(f"{WEB}scale = 3\n"))


def test_a_hook_that_fails_fails_the_start() -> None:
    world = World(behaviours={"base": Behaviour(log=("no such table",), exit_code=7)})
    events = [*execute(world.plan(WEB), world.engine.perform)]
    (failed,) = (event for event in events if isinstance(event, Failed))
    assert isinstance(failed.step.action, WaitFor)
    assert getattr(failed.error, "exit_code_of_container", None) == 7
    assert getattr(failed.error, "log_tail", None) == ("no such table",)
    assert outcome(events).exit_code == 5
    assert world.names() == {"shop-web-1": "created", "shop-web-1.pre-start-2": "exited"}
    world.engine.behaviours.clear()
    assert world.up(WEB).names() == {"shop-web-1": "running"}  # what was left is removed


def test_a_command_that_fails_stops_the_container_and_puts_the_old_one_back() -> None:
    world = World()
    events = [*execute(world.plan(FAILS), world.engine.perform)]
    (failed,) = (event for event in events if isinstance(event, Failed))
    assert (
        str(failed.error)
        == "post_start[0] of shop-web-1 ended with exit code 1 (correct the hook; the next up starts the container again)"
    )
    assert world.names() == {"shop-web-1": "exited"}
    assert "RunHook post_start 1" in str(world.plan(FAILS))
    world = World().up(WEB)
    [*execute(world.plan(FAILS), world.engine.perform)]
    assert world.names() == {"shop-web-1": "running"}
    assert not world.plan(WEB).changes


@pytest.mark.parametrize("last", ["CreateVolume", "StartContainer", "RunHook"])
def test_a_kill_before_the_last_post_start_has_succeeded_is_made_good(last: str) -> None:
    text = WEB.replace("pre_start", "x-pre_start")
    world = World().up_to(last, text)
    again = world.plan(text)
    assert "RunHook post_start 1 of shop-web-1" in str(again)
    restarted = "StartContainer shop-web-1, its post_start hooks were interrupted" in str(again)
    assert restarted == (last != "CreateVolume")
    assert not world.plan(text, UpOptions(start=False)).changes
    for verb in (plan_start, plan_restart):
        assert "RunHook post_start 2" in str(verb(desired(text), world.engine.observe(), StartOptions()))
    world.do(again.steps)
    assert world.names() == {"shop-web-1": "running"}
    assert not any(volume.pending for volume in world.engine.observe().volumes)
    assert not world.plan(text).changes


def test_the_sign_of_an_interrupted_start_goes_with_the_container() -> None:
    text = WEB.replace("pre_start", "x-pre_start")
    other = 'services.other.image = "base"'
    plans: list[Callable[[World], Plan]] = [
        lambda world: world.down(),
        lambda world: world.down(DownOptions(services=("web",))),
        lambda world: world.plan(other, UpOptions(remove_orphans=True)),
        lambda world: world.plan(text.replace("post_start", "x-post_start")),
    ]
    for plan in plans:
        world = World().up_to("StartContainer", text)
        world.do(plan(world).steps)
        assert not any(volume.pending for volume in world.engine.observe().volumes)


def test_a_pre_stop_that_fails_is_told_and_keeps_nothing_alive() -> None:
    world = World().up(WEB)
    plan = world.down(stops=Stops.of(stack(WEB)))
    stop = next(step.action for step in plan.steps if isinstance(step.action, StopContainer))
    assert (stop.grace, len(stop.hooks)) == (5, 1)
    notes = [
        event.note for event in execute(plan, world.engine.perform) if isinstance(event, Done) and event.note
    ]
    assert notes == ["pre_stop[0] ended with exit code 3\nlate"]
    assert world.names() == {}


def test_without_time_there_is_no_pre_stop() -> None:
    world = World().up(WEB)
    plan = world.plan(WEB, UpOptions(recreate="always", grace=0))
    events = [*execute(plan, world.engine.perform)]
    assert not [event for event in events if isinstance(event, Done) and event.note]

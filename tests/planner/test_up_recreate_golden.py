"""Plans that replace containers: after every moment of being killed, and where one makes way for another."""

import pytest
from msgspec.structs import replace
from plan_stories import WEB, WEB_CHANGED, acts, changed, do, first, killed, lines, performed
from plan_world import World, desired, plan_up

from stackctl.planner.steps.actions import CreateContainer, StartContainer, StopContainer
from stackctl.planner.steps.plan import Plan
from stackctl.planner.view.slots import UpOptions

PORTS = """\
[services.blue]
image = "app:1"
ports = ["8000:8000"]
[services.green]
image = "app:1"
ports = ["8001:8000"]
"""
SHARED = """\
[services.vpn]
image = "app:1"
[services.web]
image = "app:1"
network_mode = "service:vpn"
"""


def test_killed_once_the_new_one_was_created() -> None:
    world = killed(WEB, WEB_CHANGED, 1)
    assert world.names() == {"shop-web-1": "running", "shop-web-1.new": "created"}
    assert acts(step.action for step in world.plan(WEB_CHANGED).steps) == [
        "SetRestart shop-web-1",
        "StopContainer shop-web-1",
        "RenameContainer shop-web-1 to shop-web-1.old",
        "RenameContainer shop-web-1.new to shop-web-1",
        "StartContainer shop-web-1",
        "RemoveContainer shop-web-1.old",
        "WaitFor shop-web-1 ready",
    ]
    assert lines(world.plan(WEB)) == [
        "#1 SetRestart shop-web-1, its replacement was given up",
        "[1] -> #2 RemoveContainer shop-web-1.new, left over from an interrupted run",
    ]


def test_killed_once_the_old_one_was_stopped() -> None:
    world = killed(WEB, WEB_CHANGED, 3)
    assert world.names() == {"shop-web-1": "exited", "shop-web-1.new": "created"}
    assert lines(world.plan(WEB_CHANGED)) == [
        "#1 RenameContainer shop-web-1 to shop-web-1.old, makes way for its successor",
        "[1] -> #2 RenameContainer shop-web-1.new to shop-web-1, takes its place",
        "[2] -> #3 StartContainer shop-web-1, new",
        "[3] -> #4 RemoveContainer shop-web-1.old, it was replaced",
        "[3] -> #5 WaitFor shop-web-1 ready, up waits for it",
    ]
    assert lines(world.plan(WEB)) == [
        "#1 SetRestart shop-web-1, its replacement was given up",
        "[1] -> #2 RemoveContainer shop-web-1.new, left over from an interrupted run",
        "#3 StartContainer shop-web-1, not running",
        "[3] -> #4 WaitFor shop-web-1 ready, up waits for it",
    ]


def test_killed_between_the_two_names() -> None:
    world = killed(WEB, WEB_CHANGED, 4)
    assert world.names() == {"shop-web-1.old": "exited", "shop-web-1.new": "created"}
    assert lines(world.plan(WEB_CHANGED)) == [
        "#1 RenameContainer shop-web-1.new to shop-web-1, takes its place",
        "[1] -> #2 StartContainer shop-web-1, new",
        "[2] -> #3 RemoveContainer shop-web-1.old, it was replaced",
        "[2] -> #4 WaitFor shop-web-1 ready, up waits for it",
    ]


def test_killed_before_the_new_one_was_started() -> None:
    world = killed(WEB, WEB_CHANGED, 5)
    assert world.names() == {"shop-web-1.old": "exited", "shop-web-1": "created"}
    assert lines(world.plan(WEB_CHANGED)) == [
        "#1 StartContainer shop-web-1, new",
        "[1] -> #2 RemoveContainer shop-web-1.old, it was replaced",
        "[1] -> #3 WaitFor shop-web-1 ready, up waits for it",
    ]


def test_killed_before_the_old_one_was_removed() -> None:
    world = killed(WEB, WEB_CHANGED, 6)
    assert world.names() == {"shop-web-1.old": "exited", "shop-web-1": "running"}
    assert lines(world.plan(WEB_CHANGED)) == [
        "#1 RemoveContainer shop-web-1.old, it was replaced",
    ]
    assert lines(world.plan(WEB)) == [
        "#1 RemoveContainer shop-web-1.old, left over from an interrupted run",
        "#2 CreateContainer shop-web-1.new, environment.LOG removed",
        "[2] -> #3 SetRestart shop-web-1, replaced: environment.LOG removed",
        "[3] -> #4 StopContainer shop-web-1, replaced: environment.LOG removed",
        "[1, 4] -> #5 RenameContainer shop-web-1 to shop-web-1.old, makes way for its successor",
        "[5] -> #6 RenameContainer shop-web-1.new to shop-web-1, takes its place",
        "[6] -> #7 StartContainer shop-web-1, new",
        "[7] -> #8 RemoveContainer shop-web-1.old, it was replaced",
        "[7] -> #9 WaitFor shop-web-1 ready, up waits for it",
    ]


def test_the_old_one_is_known_whatever_it_is_called() -> None:
    world, wanted = killed(WEB, WEB_CHANGED, 1), desired(WEB_CHANGED)
    observed = changed(world.look(wanted), "shop-web-1", name="mine")
    assert acts(step.action for step in plan_up(wanted, observed).steps) == [
        "SetRestart mine",
        "StopContainer mine",
        "RenameContainer shop-web-1.new to shop-web-1",
        "StartContainer shop-web-1",
        "RemoveContainer mine",
        "WaitFor shop-web-1 ready",
    ]


def test_what_nobody_restarts_gets_no_policy_back() -> None:
    plain, other = '[services.web]\nimage = "app:1"\n', '[services.web]\nimage = "app:2"\n'
    assert lines(killed(plain, other, 1).plan(plain)) == [
        "#1 RemoveContainer shop-web-1.new, left over from an interrupted run",
    ]


def test_of_two_that_fit_the_one_that_runs_stays() -> None:
    world = World().up(WEB)
    (create,) = performed(world.plan(WEB, UpOptions(recreate="always")), CreateContainer)
    assert lines(do(world, replace(create, replaces=None, name="twin")).plan(WEB)) == [
        "#1 RemoveContainer twin, left over from an interrupted run",
    ]


def test_only_the_new_one_is_left() -> None:
    world = killed(WEB, WEB_CHANGED, 3)
    world.engine.remove_by_hand("shop-web-1")
    assert lines(world.plan(WEB_CHANGED)) == [
        "#1 RenameContainer shop-web-1.new to shop-web-1, its name should be this",
        "[1] -> #2 StartContainer shop-web-1, new",
        "[2] -> #3 WaitFor shop-web-1 ready, up waits for it",
    ]
    assert lines(world.plan(WEB)) == [
        "#1 CreateContainer shop-web-1, environment.LOG removed",
        "[1] -> #2 StartContainer shop-web-1, new",
        "[2] -> #3 RemoveContainer shop-web-1.new, it was replaced",
        "[2] -> #4 WaitFor shop-web-1 ready, up waits for it",
    ]


def test_only_the_old_one_is_left() -> None:
    world = killed(WEB, WEB_CHANGED, 4)
    world.engine.remove_by_hand("shop-web-1.new")
    assert world.names() == {"shop-web-1.old": "exited"}
    assert lines(world.plan(WEB_CHANGED)) == [
        "#1 CreateContainer shop-web-1, it was being replaced",
        "[1] -> #2 StartContainer shop-web-1, new",
        "[2] -> #3 RemoveContainer shop-web-1.old, it was replaced",
        "[2] -> #4 WaitFor shop-web-1 ready, up waits for it",
    ]


def test_a_third_definition_after_an_interrupted_recreate() -> None:
    world = killed(WEB, WEB_CHANGED, 3)
    assert lines(world.plan(WEB_CHANGED.replace("debug", "warn"))) == [
        "#1 RemoveContainer shop-web-1.new, left over from an interrupted run",
        "[1] -> #2 CreateContainer shop-web-1.new, environment.LOG added",
        "[2] -> #3 RenameContainer shop-web-1 to shop-web-1.old, makes way for its successor",
        "[3] -> #4 RenameContainer shop-web-1.new to shop-web-1, takes its place",
        "[4] -> #5 StartContainer shop-web-1, new",
        "[5] -> #6 RemoveContainer shop-web-1.old, it was replaced",
        "[5] -> #7 WaitFor shop-web-1 ready, up waits for it",
    ]


def test_a_port_passes_from_one_to_the_other() -> None:
    own = '[services.blue]\nimage = "app:1"\n[services.green]\nimage = "app:1"\n'
    port = 'ports = ["8000:8000"]\n'
    world = World().up(own.replace("[services.green]", port + "[services.green]"))
    assert "StopContainer shop-blue-1" in first(world.plan(own + port), "StartContainer shop-green-1")


def test_two_swap_their_ports() -> None:
    swapped = PORTS.replace("8000:8000", "x").replace("8001:8000", "8000:8000").replace("x", "8001:8000")
    plan = World().up(PORTS).plan(swapped)
    stops = {"StopContainer shop-blue-1", "StopContainer shop-green-1"}
    assert stops <= first(plan, "StartContainer shop-blue-1")
    assert stops <= first(plan, "StartContainer shop-green-1")


def test_an_orphan_gives_its_port_free() -> None:
    world = World().up(PORTS.replace("blue", "old"))
    taken = PORTS.replace("blue", "new")
    assert lines(world.plan(taken, UpOptions(remove_orphans=True))) == [
        "#1 StopContainer shop-old-1, not in the spec",
        "[1] -> #2 RemoveContainer shop-old-1, not in the spec",
        "#3 CreateContainer shop-new-1, not there",
        "[1, 3] -> #4 StartContainer shop-new-1, new",
        "[4] -> #5 WaitFor shop-new-1 ready, up waits for it",
    ]


def test_two_swap_their_names() -> None:
    named = '[services.a]\nimage = "app:1"\ncontainer_name = "{}"\n[services.b]\nimage = "app:1"\ncontainer_name = "{}"\n'
    plan = World().up(named.format("one", "two")).plan(named.format("two", "one"))
    assert "RenameContainer two to one.old" in first(plan, "RenameContainer two.new to two")
    assert "RenameContainer one to two.old" in first(plan, "RenameContainer one.new to one")


def test_two_were_renamed_by_hand_into_each_other() -> None:
    text = '[services.a]\nimage = "app:1"\n[services.b]\nimage = "app:1"\n'
    world, wanted = World().up(text), desired(text)
    observed = changed(world.look(wanted), "shop-a-1", name="x")
    observed = changed(changed(observed, "shop-b-1", name="shop-a-1"), "x", name="shop-b-1")
    assert lines(plan_up(wanted, observed)) == [
        "#1 RenameContainer shop-b-1 to shop-a-1.new, b takes its name",
        "#2 RenameContainer shop-a-1 to shop-b-1.new, a takes its name",
        "[1, 2] -> #3 RenameContainer shop-a-1.new to shop-a-1, its name should be this",
        "[1, 2] -> #4 RenameContainer shop-b-1.new to shop-b-1, its name should be this",
    ]


def test_a_dependent_restarts_with_what_it_depends_on() -> None:
    text = WEB + '[services.api]\nimage = "app:1"\ndepends_on = { web = { restart = true } }\n'
    plan = World().up(text).plan(text.replace(WEB, WEB_CHANGED))
    assert lines(plan) == [
        "#1 CreateContainer shop-web-1.new, environment.LOG added",
        "[1] -> #2 StopContainer shop-api-1, web is replaced",
        "[2] -> #3 SetRestart shop-web-1, replaced: environment.LOG added",
        "[3] -> #4 StopContainer shop-web-1, replaced: environment.LOG added",
        "[4] -> #5 RenameContainer shop-web-1 to shop-web-1.old, makes way for its successor",
        "[5] -> #6 RenameContainer shop-web-1.new to shop-web-1, takes its place",
        "[6] -> #7 StartContainer shop-web-1, new",
        "[7] -> #8 RemoveContainer shop-web-1.old, it was replaced",
        "[7] -> #9 WaitFor shop-web-1 ready, api needs it",
        "[9] -> #10 StartContainer shop-api-1, web is replaced",
        "[10] -> #11 WaitFor shop-api-1 ready, up waits for it",
    ]
    (start, _) = (step for step in plan.steps if isinstance(step.action, StartContainer))
    assert acts(start.rescue) == [
        "RemoveContainer shop-web-1",
        "RenameContainer shop-web-1.old to shop-web-1",
        "SetRestart shop-web-1",
        "StartContainer shop-web-1",
        "StartContainer shop-api-1",
    ]


def test_a_dependent_does_not_restart_with_what_is_merely_started() -> None:
    text = WEB + '[services.api]\nimage = "app:1"\ndepends_on = { web = { restart = true } }\n'
    world = do(World().up(text), StopContainer("shop-web-1", "", 1))
    assert lines(world.plan(text)) == [
        "#1 StartContainer shop-web-1, not running",
        "[1] -> #2 WaitFor shop-web-1 ready, up waits for it",
    ]


def test_a_dependent_that_does_not_ask_for_it_does_not_restart() -> None:
    text = WEB + '[services.api]\nimage = "app:1"\ndepends_on = ["web"]\n'
    plan = World().up(text).plan(text.replace(WEB, WEB_CHANGED))
    assert {step.service for step in plan.steps} == {"web"}


def test_one_shares_the_network_of_another() -> None:
    plan = World().plan(SHARED)
    assert lines(plan) == [
        "#1 CreateNetwork shop_default, not there",
        "[1] -> #2 CreateContainer shop-vpn-1, not there",
        "[2] -> #3 CreateContainer shop-web-1, not there",
        "[3] -> #4 StartContainer shop-vpn-1, new",
        "[4] -> #5 StartContainer shop-web-1, new",
        "[4] -> #6 WaitFor shop-vpn-1 ready, up waits for it",
        "[5] -> #7 WaitFor shop-web-1 ready, up waits for it",
    ]
    modes = [create.spec.network_mode for create in performed(plan, CreateContainer)]
    assert modes == [None, "container:shop-vpn-1"]
    assert World().up(SHARED).plan(SHARED) == Plan("shop")


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ('ipc = "service:vpn"', "memory"),
        ('pid = "service:vpn"', "processes"),
        ('volumes_from = ["vpn:ro"]', "volumes"),
    ],
)
def test_who_shares_something_else_of_one_that_is_replaced_is_replaced(line: str, what: str) -> None:
    text = SHARED.replace('network_mode = "service:vpn"', line)
    changed = text.replace("[services.web]", "user = '1'\n[services.web]")
    world = World().up(text)
    assert world.plan(text) == Plan("shop")
    plan = world.plan(changed)
    assert [step.why for step in plan.steps if isinstance(step.action, CreateContainer)] == [
        "user added",
        f"vpn, whose {what} it shares, is replaced",
    ]
    (spec,) = (c.spec for c in performed(plan, CreateContainer) if c.spec.service == "web")
    assert {spec.ipc, spec.pid, *spec.volumes_from} - {None} <= {
        "container:shop-vpn-1.new",
        "shop-vpn-1.new:ro",
    }
    assert world.up(changed).plan(changed) == Plan("shop")


def test_who_shares_the_network_of_one_that_is_replaced_is_replaced() -> None:
    plan = World().up(SHARED).plan(SHARED.replace("[services.web]", "user = '1'\n[services.web]"))
    assert lines(plan) == [
        "#1 CreateContainer shop-vpn-1.new, user added",
        "[1] -> #2 CreateContainer shop-web-1.new, vpn, whose network it shares, is replaced",
        "[2] -> #3 SetRestart shop-web-1, replaced: vpn, whose network it shares, is replaced",
        "[3] -> #4 StopContainer shop-web-1, replaced: vpn, whose network it shares, is replaced",
        "[4] -> #5 SetRestart shop-vpn-1, replaced: user added",
        "[5] -> #6 StopContainer shop-vpn-1, replaced: user added",
        "[6] -> #7 RenameContainer shop-vpn-1 to shop-vpn-1.old, makes way for its successor",
        "[7] -> #8 RenameContainer shop-vpn-1.new to shop-vpn-1, takes its place",
        "[8] -> #9 StartContainer shop-vpn-1, new",
        "[9] -> #10 RemoveContainer shop-vpn-1.old, it was replaced",
        "[9] -> #11 RenameContainer shop-web-1 to shop-web-1.old, makes way for its successor",
        "[11] -> #12 RenameContainer shop-web-1.new to shop-web-1, takes its place",
        "[12] -> #13 StartContainer shop-web-1, new",
        "[13] -> #14 RemoveContainer shop-web-1.old, it was replaced",
        "[9] -> #15 WaitFor shop-vpn-1 ready, up waits for it",
        "[13] -> #16 WaitFor shop-web-1 ready, up waits for it",
    ]


def test_who_shares_the_network_of_one_that_stopped_is_restarted() -> None:
    world, wanted = World().up(SHARED), desired(SHARED)
    observed = changed(world.look(wanted), "shop-vpn-1", state="exited", exit_code=1)
    assert lines(plan_up(wanted, observed)) == [
        "#1 StartContainer shop-vpn-1, not running",
        "[1] -> #2 StopContainer shop-web-1, vpn, whose network it shares, is started",
        "[2] -> #3 StartContainer shop-web-1, vpn, whose network it shares, is started",
        "[1] -> #4 WaitFor shop-vpn-1 ready, up waits for it",
        "[3] -> #5 WaitFor shop-web-1 ready, up waits for it",
    ]


def test_who_shared_the_network_of_one_that_was_replaced_by_hand_is_replaced() -> None:
    world = World().up(SHARED)
    world.engine.remove_by_hand("shop-vpn-1")
    assert lines(world.plan(SHARED)) == [
        "#1 CreateContainer shop-vpn-1, not there",
        "[1] -> #2 CreateContainer shop-web-1.new, vpn, whose network it shares, is replaced",
        "[2] -> #3 StartContainer shop-vpn-1, new",
        "[3] -> #4 SetRestart shop-web-1, replaced: vpn, whose network it shares, is replaced",
        "[4] -> #5 StopContainer shop-web-1, replaced: vpn, whose network it shares, is replaced",
        "[5] -> #6 RenameContainer shop-web-1 to shop-web-1.old, makes way for its successor",
        "[6] -> #7 RenameContainer shop-web-1.new to shop-web-1, takes its place",
        "[7] -> #8 StartContainer shop-web-1, new",
        "[8] -> #9 RemoveContainer shop-web-1.old, it was replaced",
        "[3] -> #10 WaitFor shop-vpn-1 ready, up waits for it",
        "[8] -> #11 WaitFor shop-web-1 ready, up waits for it",
    ]


def test_a_service_becomes_a_job() -> None:
    world = World().up('[services.once]\nimage = "app:1"\n')
    assert lines(world.plan('[jobs.once]\nimage = "app:1"\ncommand = "true"\n')) == [
        "#1 CreateContainer shop-once-1.new, it was a service, command added",
        "[1] -> #2 SetRestart shop-once-1, replaced: it was a service, command added",
        "[2] -> #3 StopContainer shop-once-1, replaced: it was a service, command added",
        "[3] -> #4 RenameContainer shop-once-1 to shop-once-1.old, makes way for its successor",
        "[4] -> #5 RenameContainer shop-once-1.new to shop-once-1, takes its place",
        "[5] -> #6 StartContainer shop-once-1, new",
        "[6] -> #7 RemoveContainer shop-once-1.old, it was replaced",
        "[6] -> #8 WaitFor shop-once-1 completed, up waits for it",
    ]


DEPENDENT = """\
[services.db]
image = "db:1"
[jobs.seed]
image = "base"
command = "true"
[jobs.migrate]
image = "app:1"
command = "true"
depends_on = ["db", "seed"]
[services.api]
image = "app:1"
depends_on = ["migrate"]
"""


def recreated(text: str, options: UpOptions, *services: str) -> dict[str, str]:
    """What is recreated on an engine where `DEPENDENT` is up, with the reasons."""
    plan = World().up(DEPENDENT).plan(text, options, services=services)
    steps = [step for step in plan.steps if isinstance(step.action, CreateContainer)]
    return {step.service: step.why for step in steps}


def test_of_named_services_those_alone_are_recreated_on_request() -> None:
    always = UpOptions(recreate="always")
    assert recreated(DEPENDENT, always, "api") == {"api": "asked to recreate"}
    assert recreated(DEPENDENT, always, "db", "migrate") == {
        "db": "asked to recreate",
        "migrate": "asked to recreate",
    }
    assert recreated(DEPENDENT, always).keys() == {"db", "seed", "migrate", "api"}


def test_what_they_depend_on_is_recreated_if_it_changed() -> None:
    assert recreated(DEPENDENT.replace("db:1", "app:2"), UpOptions(recreate="always"), "api") == {
        "api": "asked to recreate",
        "db": "image changed",
    }


def test_what_they_depend_on_is_started() -> None:
    world = do(World().up(DEPENDENT), StopContainer("shop-db-1", "", 1))
    plan = world.plan(DEPENDENT, UpOptions(recreate="always"), services=["api"])
    assert {step.service for step in plan.changes} == {"db", "api"}
    assert "WaitFor shop-db-1 ready" in first(plan, "StopContainer shop-api-1")


def test_jobs_that_run_again_are_those_that_were_named_or_all_that_are_needed() -> None:
    rerun = UpOptions(rerun=True)
    assert recreated(DEPENDENT, rerun, "migrate") == {"migrate": "asked to run again"}
    both = dict.fromkeys(("seed", "migrate"), "asked to run again")
    assert recreated(DEPENDENT, rerun, "api") == both
    assert recreated(DEPENDENT, rerun) == both

"""Plans about jobs: when one runs, runs again, and is waited for."""

import pytest
from msgspec.structs import replace
from plan_stories import changed, lines
from plan_world import Behaviour, World, desired, plan_up

from stackctl.errors import WaitError
from stackctl.planner.steps.plan import Plan
from stackctl.planner.view.slots import UpOptions

MIGRATED = """\
[services.db]
image = "db:1"
volumes = ["data:/data"]
[jobs.migrate]
image = "app:1"
command = "true"
depends_on = ["db"]
[services.api]
image = "app:1"
depends_on = ["migrate"]
[volumes.data]
"""
JOB = '[jobs.once]\nimage = "app:1"\ncommand = "true"\n'


def test_what_needs_a_job_starts_once_it_completed() -> None:
    assert lines(World().plan(MIGRATED)) == [
        "#1 CreateNetwork shop_default, not there",
        "#2 CreateVolume shop_data, not there",
        "[1, 2] -> #3 CreateContainer shop-db-1, not there",
        "[1, 2] -> #4 CreateContainer shop-migrate-1, not there",
        "[1] -> #5 CreateContainer shop-api-1, not there",
        "[3] -> #6 StartContainer shop-db-1, new",
        "[6] -> #7 WaitFor shop-db-1 ready, migrate needs it",
        "[4, 7] -> #8 StartContainer shop-migrate-1, new",
        "[8] -> #9 WaitFor shop-migrate-1 completed, api needs it",
        "[5, 9] -> #10 StartContainer shop-api-1, new",
        "[10] -> #11 WaitFor shop-api-1 ready, up waits for it",
    ]


def test_a_completed_job_does_not_run_again() -> None:
    assert World().up(MIGRATED).plan(MIGRATED) == Plan("shop")


def test_a_job_that_failed_runs_again() -> None:
    world = World(behaviours={"once": Behaviour(exit_code=3)})
    with pytest.raises(WaitError):
        world.up(JOB)
    assert lines(world.plan(JOB)) == [
        "#1 StartContainer shop-once-1, it failed the last time (exit 3)",
        "[1] -> #2 WaitFor shop-once-1 completed, up waits for it",
    ]


def test_a_running_job_is_waited_for() -> None:
    world, wanted = World().up(MIGRATED), desired(MIGRATED)
    observed = changed(world.look(wanted), "shop-migrate-1", state="running", exit_code=None)
    observed = changed(observed, "shop-api-1", state="created")
    assert lines(plan_up(wanted, observed)) == [
        "#1 WaitFor shop-migrate-1 completed, api needs it",
        "[1] -> #2 StartContainer shop-api-1, new",
        "[2] -> #3 WaitFor shop-api-1 ready, up waits for it",
    ]


def test_a_changed_job_runs_again_and_nobody_else() -> None:
    assert lines(World().up(MIGRATED).plan(MIGRATED.replace('"true"', '"echo"'))) == [
        "#1 CreateContainer shop-migrate-1.new, command changed",
        "[1] -> #2 RenameContainer shop-migrate-1 to shop-migrate-1.old, makes way for its successor",
        "[2] -> #3 RenameContainer shop-migrate-1.new to shop-migrate-1, takes its place",
        "[3] -> #4 StartContainer shop-migrate-1, new",
        "[4] -> #5 RemoveContainer shop-migrate-1.old, it was replaced",
        "[4] -> #6 WaitFor shop-migrate-1 completed, up waits for it",
    ]


def test_a_job_with_another_image_runs_again() -> None:
    world = World().up(JOB)
    assert world.plan(JOB.replace("app:1", "app:2")).steps[0].why == "image changed"


def test_a_job_runs_again_after_the_volume_it_fills_was_made_anew() -> None:
    world, wanted = World().up(MIGRATED), desired(MIGRATED)
    observed = world.look(wanted)
    volumes = tuple(replace(volume, created=1000.0) for volume in observed.volumes)
    assert lines(plan_up(wanted, replace(observed, volumes=volumes))) == [
        "#1 CreateContainer shop-migrate-1.new, volume data is newer than its last success",
        "[1] -> #2 RenameContainer shop-migrate-1 to shop-migrate-1.old, makes way for its successor",
        "[2] -> #3 RenameContainer shop-migrate-1.new to shop-migrate-1, takes its place",
        "[3] -> #4 StartContainer shop-migrate-1, new",
        "[4] -> #5 RemoveContainer shop-migrate-1.old, it was replaced",
        "[4] -> #6 WaitFor shop-migrate-1 completed, up waits for it",
    ]


def test_a_job_runs_again_if_what_it_fills_was_removed() -> None:
    world, wanted = World().up(MIGRATED), desired(MIGRATED)
    world.engine.remove_by_hand("shop-db-1")
    assert lines(plan_up(wanted, replace(world.look(wanted), volumes=()))) == [
        "#1 CreateVolume shop_data, not there",
        "[1] -> #2 CreateContainer shop-db-1, not there",
        "[1] -> #3 CreateContainer shop-migrate-1.new, volume data is newer than its last success",
        "[2] -> #4 StartContainer shop-db-1, new",
        "[4] -> #5 WaitFor shop-db-1 ready, migrate needs it",
        "[3, 5] -> #6 RenameContainer shop-migrate-1 to shop-migrate-1.old, makes way for its successor",
        "[6] -> #7 RenameContainer shop-migrate-1.new to shop-migrate-1, takes its place",
        "[7] -> #8 StartContainer shop-migrate-1, new",
        "[8] -> #9 RemoveContainer shop-migrate-1.old, it was replaced",
        "[8] -> #10 WaitFor shop-migrate-1 completed, up waits for it",
    ]


def test_a_volume_of_what_its_dependencies_need_counts_too() -> None:
    text = MIGRATED.replace(
        "[jobs.migrate]", '[services.proxy]\nimage = "app:1"\ndepends_on = ["db"]\n[jobs.migrate]'
    ).replace('command = "true"\ndepends_on = ["db"]', 'command = "true"\ndepends_on = ["proxy"]')
    world, wanted = World().up(text), desired(text)
    observed = world.look(wanted)
    later = tuple(replace(volume, created=1000.0) for volume in observed.volumes)
    assert (
        plan_up(wanted, replace(observed, volumes=later)).steps[0].why
        == "volume data is newer than its last success"
    )


def test_a_job_that_reads_a_directory_runs_every_time() -> None:
    text = JOB + 'volumes = ["./sql:/sql:ro"]\n'
    world = World()
    wanted = desired(text)
    world.do(plan_up(wanted, world.look(wanted)).steps)
    assert (
        plan_up(wanted, world.look(wanted)).steps[0].why
        == "it reads a directory of the host, and no inputs say which files count"
    )


def test_a_job_runs_again_on_request() -> None:
    plan = World().up(MIGRATED).plan(MIGRATED, UpOptions(rerun=True))
    assert {step.service for step in plan.changes} == {"migrate"}
    assert plan.steps[0].why == "asked to run again"


def test_a_job_whose_container_is_gone_runs_again() -> None:
    world = World().up(JOB)
    world.engine.remove_by_hand("shop-once-1")
    assert lines(world.plan(JOB)) == [
        "#1 CreateContainer shop-once-1, not there",
        "[1] -> #2 StartContainer shop-once-1, new",
        "[2] -> #3 WaitFor shop-once-1 completed, up waits for it",
    ]


def test_a_job_that_may_fail() -> None:
    text = MIGRATED.replace('depends_on = ["migrate"]', "depends_on = { migrate = { required = false } }")
    plan = World().plan(text)
    assert [(step.id, step.why) for step in plan.steps if step.optional] == [(9, "api needs it")]

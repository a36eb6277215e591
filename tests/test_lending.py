"""Data of a snapshot or of another project for new volumes, on the in-memory engine."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_snapshot_verbs import FILE, UP, brought_up, copies, engine, programs, shop, states, take

import stackctl
from stackctl.engine.execute import Cancel
from stackctl.engine.memory import Behaviour, MemoryEngine
from stackctl.engine.processes import this_process
from stackctl.errors import UsageError
from stackctl.lending import lend
from stackctl.planner.runs.owner import unpack
from stackctl.planner.runs.runs import plan_reap
from stackctl.planner.steps.actions import Action, CreateContainer, CreateVolume, RemoveVolume, StartContainer
from stackctl.planner.steps.events import Planned
from stackctl.planner.steps.outcome import outcome, succeed
from stackctl.planner.world import labels
from stackctl.snapshots import Snapshots
from stackctl.spec.model import Stack

__all__ = ["engine", "shop"]

FIX = FILE.replace('"shop"', '"shop-fix"')


@pytest.fixture
def fix(tmp_path: Path, shop: Snapshots) -> Stack:
    """The same stack in another checkout. It is not up; project shop is."""
    (tmp_path / "fix" / "src").mkdir(parents=True)
    (tmp_path / "fix" / "stack.toml").write_text(FIX)
    return stackctl.load(tmp_path / "fix" / "stack.toml", environ={}, strict=False)


def up_from(source: str, stack: Stack, engine: MemoryEngine) -> list[str]:
    """Bring a stack up with data, and return the plan in words; the ids in it are ID."""
    with lend(source, stack, engine) as lent:
        succeed(lent.copy())
        fill = lent.fill
        events = [*stackctl.up(stack, engine, options=stackctl.UpOptions(fill=fill))]
    succeed(events)
    (plan,) = [event.plan for event in events if isinstance(event, Planned)]
    return str(plan).replace(fill.id, "ID").splitlines()


def test_new_volumes_are_filled_before_a_container_has_them(
    shop: Snapshots, fix: Stack, engine: MemoryEngine
) -> None:
    take(shop)
    plan = up_from("seeded", fix, engine)
    assert plan[:8] == [
        "#1 CreateNetwork shop-fix_default, not there",
        "#2 CreateVolume shop-fix_data, not there",
        "#3 CreateVolume shop-fix_files, not there",
        "[2, 3] -> #4 CreateContainer shop-fix-copy-ID, fills shop-fix_data, shop-fix_files from snapshot seeded",
        "[4] -> #5 StartContainer shop-fix-copy-ID, fills shop-fix_data, shop-fix_files from snapshot seeded",
        "[5] -> #6 WaitFor shop-fix-copy-ID completed, until everything is copied",
        "[6] -> #7 RemoveContainer shop-fix-copy-ID, it has done its work",
        "[1, 6] -> #8 CreateContainer shop-fix-db-1, not there",
    ]
    copier = next(
        action.spec
        for action in engine.performed
        if isinstance(action, CreateContainer) and "ONLY_EMPTY" in action.spec.environment
    )
    assert copier.environment == {"ONLY_EMPTY": "yes"}
    made = {each.key: each.volume for each in shop.snapshots()[0].saved}
    assert [(m.source, m.target, m.read_only) for m in copier.mounts] == [
        (made["data"], "/from/0", True),
        ("shop-fix_data", "/to/0", False),
        (made["files"], "/from/1", True),
        ("shop-fix_files", "/to/1", False),
    ]
    assert {name: state for name, state in states(engine).items() if name in UP} == UP


def test_a_volume_without_a_name_is_filled_once_its_container_is_there(
    tmp_path: Path, engine: MemoryEngine
) -> None:
    text = 'name = "shop"\n[services.cache]\nimage = "redis:7"\n'
    engine.behaviours["cache"] = Behaviour()
    shop = brought_up(tmp_path, engine, text)
    take(shop)
    (tmp_path / "fix").mkdir()
    (tmp_path / "fix" / "stack.toml").write_text(text.replace("shop", "fix"))
    stack = stackctl.load(tmp_path / "fix" / "stack.toml", environ={}, strict=False)
    assert up_from("seeded", stack, engine)[1:7] == [
        "[1] -> #2 CreateContainer fix-cache-1, not there",
        "[2] -> #3 CreateContainer fix-copy-ID-cache, fills /data of cache from snapshot seeded",
        "[3] -> #4 StartContainer fix-copy-ID-cache, fills /data of cache from snapshot seeded",
        "[4] -> #5 WaitFor fix-copy-ID-cache completed, until everything is copied",
        "[5] -> #6 RemoveContainer fix-copy-ID-cache, it has done its work",
        "[5] -> #7 StartContainer fix-cache-1, new",
    ]
    for container in engine.observe().containers:
        engine.unpack(container.id, "/bin", [programs()])
    assert not [step for step in up_from("seeded", stack, engine) if "copy" in step]


def test_data_that_another_project_has_now_come_along_and_no_copy_of_them_stays(
    shop: Snapshots, fix: Stack, engine: MemoryEngine
) -> None:
    marks: list[str] = []

    def look(action: Action) -> None:
        if isinstance(action, CreateVolume) and labels.OWNER in action.volume.labels:
            marks.append(action.volume.labels[labels.OWNER])

    engine.before = look
    plan = up_from("shop", fix, engine)
    assert "fills shop-fix_data, shop-fix_files from project shop" in "\n".join(plan)
    assert [unpack(mark) for mark in marks] == [this_process(), this_process()]
    assert copies(engine) == []
    assert len(states(engine)) == 6


def test_a_copy_of_a_project_may_get_its_data_and_who_is_killed_meanwhile_leaves_none(
    shop: Snapshots, engine: MemoryEngine
) -> None:
    marks = {labels.RUN: "r1", labels.OWNER: this_process().pack()}
    with lend("shop", shop.stack, engine, to="shop-x", marks=marks) as lent:
        succeed(lent.copy())
        reaped = plan_reap(["r1"], engine.observe())
        assert sorted(lent.fill.volumes.values()) == sorted(
            step.action.name for step in reaped.steps if isinstance(step.action, RemoveVolume)
        )
    assert copies(engine) == []
    with (
        pytest.raises(UsageError, match="shop-x is the project that is to be filled"),
        lend("shop-x", shop.stack, engine, to="shop-x"),
    ):
        pass


def test_a_volume_that_is_in_use_is_left_and_named(shop: Snapshots, fix: Stack, engine: MemoryEngine) -> None:
    take(shop)
    succeed(stackctl.up(fix, engine, selection=stackctl.Selection(services=("db",))))
    plan = up_from("seeded", fix, engine)
    assert plan[-1] == "note: not filled from snapshot seeded, for they are in use: shop-fix_data"
    assert "fills shop-fix_files from snapshot seeded" in "\n".join(plan)


def test_an_interrupted_fill_must_leave_no_container_and_no_service_on_half_of_the_data(
    shop: Snapshots, fix: Stack, engine: MemoryEngine
) -> None:
    take(shop)
    cancel = Cancel()

    def interrupt(action: Action) -> None:
        if isinstance(action, StartContainer):
            cancel.set()

    engine.before = interrupt
    with lend("seeded", fix, engine) as lent:
        options = stackctl.UpOptions(fill=lent.fill)
        assert outcome(stackctl.up(fix, engine, options=options, cancel=cancel)).exit_code == 130
    assert states(engine) == UP
    engine.before = lambda _: None
    assert "fills shop-fix_data, shop-fix_files from snapshot seeded" in "\n".join(
        up_from("seeded", fix, engine)
    )


def test_a_fill_that_fails_must_start_no_service_on_half_of_the_data(
    shop: Snapshots, fix: Stack, engine: MemoryEngine
) -> None:
    take(shop)
    engine.behaviours["copy"] = Behaviour(exit_code=1)
    with lend("seeded", fix, engine) as lent:
        assert outcome(stackctl.up(fix, engine, options=stackctl.UpOptions(fill=lent.fill))).exit_code == 5
    assert states(engine) == UP


def test_up_ends_what_copies_for_a_killed_run_before_it_makes_or_fills_anything(
    shop: Snapshots, fix: Stack, engine: MemoryEngine
) -> None:
    take(shop)
    engine.behaviours["copy"] = Behaviour(exit_code=1)
    with lend("seeded", fix, engine) as lent:
        outcome(stackctl.up(fix, engine, options=stackctl.UpOptions(fill=lent.fill)))
    made = next(a for a in reversed(engine.performed) if isinstance(a, CreateContainer))
    engine.behaviours["copy"] = Behaviour()
    engine.perform(CreateContainer(made.spec, "shop-fix-copy-dead"), lambda _: None)
    engine.perform(StartContainer("shop-fix-copy-dead", "shop-fix-copy-dead"), lambda _: None)
    engine.behaviours["copy"] = Behaviour(exit_code=0)
    plan = up_from("seeded", fix, engine)
    assert plan[:3] == [
        "#1 StopContainer shop-fix-copy-dead, left over from an interrupted copy",
        "[1] -> #2 RemoveContainer shop-fix-copy-dead, left over from an interrupted copy",
        "[2] -> #3 CreateContainer shop-fix-copy-ID, fills shop-fix_data, shop-fix_files from snapshot seeded",
    ]


def test_an_external_volume_is_never_filled(shop: Snapshots, tmp_path: Path, engine: MemoryEngine) -> None:
    take(shop)
    (tmp_path / "fix" / "src").mkdir(parents=True)
    text = FIX.replace("[volumes.files]", '[volumes.files]\nexternal = true\nname = "shop_files"')
    (tmp_path / "fix" / "stack.toml").write_text(text)
    stack = stackctl.load(tmp_path / "fix" / "stack.toml", environ={}, strict=False)
    plan = "\n".join(up_from("seeded", stack, engine))
    assert "fills shop-fix_data from snapshot seeded" in plan


def test_a_source_that_is_not_there_is_told(shop: Snapshots, fix: Stack, engine: MemoryEngine) -> None:
    take(shop)
    for wanted, message in {
        "shpo": r"there is no snapshot and no project shpo",
        "shop-fix": r"shop-fix is the project that is to be filled|there is no snapshot and no project shop-fix",
        "shop/nosuch": r"there is no snapshot and no project shop/nosuch",
    }.items():
        with pytest.raises(UsageError, match=message), lend(wanted, fix, engine):
            pass


def test_without_data_from_up_plans_as_ever(shop: Snapshots, engine: MemoryEngine) -> None:
    plan = stackctl.plan(shop.stack, engine)
    assert (plan.steps, plan.notes) == ((), ())

"""Snapshots on the in-memory engine: order, what is left when something fails, and what is refused."""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

import stackctl
from stackctl.engine.execute import Cancel
from stackctl.engine.memory import Behaviour, MemoryEngine
from stackctl.errors import EngineError, PreflightError, UsageError
from stackctl.planner.data.snapshots import Snapshot
from stackctl.planner.steps.actions import (
    Action,
    CreateContainer,
    CreateVolume,
    PauseContainer,
    RemoveVolume,
    StartContainer,
    StopContainer,
    UnpauseContainer,
    WaitFor,
    subject,
)
from stackctl.planner.steps.events import Done, Event, Planned
from stackctl.planner.steps.outcome import Outcome, outcome, succeed
from stackctl.planner.world import labels
from stackctl.planner.world.desired import DesiredVolume
from stackctl.planner.world.observed import ImageConfig, ObservedEngine
from stackctl.show.run.failure import failure_text
from stackctl.snapshot_files import SnapshotFiles
from stackctl.snapshots import Snapshots

FILE = """
name = "shop"
[services.db]
image = "postgres:15"
environment = { POSTGRES_PASSWORD = "pw" }
volumes = ["data:/var/lib/postgresql/data"]
[services.api]
image = "app:1"
volumes = ["files:/files", "./src:/src"]
depends_on = { db = { restart = true } }
[services.worker]
image = "app:1"
volumes = ["files:/files"]
[volumes.data]
[volumes.files]
"""
PROGRAMS = ("sh", "cp", "mv", "rm", "stat")


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> MemoryEngine:
    info = ObservedEngine(id=f"memory-{request.node.name}", name="memory", endpoint="memory:")
    images = {
        "postgres:15": ImageConfig(),
        "app:1": ImageConfig(),
        "redis:7": ImageConfig(volumes=("/data",)),
    }
    behaviours = {"copy": Behaviour(exit_code=0), "db": Behaviour()}
    return MemoryEngine(images, behaviours=behaviours, info=info)


@pytest.fixture
def shop(tmp_path: Path, engine: MemoryEngine) -> Snapshots:
    """The stack, up, with the programs that copy in its containers."""
    return brought_up(tmp_path, engine, FILE)


def brought_up(directory: Path, engine: MemoryEngine, text: str) -> Snapshots:
    (directory / "src").mkdir(exist_ok=True)
    (directory / "stack.toml").write_text(text)
    stack = stackctl.load(directory / "stack.toml", environ={}, strict=False)
    succeed(stackctl.up(stack, engine))
    for container in engine.observe().containers:
        engine.unpack(container.id, "/bin", [programs()])
    engine.performed.clear()
    return Snapshots(stack, engine)


def programs() -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name in PROGRAMS:
            archive.addfile(tarfile.TarInfo(name))
    return packed.getvalue()


def told(actions: list[Action], *kinds: type) -> list[str]:
    """What was done, in order."""
    return [f"{type(a).__name__} {subject(a)}" for a in actions if not kinds or isinstance(a, kinds)]


def states(engine: MemoryEngine) -> dict[str, str]:
    return {c.name: c.state for c in engine.observe().containers}


def copies(engine: MemoryEngine) -> list[str]:
    """The volumes of snapshots."""
    return sorted(v.name for v in engine.observe().volumes if labels.SNAPSHOT in v.labels)


def take(
    shop: Snapshots, name: str = "seeded", *services: str, replace: bool = False, pause: bool = False
) -> Snapshot:
    succeed(shop.snapshot(name, services, replace=replace, pause=pause))
    return next(each for each in shop.snapshots() if each.name == name)


UP = {"shop-db-1": "running", "shop-api-1": "running", "shop-worker-1": "running"}


def test_only_what_cannot_copy_itself_is_paused_and_only_while_it_is_copied(
    shop: Snapshots, engine: MemoryEngine
) -> None:
    (plan,) = [event.plan for event in shop.snapshot("seeded") if isinstance(event, Planned)]
    id_ = shop.snapshots()[0].id
    assert str(plan).replace(id_, "ID").splitlines() == [
        "#1 CreateVolume shop-snapshot-seeded-ID-0, the copy of shop_data",
        "[1] -> #2 CreateContainer shop-copy-ID-0, copies the data of db while it runs",
        "[2] -> #3 StartContainer shop-copy-ID-0, copies the data of db while it runs",
        "[3] -> #4 WaitFor shop-copy-ID-0 completed, until everything is copied",
        "[4] -> #5 RemoveContainer shop-copy-ID-0, it has done its work",
        "#6 CreateVolume shop-snapshot-seeded-ID-1, the copy of shop_files",
        "[6] -> #7 CreateContainer shop-copy-ID-1, copies shop_files",
        "[7] -> #8 PauseContainer shop-api-1, its files must not change while they are copied",
        "[7] -> #9 PauseContainer shop-worker-1, its files must not change while they are copied",
        "[8, 9] -> #10 StartContainer shop-copy-ID-1, copies shop_files",
        "[10] -> #11 WaitFor shop-copy-ID-1 completed, until everything is copied",
        "[11] -> #12 UnpauseContainer shop-api-1, its files are copied",
        "[11] -> #13 UnpauseContainer shop-worker-1, its files are copied",
        "[12, 13] -> #14 RemoveContainer shop-copy-ID-1, it has done its work",
        "[4, 11] -> #15 CreateVolume shop-snapshot-seeded-ID, everything is copied: the snapshot is complete",
        "note: not copied, for they are no volumes: " + f"{shop.stack.files[0].parent}/src of api",
    ]
    assert states(engine) == UP
    (found,) = shop.snapshots()
    assert (found.name, found.project, found.complete) == ("seeded", "shop", True)
    assert [(each.key, each.services) for each in found.saved] == [
        ("data", ("db",)),
        ("files", ("api", "worker")),
    ]


def test_with_pause_everything_that_runs_is_paused(shop: Snapshots, engine: MemoryEngine) -> None:
    take(shop, pause=True)
    assert sorted(told(engine.performed, PauseContainer)) == [
        "PauseContainer shop-api-1",
        "PauseContainer shop-db-1",
        "PauseContainer shop-worker-1",
    ]
    assert states(engine) == UP


def test_what_was_paused_before_stays_paused(shop: Snapshots, engine: MemoryEngine) -> None:
    succeed(shop.pause(["api"]))
    engine.performed.clear()
    take(shop, "seeded", "api")
    assert told(engine.performed, PauseContainer, UnpauseContainer) == [
        "PauseContainer shop-worker-1",
        "UnpauseContainer shop-worker-1",
    ]
    assert states(engine) == {**UP, "shop-api-1": "paused"}


@pytest.mark.parametrize("when", [CreateContainer, PauseContainer, StartContainer, WaitFor, CreateVolume])
def test_a_copy_that_fails_must_leave_nothing_paused_and_nothing_half_made(
    shop: Snapshots, engine: MemoryEngine, when: type
) -> None:
    if when is WaitFor:
        engine.behaviours["copy"] = Behaviour(exit_code=1, log=("cp: no space left on device",))

    def refuse(action: Action) -> None:
        last = isinstance(action, CreateVolume) and labels.SNAPSHOT_PARTS not in action.volume.labels
        if isinstance(action, when) and not last:
            raise EngineError("the engine says no")

    engine.before = refuse
    result = outcome(shop.snapshot("seeded"))
    assert result.exit_code == 5, result
    assert states(engine) == UP
    assert copies(engine) == []


@pytest.mark.parametrize(
    "when", [CreateVolume, CreateContainer, PauseContainer, StartContainer, UnpauseContainer]
)
def test_an_interrupted_copy_must_leave_nothing_paused_and_nothing_half_made(
    shop: Snapshots, engine: MemoryEngine, when: type
) -> None:
    cancel = Cancel()

    def interrupt(action: Action) -> None:
        if isinstance(action, when):
            cancel.set()

    engine.before = interrupt
    assert outcome(shop.snapshot("seeded", cancel=cancel)).exit_code == 130
    assert states(engine) == UP
    assert copies(engine) == []


def test_a_reader_who_leaves_must_leave_nothing_paused(shop: Snapshots, engine: MemoryEngine) -> None:
    events = shop.snapshot("seeded")
    for event in events:
        if isinstance(event, Done) and isinstance(event.step.action, PauseContainer):
            break
    events.close()
    assert states(engine) == UP
    assert copies(engine) == []


@pytest.mark.parametrize("name", ["", "a b", "a/b", "../x", "-a", "ä", "x" * 61])
def test_a_name_that_no_volume_can_have_is_refused(shop: Snapshots, engine: MemoryEngine, name: str) -> None:
    with pytest.raises(UsageError, match="a snapshot cannot be called"):
        shop.snapshot(name)
    assert engine.performed == []


def test_a_name_that_is_taken_is_refused_and_replaced_only_at_the_end(
    shop: Snapshots, engine: MemoryEngine
) -> None:
    first = take(shop)
    with pytest.raises(UsageError, match="there is a snapshot seeded already"):
        succeed(shop.snapshot("seeded"))
    engine.behaviours["copy"] = Behaviour(exit_code=1)
    assert outcome(shop.snapshot("seeded", replace=True)).exit_code == 5
    assert [each.id for each in shop.snapshots()] == [first.id]
    engine.behaviours["copy"] = Behaviour(exit_code=0)
    second = take(shop, replace=True)
    assert [each.id for each in shop.snapshots()] == [second.id] != [first.id]
    removed = [a.name for a in engine.performed if isinstance(a, RemoveVolume) and a.name in first.volumes]
    assert removed[0] == first.record


def half_made(engine: MemoryEngine, name: str = "seeded") -> None:
    """What a run leaves that was killed while it copied."""
    own = {
        labels.SNAPSHOT: name,
        labels.SNAPSHOT_OF: "shop",
        labels.SNAPSHOT_ID: "dead",
        labels.SNAPSHOT_PART: "data",
    }
    volume = DesiredVolume(key="data", name=f"shop-snapshot-{name}-dead-0", labels=own)
    engine.perform(CreateVolume(volume), lambda _: None)


def test_a_half_made_snapshot_is_told_never_restored_and_removed(
    shop: Snapshots, engine: MemoryEngine
) -> None:
    half_made(engine)
    (found,) = shop.snapshots()
    assert not found.complete
    with pytest.raises(UsageError, match="snapshot seeded is not complete"):
        succeed(shop.restore("seeded"))
    take(shop)
    assert [each.complete for each in shop.snapshots()] == [True]
    half_made(engine, "other")
    succeed(shop.forget(["other", "seeded"]))
    assert copies(engine) == []


def test_a_snapshot_of_which_a_volume_is_gone_is_not_complete(shop: Snapshots, engine: MemoryEngine) -> None:
    made = take(shop)
    engine.perform(RemoveVolume(made.saved[0].volume), lambda _: None)
    with pytest.raises(UsageError, match="not complete"):
        succeed(shop.restore("seeded"))


def test_a_restore_stops_who_uses_the_data_and_who_restarts_with_them_and_starts_them_again(
    shop: Snapshots, engine: MemoryEngine
) -> None:
    take(shop, "seeded", "db")
    engine.performed.clear()
    succeed(shop.restore("seeded"))
    done = told(engine.performed, StopContainer, StartContainer)
    copier = next(line for line in done if "copy" in line)
    assert done == [
        "StopContainer shop-api-1",
        "StopContainer shop-db-1",
        copier,
        "StartContainer shop-db-1",
        "StartContainer shop-api-1",
    ]
    assert states(engine) == UP


@pytest.mark.parametrize("how", ["fails", "interrupted", "left"])
def test_a_restore_that_comes_to_no_end_must_start_the_services_again(
    shop: Snapshots, engine: MemoryEngine, how: str
) -> None:
    take(shop)
    cancel = Cancel()
    if how == "fails":
        engine.behaviours["copy"] = Behaviour(exit_code=1)
        assert outcome(shop.restore("seeded")).exit_code == 5
    elif how == "interrupted":

        def interrupt(action: Action) -> None:
            if isinstance(action, CreateContainer):
                cancel.set()

        engine.before = interrupt
        assert outcome(shop.restore("seeded", cancel=cancel)).exit_code == 130
    else:
        events = shop.restore("seeded")
        for event in events:
            if isinstance(event, Done) and isinstance(event.step.action, CreateContainer):
                break
        events.close()
    assert states(engine) == UP


def test_what_does_not_run_is_not_started_by_a_restore(shop: Snapshots, engine: MemoryEngine) -> None:
    take(shop)
    succeed(shop.stop(["worker"]))
    succeed(shop.restore("seeded", ["worker"]))
    assert states(engine) == {**UP, "shop-worker-1": "exited"}


def test_after_down_volumes_a_restore_makes_the_volumes_again(shop: Snapshots, engine: MemoryEngine) -> None:
    take(shop)
    succeed(stackctl.down("shop", engine, stack=shop.stack, options=stackctl.DownOptions(volumes=True)))
    assert len(copies(engine)) == 3
    with pytest.raises(EngineError, match="no image that is here can copy data"):
        succeed(Snapshots(shop.stack, engine).restore("seeded"))
    assert states(engine) == {}
    succeed(shop.restore("seeded"))  # it knows from before which image can
    assert {v.name for v in engine.observe().volumes if v.project} == {"shop_data", "shop_files"}
    assert states(engine) == {}


def test_nothing_happens_without_consent(shop: Snapshots, engine: MemoryEngine) -> None:
    take(shop)
    engine.performed.clear()
    asked: list[tuple[str, list[str]]] = []

    def refuse(snapshot: Snapshot, lost: object) -> bool:
        asked.append((snapshot.name, [part.volume for part in lost]))  # type: ignore[attr-defined]
        return False

    assert outcome(shop.restore("seeded", confirm=refuse)) == Outcome()
    assert asked == [("seeded", ["shop_data", "shop_files"])]
    assert engine.performed == []


def test_all_reasons_against_a_restore_are_told_at_once(tmp_path: Path, engine: MemoryEngine) -> None:
    text = FILE.replace("[volumes.data]", "[volumes.data]\nprotect = true").replace(
        "[volumes.files]", '[volumes.files]\nexternal = true\nname = "files"'
    )
    engine.perform(CreateVolume(DesiredVolume(key="", name="files")), lambda _: None)
    shop = brought_up(tmp_path, engine, text)
    take(shop)
    with pytest.raises(PreflightError) as caught:
        succeed(shop.restore("seeded"))
    assert [(each.place and each.place.line, each.message) for each in caught.value.problems] == [
        (14, "volume shop_data is protected: its data stay"),
        (16, "volume files is external: its data stay"),
    ]
    assert states(engine) == UP
    succeed(shop.restore("seeded", protected=True))


def test_a_volume_that_somebody_else_uses_is_not_replaced(
    shop: Snapshots, engine: MemoryEngine, tmp_path: Path
) -> None:
    take(shop)
    (tmp_path / "other").mkdir()
    other = (
        'name = "blog"\n[services.web]\nimage = "app:1"\nvolumes = ["files:/f"]\n'
        '[volumes.files]\nexternal = true\nname = "shop_files"\n'
    )
    brought_up(tmp_path / "other", engine, other)
    with pytest.raises(PreflightError, match=r"volume shop_files is in use by blog-web-1"):
        succeed(shop.restore("seeded"))


def test_a_snapshot_of_another_project_is_found_by_its_name(
    shop: Snapshots, engine: MemoryEngine, tmp_path: Path
) -> None:
    take(shop)
    (tmp_path / "other").mkdir()
    other = brought_up(tmp_path / "other", engine, FILE.replace('"shop"', '"shop-fix"'))
    succeed(other.restore("seeded"))
    succeed(other.restore("shop/seeded"))
    take(other)
    (tmp_path / "third").mkdir()
    third = brought_up(tmp_path / "third", engine, FILE.replace('"shop"', '"third"'))
    with pytest.raises(UsageError, match=r"say which: shop/seeded, shop-fix/seeded"):
        succeed(third.restore("seeded"))
    with pytest.raises(UsageError, match="no such snapshot: sedeed"):
        succeed(shop.restore("sedeed"))


@pytest.mark.parametrize("after", ["snapshot", "up"])
def test_what_a_killed_run_has_left_is_removed_and_what_it_had_paused_goes_on(
    shop: Snapshots, engine: MemoryEngine, after: str
) -> None:
    take(shop)
    made = next(a for a in engine.performed if isinstance(a, CreateContainer) and a.spec.labels[labels.COPY])
    engine.perform(CreateContainer(made.spec, "shop-copy-dead-0"), lambda _: None)
    for paused in made.spec.labels[labels.COPY].split(","):
        engine.perform(PauseContainer(paused, paused), lambda _: None)
    assert states(engine) != UP
    succeed(shop.snapshot("again") if after == "snapshot" else stackctl.up(shop.stack, engine))
    assert states(engine) == UP


@pytest.mark.parametrize("after", ["snapshot", "up"])
def test_wherever_a_copy_is_killed_and_its_repair_too_the_next_run_leaves_nothing_paused(
    shop: Snapshots, engine: MemoryEngine, after: str
) -> None:
    def until(number: int, run: Iterable[Event]) -> None:
        left = [number]

        def before(_: Action) -> None:
            left[0] -= 1
            if left[0] < 0:
                raise EngineError("the process has ended: nothing reaches the engine any more")

        engine.before = before
        with suppress(EngineError):
            outcome(run)
        engine.before = lambda _: None

    for first in range(15):
        for second in range(3):
            until(first, shop.snapshot("again", replace=True, pause=True))
            until(second, stackctl.up(shop.stack, engine))
            succeed(
                shop.snapshot("again", replace=True)
                if after == "snapshot"
                else stackctl.up(shop.stack, engine)
            )
            assert states(engine) == UP, (first, second)


def test_what_a_killed_copy_had_paused_goes_on_before_it_is_removed_with_its_service(
    shop: Snapshots, engine: MemoryEngine
) -> None:
    take(shop)
    made = next(a for a in engine.performed if isinstance(a, CreateContainer) and a.spec.labels[labels.COPY])
    engine.perform(CreateContainer(made.spec, "shop-copy-dead-0"), lambda _: None)
    for paused in made.spec.labels[labels.COPY].split(","):
        engine.perform(PauseContainer(paused, paused), lambda _: None)
    engine.performed.clear()
    less = stackctl.load(
        shop.stack.files[0], environ={}, strict=False, overrides={"services": {"worker": {"scale": 0}}}
    )
    succeed(stackctl.up(less, engine))
    assert states(engine) == {name: state for name, state in UP.items() if name != "shop-worker-1"}
    of_worker = [each for each in told(engine.performed) if each.endswith("shop-worker-1")]
    assert of_worker == [
        f"{what} shop-worker-1" for what in ("UnpauseContainer", "StopContainer", "RemoveContainer")
    ]


def test_a_killed_run_whose_container_still_copies_must_not_fail_the_next(
    shop: Snapshots, engine: MemoryEngine
) -> None:
    take(shop)
    made = next(a for a in engine.performed if isinstance(a, CreateContainer))
    for verb in (partial(shop.snapshot, "again"), partial(shop.restore, "seeded")):
        engine.behaviours["copy"] = Behaviour()  # it goes on
        engine.perform(CreateContainer(made.spec, "shop-copy-dead-0"), lambda _: None)
        engine.perform(StartContainer("shop-copy-dead-0", "shop-copy-dead-0"), lambda _: None)
        engine.behaviours["copy"] = Behaviour(exit_code=0)
        succeed(verb())
        assert states(engine) == UP


def test_what_copies_for_several_services_is_told_by_its_own_name(
    shop: Snapshots, engine: MemoryEngine
) -> None:
    take(shop)
    succeed(shop.restore("seeded"))
    made = next(a for a in engine.performed if isinstance(a, CreateContainer) and a.name.count("-") == 2)
    engine.perform(CreateContainer(made.spec, "shop-copy-dead"), lambda _: None)
    steps = [step for step in stackctl.plan(shop.stack, engine).steps if "copy" in subject(step.action)]
    assert [(subject(step.action), step.of) for step in steps] == [("shop-copy-dead", None)]


def test_services_without_data_are_told(shop: Snapshots, tmp_path: Path, engine: MemoryEngine) -> None:
    (tmp_path / "other").mkdir()
    other = brought_up(tmp_path / "other", engine, 'name = "o"\n[services.web]\nimage = "app:1"\n')
    with pytest.raises(UsageError, match="there are no data to copy: o has no volume"):
        succeed(other.snapshot("seeded"))
    with pytest.raises(UsageError, match="no such service: wbe"):
        succeed(other.snapshot("seeded", ["wbe"]))


def test_a_snapshot_is_written_to_a_file_and_no_copy_stays(
    shop: Snapshots, engine: MemoryEngine, tmp_path: Path
) -> None:
    files, path = SnapshotFiles(shop.stack, engine), tmp_path / "seeded.tar"
    succeed(files.write(path, "seeded"))
    assert path.stat().st_mode & 0o777 == 0o600
    assert (copies(engine), states(engine)) == ([], UP)
    with pytest.raises(UsageError, match="there is a file"):
        succeed(files.write(path, "seeded"))
    engine.performed.clear()
    succeed(files.restore_file(path))
    assert told(engine.performed, StopContainer)[:1] == ["StopContainer shop-api-1"]
    assert (copies(engine), states(engine)) == ([], UP)
    assert [each.name for each in tmp_path.iterdir() if "partial" in each.name] == []


def test_a_file_that_cannot_be_written_is_told_before_anything_is_copied(
    shop: Snapshots, engine: MemoryEngine, tmp_path: Path
) -> None:
    files = SnapshotFiles(shop.stack, engine)
    with pytest.raises(UsageError, match=r"s\.tar cannot be written: No such file or directory"):
        succeed(files.write(tmp_path / "nowhere" / "s.tar", "seeded"))
    assert engine.performed == []


@pytest.mark.parametrize("when", [CreateVolume, StartContainer])
def test_a_copy_that_is_interrupted_leaves_no_file_and_no_data(
    shop: Snapshots, engine: MemoryEngine, tmp_path: Path, when: type
) -> None:
    cancel, path = Cancel(), tmp_path / "s.tar"

    def interrupt(action: Action) -> None:
        if isinstance(action, when):
            cancel.set()

    engine.before = interrupt
    outcome(SnapshotFiles(shop.stack, engine).write(path, "seeded", cancel=cancel))
    assert (copies(engine), states(engine)) == ([], UP)
    assert not [each for each in tmp_path.iterdir() if each.name.endswith(("tar", "partial"))]


def test_a_damaged_file_changes_nothing(shop: Snapshots, engine: MemoryEngine, tmp_path: Path) -> None:
    files, path = SnapshotFiles(shop.stack, engine), tmp_path / "s.tar"
    succeed(files.write(path, "seeded"))
    path.write_bytes(path.read_bytes()[:-1])
    engine.performed.clear()
    with pytest.raises(UsageError, match="is damaged"):
        succeed(files.restore_file(path))
    assert engine.performed == []


def test_an_interrupted_restore_of_a_file_changes_nothing(
    shop: Snapshots, engine: MemoryEngine, tmp_path: Path
) -> None:
    files, path, cancel = SnapshotFiles(shop.stack, engine), tmp_path / "s.tar", Cancel()
    succeed(files.write(path, "seeded"))
    cancel.set()
    engine.performed.clear()
    outcome(files.restore_file(path, cancel=cancel))
    assert (copies(engine), states(engine)) == ([], UP)
    assert told(engine.performed, StopContainer, StartContainer) == []


def test_a_copy_that_fails_is_told_with_the_name_of_its_container(
    shop: Snapshots, engine: MemoryEngine
) -> None:
    engine.behaviours["copy"] = Behaviour(exit_code=1, log=("cp: no space left on device",))
    events = [*shop.snapshot("seeded", ["db"])]
    plans = [event.plan for event in events if isinstance(event, Planned)]
    text = failure_text(outcome(events), plans)
    assert re.search(r"── last 1 line of shop-copy-\w+-0 ─+\n  cp: no space left on device\n", text), text


def test_an_image_of_another_service_copies_for_one_that_has_no_programs(
    shop: Snapshots, engine: MemoryEngine
) -> None:
    containers = {c.service: c for c in engine.observe().containers}
    engine.unpack(containers["db"].id, "/bin", [directory("cp")])
    take(shop, pause=True)
    made = [
        a.spec for a in engine.performed if isinstance(a, CreateContainer) and labels.COPY in a.spec.labels
    ]
    assert {spec.image for spec in made} == {containers["api"].image_id}


def directory(name: str) -> bytes:
    """An archive with a directory of that name, which no program can be."""
    packed, info = io.BytesIO(), tarfile.TarInfo(name)
    info.type = tarfile.DIRTYPE
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.addfile(info)
    return packed.getvalue()


def test_data_of_a_stack_that_is_down_are_copied_and_nothing_is_started(
    shop: Snapshots, engine: MemoryEngine
) -> None:
    shop.tool(engine.observe().containers, engine.observe())
    succeed(stackctl.down("shop", engine, stack=shop.stack))
    made = take(shop)
    assert [each.key for each in made.saved] == ["data", "files"]
    assert states(engine) == {}

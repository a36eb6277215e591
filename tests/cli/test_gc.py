"""`stackctl gc`, `ls --stale` and `up --for`: what is left over, and that nothing else is taken."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

import pytest
from commandline import Run
from msgspec import structs

from stackctl import api
from stackctl.engine.lock import lock
from stackctl.engine.memory import MemoryEngine
from stackctl.engine.processes import this_process
from stackctl.planner.runs.isolation import isolate
from stackctl.planner.steps.actions import CreateVolume
from stackctl.planner.view.slots import UpOptions
from stackctl.planner.world import labels
from stackctl.planner.world.desired import DesiredVolume
from stackctl.testing.runs.run import Run as Runs

pytest_plugins = ["commandline_fixtures"]

STACK = """
[services.db]
image = "app:1"
volumes = ["data:/data", "precious:/precious"]
[volumes.data]
[volumes.precious]
protect = true
"""


def up(memory: MemoryEngine, directory: Path, **options: object) -> None:
    directory.mkdir(exist_ok=True)
    (directory / "stack.toml").write_text(STACK)
    stack = api.load(directory / "stack.toml", environ={})
    assert all(api.up(stack, memory, options=UpOptions(**options)))  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def stacks(memory: MemoryEngine, tmp_path: Path) -> None:
    """The directory of `gone` was removed, that of `alive` was not."""
    memory.removes_running = True
    for name in ("gone", "alive"):
        up(memory, tmp_path / name)
    shutil.rmtree(tmp_path / "gone")


ALIVE = {"alive-db-1", "alive_default", "alive_data", "alive_precious"}


def test_what_is_left_over_is_listed_with_the_reason(there: Run, tmp_path: Path) -> None:
    ran = there("ls", "--stale")
    header, row = ran.out.splitlines()
    assert header.split() == ["NAME", "STATE", "CREATED", "STALE", "MADE", "BY", "DIRECTORY"]
    assert row.split()[0] == "gone"
    assert f"{tmp_path}/gone is gone" in row
    assert there("ls", "--stale", "-q").out == "gone\n"
    assert (
        json.loads(there("ls", "--stale", "--json").out)["projects"][0]["stale"] == f"{tmp_path}/gone is gone"
    )


def test_a_dry_run_says_what_would_go_and_removes_nothing(there: Run, memory: MemoryEngine) -> None:
    writes = memory.writes
    ran = there("gc", "--dry-run")
    assert "removes 1 container, 1 network\n  data kept: gone_data, gone_precious" in ran.err
    told = json.loads(there("gc", "--dry-run", "--volumes", "--json").out)["projects"]
    assert [(each["name"], each["containers"], each["networks"], each["volumes"]) for each in told] == [
        ("gone", ["gone-db-1"], ["gone_default"], ["gone_data"])
    ]
    assert (memory.writes, ran.code) == (writes, 0)


def test_nobody_who_can_be_asked_means_no(there: Run, memory: MemoryEngine) -> None:
    writes = memory.writes
    ran = there("gc")
    assert (ran.code, memory.writes) == (2, writes)
    assert "--yes agrees" in ran.err


def test_data_stays_unless_it_is_asked_for(there: Run, memory: MemoryEngine) -> None:
    assert there("gc", "--yes").code == 0
    assert _names(memory) == ALIVE | {"gone_data", "gone_precious"}
    assert "nothing is left over" in there("gc", "--yes", "--volumes").err, "nothing tells whose the data is"
    assert "gone" in there("ls", "-a").out


def test_protected_data_always_stays(there: Run, memory: MemoryEngine) -> None:
    assert there("gc", "--yes", "--volumes").code == 0
    assert _names(memory) == ALIVE | {"gone_precious"}


def test_a_project_on_which_another_run_works_is_left_alone_and_the_others_go(
    there: Run, memory: MemoryEngine, tmp_path: Path
) -> None:
    up(memory, tmp_path / "other")
    shutil.rmtree(tmp_path / "other")
    with lock(memory.id, "gone", timeout=5.0, command="stackctl up"):
        ran = there("gc", "--yes", "--lock-timeout", "0")
    assert (ran.code, "note: gone is left alone: " in ran.err) == (0, True)
    assert {"gone-db-1", "other-db-1"} & _names(memory) == {"gone-db-1"}


def test_the_data_of_one_checkout_alone_is_left_over_with_it(
    there: Run, memory: MemoryEngine, tmp_path: Path
) -> None:
    source = tmp_path / "tree" / "stack.toml"
    source.parent.mkdir()
    own = {labels.PROJECT: "tree", labels.INSTANCE: "j", labels.SOURCE: str(source)}
    memory.perform(CreateVolume(DesiredVolume(key="d", name="tree_d", labels=own)), lambda _: None)
    assert there("-p", "tree", "ls", "--stale", "-q").out == ""
    source.parent.rmdir()
    assert there("-p", "tree", "gc", "--yes").code == 0
    assert "tree_d" in _names(memory)
    assert there("-p", "tree", "gc", "--yes", "--volumes").code == 0
    assert "tree_d" not in _names(memory)


def test_what_a_dead_test_run_has_left_goes_unless_the_run_keeps_it(
    there: Run, memory: MemoryEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    me = this_process()
    dead = Runs("r1", structs.replace(me, start="0"))  # another process had this number before
    for name, run in (("dead", dead), ("kept", dead), ("living", Runs("r2", me))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "stack.toml").write_text(STACK)
        stack = api.load(tmp_path / name / "stack.toml", environ={})
        assert all(api.up(isolate(stack, name, marks=run.marks), memory))
    dead.keep("kept")
    assert there("ls", "--stale", "-q").out == "dead\ngone\n"
    assert there("-p", "dead", "gc", "--yes", "--volumes").code == 0
    assert {name for name in _names(memory) if name.startswith(("dead", "kept_d", "living_d"))} == {
        *("dead_precious", "kept_data", "kept_default", "living_data", "living_default")
    }


def test_only_the_project_that_is_named(there: Run, memory: MemoryEngine) -> None:
    before = _names(memory)
    assert "nothing is left over" in there("-p", "alive", "gc", "--yes").err
    assert _names(memory) == before
    assert there("-p", "gone", "gc", "--yes").code == 0
    assert _names(memory) != before


def test_time_that_is_over_and_the_protection_that_only_the_file_knows(
    there: Run, memory: MemoryEngine, tmp_path: Path
) -> None:
    up(memory, tmp_path / "alive", life=1)  # on the clock of this engine, that was long ago
    file = tmp_path / "alive" / "stack.toml"
    file.write_text(STACK.replace("[volumes.data]", "[volumes.data]\nprotect = true"))
    assert there("ls", "--stale", "-q").out == "alive\ngone\n"
    assert there("-p", "alive", "gc", "--yes", "--volumes").code == 0
    assert not {name for name in _names(memory) if name.startswith("alive")} - {
        "alive_data",
        "alive_precious",
    }


def test_without_a_file_that_can_be_read_all_data_stays(
    there: Run, memory: MemoryEngine, tmp_path: Path
) -> None:
    up(memory, tmp_path / "alive", life=1)
    (tmp_path / "alive" / "stack.toml").write_text("broken [")
    assert there("-p", "alive", "gc", "--yes", "--volumes").code == 0
    assert {name for name in _names(memory) if name.startswith("alive")} == {"alive_data", "alive_precious"}


def test_the_time_is_kept_by_a_further_up_renewed_without_a_new_container_and_taken_away(
    there: Run, memory: MemoryEngine, tmp_path: Path
) -> None:
    alive = tmp_path / "alive"
    containers = {container.id for container in memory.observe().containers}
    up(memory, alive, life=3600)
    (first,) = _leases(memory)
    up(memory, alive)
    assert _leases(memory) == [first], "a further up keeps it"
    up(memory, alive, recreate="always")
    assert _leases(memory) == [first], "also with new containers"
    containers = {container.id for container in memory.observe().containers}
    up(memory, alive, life=7200)
    (second,) = _leases(memory)
    assert second - first > 3600
    up(memory, alive, life=0)
    assert _leases(memory) == []
    assert {container.id for container in memory.observe().containers} == containers


def test_down_takes_the_lease_away(there: Run, memory: MemoryEngine, tmp_path: Path) -> None:
    up(memory, tmp_path / "alive", life=3600)
    assert there("-p", "alive", "-f", "alive/stack.toml", "down").code == 0
    assert _leases(memory) == []


def test_a_length_of_time_needs_a_unit(there: Run, tmp_path: Path) -> None:
    ran = there("-f", "alive/stack.toml", "up", "--for", "2")
    assert (ran.code, "--for: expected a duration" in ran.err) == (2, True)


def test_bytes_of_data_ports_and_projects_of_which_only_data_is_left(
    there: Run, memory: MemoryEngine
) -> None:
    own = {labels.PROJECT: "old", labels.INSTANCE: "j"}
    memory.perform(CreateVolume(DesiredVolume(key="d", name="old_d", labels=own)), lambda _: None)
    listed = {row["name"]: row for row in json.loads(there("ls", "-a", "--size", "--json").out)["projects"]}
    assert (listed["old"]["states"], listed["old"]["data"], listed["alive"]["data"]) == ({}, 0, 0)
    assert [row["Name"] for row in json.loads(there("ls", "-a", "--format", "json").out)] == ["alive", "gone"]


def _names(memory: MemoryEngine) -> set[str]:
    observed = memory.observe()
    things = (*observed.containers, *observed.networks, *observed.volumes)
    return {thing.name for thing in things if thing.project}


def _leases(memory: MemoryEngine) -> list[float]:
    """When the leases end."""
    return [volume.until for volume in memory.observe().volumes if volume.lease]

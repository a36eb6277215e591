"""The end of runs: what several processes of one share, and what is removed once a run is certainly over."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from stackctl import api
from stackctl.engine.memory import Behaviour, MemoryEngine
from stackctl.engine.processes import _start_of, this_process
from stackctl.errors import EngineError, StackError
from stackctl.planner.steps.actions import BuildImage, CreateContainer
from stackctl.planner.steps.outcome import succeed
from stackctl.testing import Recipe, Running
from stackctl.testing.plugin.session import Stacks
from stackctl.testing.plugin.settings import PluginSettings
from stackctl.testing.plugin.starting import StartError
from stackctl.testing.runs import running
from stackctl.testing.runs.reaping import reap, sweep
from stackctl.testing.runs.run import Run
from stackctl.testing.runs.running import RunRequest

pytest_plugins = ["memory_fixtures"]

STACK = """
name = "shop"
[services.web]
image = "busybox"
command = "sleep infinity"
volumes = ["data:/data", "/cache"]
[volumes.data]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "stack.toml"
    file.write_text(STACK)
    return file


def dead_run() -> Run:
    """A run whose owner was a process that began at another time than the one that has its number now."""
    return Run(Run.begin().id, replace(this_process(), start="long ago"))


def up(run: Run, file: Path, engine: MemoryEngine, project: str) -> Running:
    run.join()
    recipe = Recipe(files=(file,))
    return running.start(RunRequest(recipe, recipe.load(), run, project, run.marks), engine)


def left(run: Run, file: Path, engine: MemoryEngine, project: str, **marks: str) -> None:
    """What a run that is dead has started when it was alive."""
    run.join()
    recipe = Recipe(files=(file,))
    request = RunRequest(recipe, recipe.load(), run, project, {**run.marks, **marks})
    succeed(api.up(request.isolated({}), engine))


def projects(engine: MemoryEngine) -> set[str]:
    seen = engine.observe()
    return {t.project for t in (*seen.containers, *seen.networks, *seen.volumes) if t.project}


# What dead runs left


def test_only_what_dead_runs_left_is_removed(engine: MemoryEngine, file: Path) -> None:
    dead, alive, unreadable = dead_run(), Run.begin(), dead_run()
    left(dead, file, engine, "dead")
    up(alive, file, engine, "alive")
    left(unreadable, file, engine, "unreadable", **{"stackctl.owner": "broken"})
    unreadable.forget()
    sweep(engine)
    assert projects(engine) == {"alive", "unreadable"}
    assert not dead.started
    assert alive.started


def test_what_a_dead_run_kept_stays(engine: MemoryEngine, file: Path) -> None:
    dead = dead_run()
    left(dead, file, engine, "kept")
    left(dead, file, engine, "gone")
    dead.keep("kept")
    for _ in range(2):
        sweep(engine)
        assert projects(engine) == {"kept"}


def test_a_dead_run_is_forgotten_with_what_it_kept(engine: MemoryEngine, file: Path) -> None:
    dead, elsewhere = dead_run(), dead_run()
    for run, project in ((dead, "one"), (dead, "two"), (elsewhere, "three")):
        left(run, file, engine, project)
        run.keep(project)
    elsewhere.directory.joinpath("reapers").write_text("tcp://elsewhere:2376\n")
    for project, started in (("one", True), ("two", False), ("three", False)):
        running.remove(engine, project)
        sweep(engine)
        assert dead.started is started
    assert elsewhere.started, "what it kept may be on the other engine"


def test_the_reaper_removes_what_its_run_left_and_nothing_else(engine: MemoryEngine, file: Path) -> None:
    mine, other = Run.begin(), Run.begin()
    up(mine, file, engine, "mine")
    up(mine, file, engine, "kept")
    up(other, file, engine, "other")
    mine.keep("kept")
    reap(mine, engine)
    assert projects(engine) == {"kept", "other"}


def test_the_reaper_goes_on_after_what_cannot_be_removed(
    engine: MemoryEngine, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Run.begin()
    up(run, file, engine, "mine")
    (container,) = engine.observe().containers
    engine.before = refusing_once(container.id)
    reap(run, engine)
    assert "busy" in capsys.readouterr().err
    assert projects(engine) == set()


def refusing_once(container: str) -> Any:
    refused: list[object] = []

    def before(action: object) -> None:
        if getattr(action, "container", "") == container and not refused:
            refused.append(action)
            raise EngineError("busy")

    return before


def test_once_the_owner_is_dead_nothing_is_started(engine: MemoryEngine, file: Path) -> None:
    with pytest.raises(StackError, match="the test run has ended"):
        up(dead_run(), file, engine, "late")
    assert projects(engine) == set()


def test_a_start_whose_owner_dies_ends_and_the_reaper_waits_for_it(engine: MemoryEngine, file: Path) -> None:
    """What is made while the reaper removes could stay."""
    owner = subprocess.Popen(["sleep", "60"])
    run = Run(Run.begin().id, replace(this_process(), pid=owner.pid, start=_start_of(owner.pid) or ""))
    reaper = threading.Thread(target=reap, args=(run, engine, 2.0))

    def die(action: object) -> None:
        if isinstance(action, CreateContainer):
            owner.kill()
            owner.wait()
            reaper.start()
            engine.before = lambda _: None
            time.sleep(0.1)  # the reaper would have looked

    engine.before = die
    with pytest.raises(StackError):
        up(run, file, engine, "mine")
    assert [c.state for c in engine.observe().containers if c.project == "mine"] != ["running"]
    reaper.join(timeout=10)
    assert projects(engine) == set()


# Several processes of a run


def settings(file: Path, **given: Any) -> PluginSettings:
    return dataclasses.replace(PluginSettings(file=(str(file),)), **given)


def workers(engine: MemoryEngine, run: Run, number: int = 3) -> list[Stacks]:
    made = [Stacks(run, Path(), f"gw{n}") for n in range(number)]
    for stacks in made:
        stacks.__dict__["engine"] = engine
    return made


def test_all_workers_share_a_stack_that_one_of_them_starts(engine: MemoryEngine, file: Path) -> None:
    ready: list[str] = []
    run = Run.begin()
    made = workers(engine, run)
    with ThreadPoolExecutor(3) as threads:
        apps = list(
            threads.map(
                lambda w: w.share(settings(file), {}, lambda app: ready.append(app.project)).app, made
            )
        )
    assert len({app.project for app in apps}) == len(ready) == 1
    assert len(engine.observe().containers) == 1
    assert len({app["web"].container.id for app in apps}) == 1
    made[1].finish(failed=False)
    assert projects(engine) == set()


def test_a_start_that_fails_is_tried_once_and_told_to_every_worker(engine: MemoryEngine, file: Path) -> None:
    engine.behaviours["web"] = Behaviour(start_error="no disk")
    told = []
    for stacks in workers(engine, Run.begin()):
        with pytest.raises(StackError, match="no disk") as caught:
            stacks.share(settings(file), {}, lambda _: None)
        told.append(type(caught.value))
    assert told[1:] == [StartError, StartError]
    assert len(engine.observe().containers) == 1


def test_each_worker_may_have_a_stack_of_its_own(engine: MemoryEngine, file: Path) -> None:
    made = workers(engine, Run.begin())
    apps = [w.share(settings(file, xdist="per-worker"), {}, lambda _: None).app for w in made]
    assert [app.project.rpartition("-")[2] for app in apps] == ["gw0", "gw1", "gw2"]
    made[0].finish(failed=False)
    assert projects(engine) == set()


def test_a_reused_stack_that_a_live_run_uses_is_not_touched(engine: MemoryEngine, file: Path) -> None:
    first, second = (workers(engine, Run.begin(), 1)[0] for _ in range(2))
    lease = Path(first.run.directory.parent)
    reuse = settings(file, reuse=True)
    app = first.share(reuse, {}, lambda _: None).app
    (held,) = lease.glob("*.json")
    held.write_text(replace(this_process(), pid=os.getppid(), start=_start_of(os.getppid())).pack())
    other = second.share(reuse, {}, lambda _: None).app
    assert other.project != app.project
    second.finish(failed=False)
    assert projects(engine) == {app.project}


# Images


def test_what_a_build_replaces_goes_and_the_image_of_the_stack_stays(
    engine: MemoryEngine, file: Path
) -> None:
    file.write_text('name = "shop"\n[services.api]\nbuild = "."\ncommand = "sleep infinity"\n')
    for _ in api.up(api.load(file), engine):
        continue
    own = engine.observe().images["shop-api:latest"]
    run, before = Run.begin(), set[str]()
    for _ in range(3):
        app = up(run, file, engine, "shop-test")
        ref = app["api"].spec.image or ""
        engine.revise(ref)
        before |= {engine.observe().images[ref]}
        running.remove(engine, app.project)
    images = engine.observe().images
    assert images["shop-api:latest"] == own
    assert len(before) == 3
    assert before & images.keys() == {images[ref]}
    assert sum(isinstance(action, BuildImage) for action in engine.performed) == 4

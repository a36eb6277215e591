"""The private engines of the other tests: real ones that die and come back, and that go whatever happens to their owner."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from private_engine import alone, sweep, why_not
from scenario import ROOT, SLEEP, eventually

pytestmark = [pytest.mark.docker, pytest.mark.skipif(bool(why_not()), reason=why_not())]


@pytest.mark.slow
def test_its_containers_must_live_on_only_with_live_restore(tmp_path: Path) -> None:
    with alone(images=["busybox"]) as machine, machine.project(tmp_path / "project") as project:
        project.write(f"[services.web]\n{SLEEP}")
        project.run("up")
        before = project.ids()
        machine.restart()
        assert project.states() == {"web": "exited"}
        machine.settings["live-restore"] = True
        machine.restart()
        project.run("up")
        machine.restart()
        assert project.states() == {"web": "running"}
        assert project.ids() == before


def test_an_engine_whose_owner_is_killed_must_go_with_its_disk() -> None:
    program = (
        "import os; from private_engine import alone; made = alone(disk=64); machine = made.__enter__();"
        "print(machine.directory, machine.pid, flush=True); os.kill(os.getpid(), 9)"
    )
    paths = (ROOT, *(ROOT / "tests" / name for name in ("docker", "engine", "faults")))
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": ":".join(map(str, paths))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -9, done.stderr
    directory, pid = done.stdout.split()
    eventually(lambda: not Path(f"/proc/{pid}").exists(), 60)
    eventually(lambda: directory not in _backing_files(), 60)
    sweep()
    assert not Path(directory).exists()


def _backing_files() -> str:
    """The files behind all loop devices."""
    return "".join(path.read_text() for path in Path("/sys/block").glob("loop*/loop/backing_file"))

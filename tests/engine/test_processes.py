"""Processes that are told apart for good."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from msgspec import structs

from stackctl.engine import processes
from stackctl.engine.processes import is_dead, this_process, wait_for_end
from stackctl.planner.runs.owner import Owner, unpack

TELL = "from stackctl.engine.processes import this_process; print(this_process().pack(), flush=True); input()"


@pytest.fixture(params=["proc", "ps"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """As on Linux, and as where there is no /proc."""
    if request.param == "ps":
        monkeypatch.setattr(processes, "_PROC", Path("/nowhere"))
    return str(request.param)


def process(way: str) -> tuple[subprocess.Popen[str], Owner]:
    """A process that lives until it is killed, and who it says it is."""
    elsewhere = (
        "import stackctl.engine.processes as o, pathlib; o._PROC = pathlib.Path('/nowhere'); "
        if way == "ps"
        else ""
    )
    begun = subprocess.Popen(
        [sys.executable, "-c", elsewhere + TELL],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TZ": "Asia/Tokyo", "LC_ALL": "C.UTF-8"},
    )
    assert begun.stdout
    owner = unpack(begun.stdout.readline())
    assert owner
    return begun, owner


def end(begun: subprocess.Popen[str]) -> None:
    begun.kill()
    begun.communicate()


def test_who_lives_is_not_dead_and_who_was_killed_is(way: str) -> None:
    begun, owner = process(way)
    assert owner.pid == begun.pid
    assert not is_dead(owner)
    end(begun)
    assert is_dead(owner)


def test_who_has_ended_and_is_not_waited_for_is_dead() -> None:
    begun, owner = process("proc")
    begun.kill()
    deadline = time.monotonic() + 5
    while not is_dead(owner) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert is_dead(owner)
    end(begun)


def test_another_process_of_the_same_number_is_not_the_same(way: str) -> None:
    me = this_process()
    assert not is_dead(me)
    assert is_dead(structs.replace(me, start="another"))


def test_what_cannot_be_told_counts_as_alive() -> None:
    gone = structs.replace(this_process(), start="another")
    assert not is_dead(structs.replace(gone, uid=gone.uid + 1))
    assert not is_dead(structs.replace(gone, space="another container"))
    assert not is_dead(structs.replace(gone, boot="another machine's"))
    assert is_dead(structs.replace(gone, boot="before the restart"), restarted=True)


@pytest.mark.parametrize("told_by", ["kernel", "looking"])
def test_the_end_is_noticed(told_by: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if told_by == "looking":
        monkeypatch.delattr(os, "pidfd_open", raising=False)
    begun, owner = process("proc")
    waiting = threading.Thread(target=wait_for_end, args=(owner,), daemon=True)
    waiting.start()
    waiting.join(0.2)
    assert waiting.is_alive()
    end(begun)
    waiting.join(5)
    assert not waiting.is_alive()


def test_the_end_of_who_is_dead_already_is_not_waited_for() -> None:
    begun, owner = process("proc")
    end(begun)
    wait_for_end(owner)

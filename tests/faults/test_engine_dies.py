"""The engine is killed and started again while a run writes: the run ends well, or with one clear error, and the next one converges."""

from __future__ import annotations

import itertools
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from private_engine import Machine, alone, why_not
from proxy import RecordingProxy, Request
from scenario import NOTHING, Project, recorded, sleepers

pytestmark = [pytest.mark.docker, pytest.mark.skipif(bool(why_not()), reason=why_not())]

SECONDS = 60.0
"""After so many seconds a run counts as one that hangs. It is then made to say where."""
FAILED = (1, 5)
"""Nothing was done, or a part of it (docs/guide/commands.md, exit codes)."""
MOMENTS = ("before", "after")
"""The engine dies before it has the request, or when it has all of it."""

NETWORK_OF_DOWN = 5
"""The write of `down` that removes the network. Engine 20.10.24 with live-restore that dies in the middle of it panics at its next start
("initNetworkController").
"""


def spec(value: object) -> str:
    return (
        sleepers(db=f'environment.A = "{value}"\nvolumes = ["data:/data"]', web='depends_on = ["db"]')
        + "[volumes.data]\n"
    )


def is_right(project: Project, value: object) -> None:
    """The whole state, and nothing besides."""
    name = project.name
    assert project.names() == {"db": f"{name}-db-1", "web": f"{name}-web-1"}
    assert project.states() == {"db": "running", "web": "running"}
    assert project.resources() == {
        "containers": [f"{name}-db-1", f"{name}-web-1"],
        "networks": [f"{name}_default"],
        "volumes": [f"{name}_data"],
    }
    assert f"A={value}" in project.inspect("db")["Config"]["Env"]
    project.inside("web", "ping", "-c", "1", "-W", "2", "db")
    assert project.json("plan")["steps"] == []


@pytest.fixture(scope="module", params=[False, True], ids=["", "live-restore"])
def machine(request: pytest.FixtureRequest) -> Iterator[Machine]:
    """An engine whose containers end with it, and one whose containers live on."""
    with alone({"live-restore": request.param}, images=["busybox"]) as machine:
        yield machine


@pytest.fixture
def project(machine: Machine, tmp_path: Path) -> Iterator[Project]:
    with machine.project(tmp_path / "project") as made:
        yield made


@pytest.fixture
def recorder(tmp_path: Path, machine: Machine, project: Project) -> Iterator[RecordingProxy]:
    with recorded(project, machine.socket, tmp_path / "engine.sock") as proxy:
        yield proxy


def dies_at(
    machine: Machine, project: Project, recorder: RecordingProxy, number: int, moment: str, *args: str
) -> bool:
    """Run. The engine dies at the run's write of that number and comes back at once. False if the run writes less often."""
    writes: list[Request] = []

    def die(request: Request) -> None:
        writes.extend([request] if request.writes else [])
        if request.writes and len(writes) == number:
            machine.kill()
            machine.begin()

    setattr(recorder, {"before": "asked", "after": "sent"}[moment], die)
    process = project.start(*args, env={"PYTHONFAULTHANDLER": "1"})
    timer = threading.Timer(SECONDS, process.send_signal, [signal.SIGABRT])
    timer.start()
    try:
        out, err = process.communicate()
    finally:
        timer.cancel()
        recorder.asked = recorder.sent = lambda _: None
    came = len(writes) >= number
    told = f"{' '.join(args)}, {moment} {writes[number - 1] if came else 'no write'}: exit {process.returncode}\n{err}"
    print(told)
    assert "Traceback" not in out + err, told
    assert process.returncode == 0 or (came and process.returncode in FAILED and "✘" in err), told
    machine.wait()
    recorder.settle()
    return came


def fresh(machine: Machine, project: Project, recorder: RecordingProxy, number: int, moment: str) -> bool:
    """The first `up`, with data that a service writes."""
    project.write(spec(number))
    came = dies_at(machine, project, recorder, number, moment, "up")
    project.run("up")
    is_right(project, number)
    project.clean()
    return came


def recreate(machine: Machine, project: Project, recorder: RecordingProxy, number: int, moment: str) -> bool:
    project.write(spec(0))
    project.run("up")
    project.inside("db", "touch", "/data/kept")
    web = project.ids()["web"]
    project.write(spec(number))
    came = dies_at(machine, project, recorder, number, moment, "up")
    project.run("up")
    is_right(project, number)
    assert project.ids()["web"] == web
    assert project.inside("db", "ls", "/data") == "kept\n"
    return came


def down(machine: Machine, project: Project, recorder: RecordingProxy, number: int, moment: str) -> bool:
    project.write(spec(0))
    project.run("up")
    project.inside("db", "touch", "/data/kept")
    came = dies_at(machine, project, recorder, number, moment, "down")
    project.run("down")
    assert project.resources() == NOTHING | {"volumes": [f"{project.name}_data"]}
    project.run("up")
    assert project.inside("db", "ls", "/data") == "kept\n"
    return came


VERBS = {"fresh": fresh, "recreate": recreate, "down": down}


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("verb", VERBS)
def test_a_death_at_any_write_must_be_made_good(
    machine: Machine, project: Project, recorder: RecordingProxy, verb: str, moment: str
) -> None:
    deadly = verb == "down" and moment == "after" and machine.settings["live-restore"]
    for number in itertools.count(1):
        if deadly and number == NETWORK_OF_DOWN:
            return
        if not VERBS[verb](machine, project, recorder, number, moment):
            assert number > 4
            print(f"{verb}, {moment}: {number - 1} of {number - 1} right")
            return


@pytest.mark.parametrize("machine", [False], indirect=True, ids=[""])
def test_a_death_in_the_middle_of_a_recreate_must_be_made_good(
    machine: Machine, project: Project, recorder: RecordingProxy
) -> None:
    assert recreate(machine, project, recorder, 4, "after")

"""However a run ends, the next one must reach the state that an uninterrupted one would have reached."""

from __future__ import annotations

import itertools
import signal
import subprocess
import time

import pytest
from proxy import RecordingProxy
from scenario import NOTHING, Project, eventually, killed_at, sleepers

pytestmark = pytest.mark.docker


ALONE = sleepers(web='volumes = ["data:/data"]') + "[volumes.data]\n"


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


def test_a_kill_at_any_write_of_a_recreate_must_be_made_good(
    project: Project, recorder: RecordingProxy
) -> None:
    project.write(spec(0))
    project.run("up")
    project.inside("db", "touch", "/data/kept")
    web = project.ids()["web"]
    for number in itertools.count(1):
        project.write(spec(number))
        came_to_it = killed_at(project, recorder, number, "up")
        project.run("up")
        is_right(project, number)
        assert project.ids()["web"] == web
        assert project.inside("db", "ls", "/data") == "kept\n"
        if not came_to_it:
            assert number > 7, "a recreate writes seven times"
            return


def test_a_kill_at_any_write_of_the_first_up_must_be_made_good(
    project: Project, recorder: RecordingProxy
) -> None:
    project.write(ALONE)
    for number in itertools.count(1):
        came_to_it = killed_at(project, recorder, number, "up")
        project.run("up")
        assert project.states() == {"web": "running"}
        assert project.resources() == {
            "containers": [f"{project.name}-web-1"],
            "networks": [f"{project.name}_default"],
            "volumes": [f"{project.name}_data"],
        }
        project.clean()
        if not came_to_it:
            assert number > 4, "the first up writes four times"
            return


def test_a_kill_at_any_write_of_down_must_be_made_good(project: Project, recorder: RecordingProxy) -> None:
    project.write(ALONE)
    for number in itertools.count(1):
        project.run("up")
        came_to_it = killed_at(project, recorder, number, "down", "--volumes")
        project.run("down", "--volumes")
        assert project.resources() == NOTHING
        if not came_to_it:
            assert number > 4, "down writes four times"
            return


def test_a_kill_at_any_moment_of_a_recreate_must_be_made_good(
    project: Project, recorder: RecordingProxy
) -> None:
    project.write(spec(0))
    project.run("up")
    for number in range(1, 5):
        project.write(spec(number))
        process = project.start("up")
        time.sleep(0.2 + number / 5)  # the moment is the point
        process.kill()
        process.communicate()
        recorder.settle()
        project.run("up")
        assert f"A={number}" in project.inspect("db")["Config"]["Env"]
    is_right(project, number)


def waiting(project: Project) -> subprocess.Popen[str]:
    """An `up` that waits for a service that does not get ready."""
    project.write(
        sleepers(db='healthcheck = { test = "false", start_period = "1m" }', web='depends_on = ["db"]')
    )
    process = project.start("up")
    eventually(lambda: project.states().get("db") == "running")
    return process


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
    ids=["int", "term", "hup"],
)
def test_a_signal_must_end_up_cleanly(project: Project, number: signal.Signals, code: int) -> None:
    with waiting(project) as process:
        process.send_signal(number)
        _, told = process.communicate(timeout=60)
    assert process.returncode == code, told
    assert "Traceback" not in told
    assert project.states() == {"db": "running", "web": "created"}
    project.write(sleepers(db="", web='depends_on = ["db"]'))
    project.run("up")
    assert project.states() == {"db": "running", "web": "running"}


def test_a_second_signal_must_leave_at_once(project: Project) -> None:
    project.write(sleepers(web='init = false\nstop_grace_period = "60s"'))
    project.run("up")
    with project.start("down") as process:
        assert process.stderr is not None
        process.stderr.readline()  # it stops the container, which does not listen
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 130
        process.stderr.read()
    assert project.states() == {"web": "running"}, "nobody waited for its end"

"""`stop`, `start`, `restart`, `kill`, `pause` and `rm` must keep to the containers that are there, in order."""

from __future__ import annotations

import pytest
from proxy import RecordingProxy
from scenario import Project, sleepers

pytestmark = pytest.mark.docker

QUICK = 'stop_grace_period = "0s"\n'
CHAIN = sleepers(
    db=QUICK + 'healthcheck = { test = "true", interval = "1s" }',
    api=QUICK + "depends_on.db = { restart = true }",
    web=QUICK + 'depends_on = ["api"]',
)


def test_stop_start_and_restart_must_keep_the_containers_and_their_order(
    project: Project, recorder: RecordingProxy
) -> None:
    project.write(CHAIN)
    project.run("create", "api")
    assert project.states() == {"db": "created", "api": "created"}, "what it depends on, not more"
    project.run("create")
    project.run("start")
    before = project.ids()
    short = {before[service]: service for service in before}

    def writes() -> list[str]:
        """What was done since, in order: `stop db`."""
        done = [write.split()[-1].split("?")[0].split("/") for write in recorder.writes]
        recorder.forget()
        acts = [path for path in done if path[1] == "containers" and path[-1] in ("stop", "start")]
        return [f"{path[-1]} {short[path[-2]]}" for path in acts]

    recorder.forget()
    project.run("stop", "api")
    assert project.states() == {"db": "running", "api": "exited", "web": "running"}
    project.run("start")
    writes()
    project.run("stop")
    assert writes() == ["stop web", "stop api", "stop db"]
    assert "nothing to stop: none runs" in project.run("stop").stderr
    project.run("start", "api")
    assert project.states() == {"db": "running", "api": "running", "web": "exited"}
    assert writes() == ["start db", "start api"]
    project.run("start")
    writes()
    project.write(CHAIN.replace("[services.db]", "[services.db]\nenvironment.DEBUG = 1"))
    told = project.run("restart", "db").stderr
    assert "the file has changed since: db: environment.DEBUG added;" in told
    assert writes() == ["stop api", "stop db", "start db", "start api"]
    assert project.ids() == before
    project.run("restart", "--no-deps", "db")
    assert writes() == ["stop db", "start db"]
    project.run("restart", "--apply", "db")
    assert project.recreated(before) == {"db"}
    assert "DEBUG=1" in project.inspect("db")["Config"]["Env"]
    assert set(project.states().values()) == {"running"}


def test_kill_pause_and_rm_must_say_what_they_cannot_do(project: Project) -> None:
    project.write(sleepers(db=QUICK, api=QUICK))
    assert "there is no container" in project.run("start", code=1).stderr
    assert "no such service: dbb\n  = did you mean 'db'?" in project.run("stop", "dbb", code=2).stderr
    project.run("up")
    project.run("pause", "db")
    assert project.states()["db"] == "paused"
    assert "nothing to pause: paused already" in project.run("pause", "db").output
    project.run("unpause")
    project.run("kill", "-s", "SIGCHLD", "api")
    project.run("kill", "db")
    assert project.states() == {"db": "exited", "api": "running"}
    assert "--force agrees" in project.run("rm", code=2).stderr
    project.run("rm", "-f")
    assert project.states() == {"api": "running"}
    project.write("[services.web\n")
    assert "going by the labels" in project.run("stop").stderr
    assert project.states() == {"api": "exited"}
    project.run("start", code=2)
    project.run("rm", "-fs")
    assert project.resources() == {
        "containers": [],
        "networks": [f"{project.name}_default"],
        "volumes": [],
    }


def test_wait_must_give_the_exit_code_of_what_ends(project: Project) -> None:
    ends = 'image = "busybox"\ncommand = "sh -c \'until [ -e /go ]; do sleep 0.1; done; exit 3\'"\n'
    project.write(sleepers(db=QUICK) + f"[services.tests]\n{ends}")
    project.run("up")
    with project.start("wait", "tests") as process:
        project.inside("tests", "touch", "/go")
        said, _ = process.communicate(timeout=60)
    told = f'container "{project.name}-tests-1" exited with status code 3\n'
    assert (process.returncode, said) == (3, told)
    ran = project.run("wait", "--down-project", "tests", "db", code=3)
    assert ran.stdout == told
    assert project.resources()["containers"] == []

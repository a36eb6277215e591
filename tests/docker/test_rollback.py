"""`up --rollback` must end with everything ready, or with everything as it was before."""

from __future__ import annotations

import signal
from typing import Any

import pytest
from proxy import RecordingProxy
from scenario import NOTHING, Project, killed_at, sleepers

pytestmark = pytest.mark.docker

NEVER = 'healthcheck = { test = "false", interval = "100ms", retries = 1000 }'
QUICK = 'stop_grace_period = "0s"'


def whole(project: Project) -> dict[str, Any]:
    """All that can be lost, and whether it runs. A network may be another one with the same definition."""
    return {
        "containers": {service: _container(project, service) for service in project.ids()},
        "networks": {
            network["Name"]: (network["Internal"], network["IPAM"]["Config"], network["Labels"])
            for network in project.api.networks(filters={"label": f"stackctl.project={project.name}"})
        },
        "volumes": project.resources()["volumes"],
    }


def _container(project: Project, service: str) -> tuple[Any, ...]:
    found = project.inspect(service)
    places = {
        name: sorted(alias for alias in place["Aliases"] or () if not found["Id"].startswith(alias))
        for name, place in found["NetworkSettings"]["Networks"].items()
    }
    return (
        found["Id"],
        found["Name"],
        found["State"]["Running"],
        found["HostConfig"]["RestartPolicy"],
        places,
        sorted((mount["Destination"], mount["Name"]) for mount in found["Mounts"]),
    )


def test_a_new_container_that_is_not_ready_in_time_must_give_way_to_the_old_one(project: Project) -> None:
    old = {
        "db": f'{QUICK}\nrestart = "always"\nvolumes = ["data:/data"]',
        "web": f'{QUICK}\ndepends_on = ["db"]\nnetworks.default.aliases = ["page"]',
        "gone": QUICK,
    }
    volume = "[volumes.data]\n"
    project.write(sleepers(**old) + volume)
    project.run("up")
    before = whole(project)
    new = {
        "db": f'{QUICK}\nrestart = "on-failure"\nvolumes = ["data:/data", "more:/more"]\n{NEVER}',
        "web": old["web"],
        "fresh": QUICK,
    }
    network = "[networks.default]\ninternal = true\n"
    project.write(sleepers(**new) + volume + "[volumes.more]\n" + network)
    told = project.run("up", "--rollback", "--remove-orphans", "--wait-timeout", "1", code=6)
    assert f"{project.name}-db-1 was not healthy within 1 s" in told.stderr
    assert "everything is as before" in told.stderr
    assert whole(project) == before
    project.inside("web", "nslookup", "db")
    project.inside("gone", "nslookup", "page")

    project.write(sleepers(**old).replace("always", "on-failure") + volume)
    project.run("up", env={"STACKCTL_ROLLBACK": "1"})
    assert whole(project)["containers"]["db"][3]["Name"] == "on-failure"
    assert project.names() == {name: f"{project.name}-{name}-1" for name in old}


@pytest.mark.parametrize("restart", [pytest.param("no", marks=pytest.mark.slow), "always"])
def test_a_missing_program_must_be_named_and_give_way(project: Project, restart: str) -> None:
    """The engine's init starts, and ends a moment later."""
    keys = f'{QUICK}\nrestart = "{restart}"'
    broken = sleepers(web=keys).replace("sleep infinity", "nosuchprogram")
    told = project.run(*_up(project, broken), code=6)
    assert "its image cannot run 'nosuchprogram'" in told.stderr
    assert project.resources() == NOTHING
    project.run(*_up(project, sleepers(web=keys)))
    before = whole(project)
    assert "'nosuchprogram'" in project.run(*_up(project, broken), code=6).stderr
    assert whole(project) == before
    project.write(broken)
    assert "'nosuchprogram'" in project.run("up", code=5).stderr


def _up(project: Project, text: str) -> tuple[str, ...]:
    project.write(text)
    return "up", "--rollback"


def test_after_ctrl_c_everything_must_be_as_before(project: Project) -> None:
    project.write(sleepers(db=QUICK, web=f'{QUICK}\ndepends_on = ["db"]'))
    project.run("up")
    before = whole(project)
    project.write(sleepers(db=f"{QUICK}\n{NEVER}", web=f'{QUICK}\ndepends_on = ["db"]'))
    with project.start("--progress", "plain", "up", "--rollback") as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "starting" in line:
                break
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "everything is as before" in stderr
    assert whole(project) == before


@pytest.mark.parametrize("number", [2, pytest.param(4, marks=pytest.mark.slow)])
def test_if_the_way_back_is_killed_the_next_up_must_make_good(
    project: Project, recorder: RecordingProxy, number: int
) -> None:
    project.write(sleepers(web=QUICK))
    project.run("up")
    project.write(sleepers(web=f"{QUICK}\n{NEVER}"))
    creation_to_start = 6
    assert killed_at(
        project, recorder, creation_to_start + number, "up", "--rollback", "--wait-timeout", "0.1"
    )
    project.write(sleepers(web=QUICK))
    project.run("up")
    assert project.names() == {"web": f"{project.name}-web-1"}
    assert project.states() == {"web": "running"}
    assert project.inspect("web")["HostConfig"]["RestartPolicy"]["Name"] == "no"

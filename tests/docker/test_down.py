"""`down` must take the whole project away and nothing else, whatever there is left to go by."""

from __future__ import annotations

import pytest
from proxy import RecordingProxy
from scenario import NOTHING, Project, sleepers

pytestmark = pytest.mark.docker


def test_without_a_spec_the_projects_name_must_be_enough(project: Project) -> None:
    project.write(sleepers(web="", db=""))
    project.run("up")
    (project.directory / "stack.toml").unlink()
    project.run("-p", project.name, "down")
    assert project.resources() == NOTHING


def test_a_broken_spec_must_not_stop_down(project: Project) -> None:
    project.write(sleepers(web=""))
    project.run("up")
    project.write("[services.web\n")
    assert "going by the labels" in project.run("down").stderr
    assert project.resources() == NOTHING


def test_an_unset_variable_must_not_stop_down(project: Project) -> None:
    project.write(sleepers(web='environment.TOKEN = "${TOKEN}"'))
    project.run("up", env={"TOKEN": "t"})
    project.run("down")
    assert project.resources() == NOTHING


def test_a_project_that_is_not_there_must_be_no_error(project: Project, recorder: RecordingProxy) -> None:
    project.run("-p", project.name, "down", "--volumes")
    assert recorder.writes == []


def test_down_of_a_service_must_leave_the_others_and_their_network(project: Project) -> None:
    project.write(sleepers(db="", web='depends_on = ["db"]'))
    project.run("up")
    project.run("down", "web")
    assert project.resources() == {
        "containers": [f"{project.name}-db-1"],
        "networks": [f"{project.name}_default"],
        "volumes": [],
    }


def test_orphans_must_go_too(project: Project) -> None:
    project.write(sleepers(web="", old=""))
    project.run("up")
    project.write(sleepers(web=""))
    project.run("down")
    assert project.resources() == NOTHING


def test_dependents_must_be_stopped_first(project: Project, recorder: RecordingProxy) -> None:
    project.write(sleepers(db="", api='depends_on = ["db"]', web='depends_on = ["api"]'))
    project.run("up")
    order = [project.ids()[service] for service in ("web", "api", "db")]
    recorder.forget()
    project.run("down")
    assert [path.split("/")[2] for path in recorder.writes if "/stop" in path] == order


@pytest.mark.parametrize(
    ("keys", "cure"),
    [
        ("init = false", "init = true"),
        ("""entrypoint = ["sh", "-c", "trap '' TERM; exec sleep 100"]""", "stop_signal"),
    ],
    ids=["no init", "deaf"],
)
def test_a_container_that_had_to_be_killed_must_be_reported_with_the_cure(
    project: Project, keys: str, cure: str
) -> None:
    project.write(sleepers(web=f'{keys}\nstop_grace_period = "1s"'))
    project.run("up")
    told = project.run("down")
    assert "killed after 1 s" in told.stderr
    assert cure in told.stderr


@pytest.mark.slow
def test_a_container_that_uses_its_long_grace_period_must_not_be_killed(project: Project) -> None:
    """The Docker SDK gives a stop up after 70 s, unless it is told how long the stop may take."""
    command = ["sh", "-c", "trap 'sleep 75; exit 0' TERM; while :; do sleep 1; done"]
    project.write(f'[services.web]\nimage = "busybox"\ncommand = {command}\nstop_grace_period = "90s"\n')
    project.run("up")
    told = project.run("stop")
    assert "had to be killed" not in told.output
    (web,) = project.api.containers(all=True, filters={"name": f"{project.name}-web-1"})
    assert project.api.inspect_container(web["Id"])["State"]["ExitCode"] == 0
    project.run("down")
    assert project.resources() == NOTHING


def test_a_network_that_a_stranger_uses_must_be_kept_and_named(project: Project) -> None:
    project.write(sleepers(web=""))
    project.run("up")
    network, name = f"{project.name}_default", f"{project.name}-stranger"
    project.api.start(project.api.create_container("busybox", ["sleep", "100"], name=name))
    project.api.connect_container_to_network(name, network)
    told = project.run("down").stderr
    assert network in told
    assert name in told
    assert project.resources() == {"containers": [name], "networks": [network], "volumes": []}


def test_anonymous_volumes_must_be_named_by_down_and_removed_on_request(project: Project) -> None:
    project.write(sleepers(web='volumes = ["/cache"]'))
    project.run("up")
    told = project.run("down").stderr
    assert len(project.resources()["volumes"]) == 1
    assert "1 anonymous volume of web" in told
    project.run("down", "--volumes")
    assert project.resources() == NOTHING


def test_without_a_stack_data_must_not_go_unasked(project: Project) -> None:
    spec = project.write(sleepers(web='volumes = ["data:/data"]') + "[volumes.data]\n")
    project.run("up")
    spec.unlink()
    refused = project.run("-p", project.name, "down", "--volumes", code=2)
    assert f"{project.name}_data" in refused.stderr
    assert "--yes" in refused.stderr
    assert project.states()["web"] == "running"
    project.run("-p", project.name, "down", "--volumes", "--yes")
    assert project.resources() == NOTHING

"""What changed must be replaced, that alone, without loss: of the old container before the new one runs, and of data never."""

from __future__ import annotations

import pytest
from scenario import SLEEP, Project, free_ports, servers, sleepers

pytestmark = pytest.mark.docker


def test_a_change_must_recreate_that_service_alone(project: Project) -> None:
    project.write(sleepers(db="", web='depends_on = ["db"]'))
    project.run("up")
    before = project.ids()
    project.write(sleepers(db="", web='depends_on = ["db"]\nenvironment.A = "1"'))
    project.run("up")
    assert project.recreated(before) == {"web"}
    assert project.names() == {"db": f"{project.name}-db-1", "web": f"{project.name}-web-1"}
    assert project.inside("web", "sh", "-c", "echo $A") == "1\n"


@pytest.mark.parametrize(
    "broken", ['entrypoint = ["/no/such/program"]\ninit = false', 'user = "nobody-of-that-name"']
)
def test_a_definition_that_cannot_start_must_cost_nothing(project: Project, broken: str) -> None:
    project.write(sleepers(web='restart = "always"'))
    project.run("up")
    before, was = project.ids(), project.inspect("web")
    project.write(sleepers(web=f'restart = "always"\n{broken}'))
    told = project.run("up", code=5).stderr
    assert f"{project.name}-web-1" in told
    now = project.inspect("web")
    assert project.recreated(before) == set()
    assert now["Name"] == was["Name"]
    assert now["State"]["Running"]
    assert now["HostConfig"]["RestartPolicy"] == was["HostConfig"]["RestartPolicy"]
    project.write(sleepers(web='restart = "always"\nenvironment.A = "1"'))
    project.run("up")
    assert project.states() == {"web": "running"}
    assert project.recreated(before) == {"web"}


def test_a_definition_that_cannot_be_created_must_cost_nothing(project: Project) -> None:
    project.write(sleepers(web=""))
    project.run("up")
    before, was = project.ids(), project.inspect("web")["State"]["StartedAt"]
    project.write(sleepers(web='cap_add = ["NO_SUCH_CAPABILITY"]'))
    project.run("up", code=1)
    assert project.recreated(before) == set()
    assert project.inspect("web")["State"]["StartedAt"] == was


def test_a_wrong_name_must_be_put_right(project: Project) -> None:
    project.write(sleepers(web=""))
    project.run("up")
    before = project.ids()
    project.api.rename(before["web"], f"{project.name}-elsewhere")
    project.run("up")
    assert project.recreated(before) == set()
    assert project.names() == {"web": f"{project.name}-web-1"}


@pytest.mark.parametrize("restart", ["no", "unless-stopped"])
def test_a_stopped_container_must_be_started_again(project: Project, restart: str) -> None:
    project.write(sleepers(web=f'restart = "{restart}"'))
    project.run("up")
    before = project.ids()
    project.api.stop(before["web"], timeout=5)
    assert project.json("status")["services"][0]["drift"] == ["not running"]
    project.run("up")
    assert project.recreated(before) == set()
    assert project.states() == {"web": "running"}


def test_a_container_that_was_only_created_must_be_started(project: Project) -> None:
    spec = sleepers(db="healthcheck = { tcp = 80 }", web='depends_on = ["db"]')
    project.write(spec.replace("sleep infinity", "false", 1))
    project.run("up", code=5)
    before = project.ids()
    assert project.states() == {"db": "exited", "web": "created"}
    project.write(sleepers(db="", web='depends_on = ["db"]'))
    project.run("up")
    assert project.states() == {"db": "running", "web": "running"}
    assert project.recreated(before) == {"db"}


def test_a_removed_container_must_come_back_alone(project: Project) -> None:
    project.write(sleepers(db="", web='depends_on = ["db"]'))
    project.run("up")
    before = project.ids()
    project.api.remove_container(before["db"], force=True)
    project.run("up")
    assert project.recreated(before) == {"db"}
    assert project.states() == {"db": "running", "web": "running"}


def test_an_image_of_the_same_name_must_recreate(project: Project) -> None:
    image = f"{project.name}-image"
    project.api.tag("busybox:latest", image)
    project.write(sleepers(web="", other="").replace("busybox", image, 1))
    project.run("up")
    before = project.ids()
    project.api.commit(before["web"], image, changes="ENV A=1")
    assert "another image" in project.json("plan")["changes"][0]["why"]
    project.run("up")
    assert project.recreated(before) == {"web"}


def test_an_anonymous_volume_must_be_carried_over(project: Project) -> None:
    project.write(sleepers(web='volumes = ["/cache"]'))
    project.run("up")
    project.inside("web", "touch", "/cache/kept")
    before = project.ids()
    project.write(sleepers(web='volumes = ["/cache"]\nenvironment.A = "1"'))
    project.run("up")
    assert project.recreated(before) == {"web"}
    assert project.inside("web", "ls", "/cache") == "kept\n"
    assert len(project.resources()["volumes"]) == 1


def test_two_services_must_be_able_to_swap_their_ports(project: Project) -> None:
    one, two = free_ports(2)
    for left, right in ((one, two), (two, one)):
        project.write(servers(a=f'ports = ["{left}:80"]', b=f'ports = ["{right}:80"]'))
        project.run("up")
        assert project.states() == {"a": "running", "b": "running"}
        found = {row["service"]: row["ports"][0]["published"] for row in project.json("status")["services"]}
        assert found == {"a": left, "b": right}


def test_a_port_must_go_from_a_service_that_gives_it_up_to_another(project: Project, free_port: int) -> None:
    project.write(servers(a=f'ports = ["{free_port}:80"]', b=""))
    project.run("up")
    project.write(servers(a="", b=f'ports = ["{free_port}:80"]\ndepends_on = ["a"]'))
    project.run("up")
    assert project.states() == {"a": "running", "b": "running"}


def test_a_container_name_must_go_from_one_service_to_another(project: Project) -> None:
    name = f"{project.name}-famous"
    project.write(sleepers(a=f'container_name = "{name}"', b=""))
    project.run("up")
    project.write(sleepers(a="", b=f'container_name = "{name}"'))
    project.run("up")
    assert project.names() == {"a": f"{project.name}-a-1", "b": name}
    assert project.states() == {"a": "running", "b": "running"}


def test_force_recreate_must_replace_all_and_no_recreate_none(project: Project) -> None:
    project.write(sleepers(a="", b=""))
    project.run("up")
    before = project.ids()
    project.run("up", "--force-recreate", "a")
    assert project.recreated(before) == {"a"}
    before = project.ids()
    project.write(sleepers(a='environment.A = "1"', b=""))
    project.run("up", "--no-recreate")
    assert project.recreated(before) == set()


def test_restart_must_take_a_dependent_along(project: Project) -> None:
    spec = sleepers(db="", web='depends_on.db = { condition = "service_started", restart = true }')
    project.write(spec)
    project.run("up")
    before, began = project.ids(), project.inspect("web")["State"]["StartedAt"]
    project.write(spec.replace("[services.web]", 'environment.A = "1"\n[services.web]'))
    project.run("up")
    assert project.recreated(before) == {"db"}
    assert project.inspect("web")["State"]["StartedAt"] > began


def test_to_recreate_a_named_service_must_leave_alone_what_it_depends_on(project: Project) -> None:
    job = f'[jobs.migrate]\n{SLEEP.replace("sleep infinity", "true")}depends_on = ["db"]\n'
    project.write(sleepers(db="", api='depends_on = ["migrate"]') + job)
    project.run("up")
    before = project.ids()
    project.run("up", "--force-recreate", "api")
    assert project.recreated(before) == {"api"}

"""Which part of the stack is meant: named services, profiles; and of two runs at once, one after the other."""

from __future__ import annotations

import pytest
from scenario import Project, sleepers

pytestmark = pytest.mark.docker


def test_up_with_a_service_must_bring_it_and_what_it_needs(project: Project) -> None:
    project.write(sleepers(db="", api='depends_on = ["db"]', web='depends_on = ["api"]'))
    project.run("up", "api")
    assert project.states() == {"db": "running", "api": "running"}


def test_no_deps_must_leave_dependencies_out(project: Project) -> None:
    project.write(sleepers(db="", api='depends_on = ["db"]'))
    project.run("up", "--no-deps", "api")
    assert project.states() == {"api": "running"}


def test_a_profile_must_add_its_services_and_down_take_them_all(project: Project) -> None:
    project.write(sleepers(web="", debug='profiles = ["debug"]', admin='profiles = ["admin"]'))
    project.run("up")
    assert project.states() == {"web": "running"}
    project.run("--profile", "debug", "up")
    assert project.states() == {"web": "running", "debug": "running"}
    project.run("up", "admin")
    assert project.states().keys() == {"web", "debug", "admin"}
    project.run("down")
    assert project.states() == {}


def test_status_must_agree_with_plan_on_profiles(project: Project) -> None:
    project.write(sleepers(web="", debug='profiles = ["debug"]'))
    project.run("up")
    assert project.json("plan")["changes"] == []
    assert [(row["service"], row["drift"]) for row in project.json("status")["services"]] == [("web", [])]
    found = project.run("--profile", "debug", "status").stdout
    assert "debug  not created" in found


def test_a_service_asked_for_alone_must_not_need_the_variables_of_the_others(project: Project) -> None:
    project.write(sleepers(db='environment.PASSWORD = "${NOT_SET}"', api='depends_on = ["db"]'))
    assert "NOT_SET is not set" in project.run("up", "api", code=2).stderr
    project.run("build", "api")  # as `pull`, which needs a registry
    project.run("up", "--no-deps", "api")
    assert project.states() == {"api": "running"}


def test_a_file_without_services_must_be_an_error(project: Project) -> None:
    project.write("")
    assert "no services in stack.toml" in project.run("up", code=2).stderr
    assert "no services in stack.toml" in project.run("status", code=2).stderr


def test_a_profile_that_no_service_has_must_be_a_warning(project: Project) -> None:
    project.write(sleepers(web="", debug='profiles = ["debug"]'))
    found = project.run("--profile", "nosuch", "up")
    assert "warning: no service has the profile 'nosuch'" in found.stderr
    assert "there are: debug" in found.stderr
    assert project.states() == {"web": "running"}


def test_a_service_that_is_none_must_be_a_usage_error(project: Project) -> None:
    project.write(sleepers(web=""))
    assert "wbe" in project.run("up", "wbe", code=2).stderr
    assert project.states() == {}


def test_of_two_runs_at_once_one_must_wait_for_the_other(project: Project) -> None:
    project.write(sleepers(db="", web='depends_on = ["db"]'))
    with project.start("up") as one, project.start("up") as two:
        told = [one.communicate()[1], two.communicate()[1]]
    assert [one.returncode, two.returncode] == [0, 0], told
    assert project.states() == {"db": "running", "web": "running"}
    assert len(project.resources()["networks"]) == 1
    assert project.json("plan")["changes"] == []


def test_a_run_that_will_not_wait_must_end_in_3_naming_the_holder(project: Project) -> None:
    project.write(sleepers(db='healthcheck = { test = "false" }'))
    with project.start("up", "--wait-timeout", "6") as holder:
        try:
            while not project.states():
                assert holder.poll() is None
            told = project.run("up", "--lock-timeout", "0", code=3).stderr
            assert f"process {holder.pid}" in told
        finally:
            holder.kill()
            holder.communicate()

"""stackctl in a Python program: the verbs as functions, and a stack for the length of a `with` block."""

from __future__ import annotations

import urllib.request

import pytest
from scenario import NOTHING, Project, eventually, servers, sleepers

import stackctl
from stackctl.planner.steps.events import Done

pytestmark = pytest.mark.docker


def named(project: Project, spec: str) -> str:
    return str(project.write(f'name = "{project.name}"\n{spec}'))


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as answer:
        text: str = answer.read().decode()
        return text


def test_a_running_stack_must_be_isolated_usable_and_gone_afterwards(
    project: Project, free_port: int
) -> None:
    file = named(project, servers(web=f'ports = ["{free_port}:80"]\ncontainer_name = "{project.name}-web"'))
    project.run("up")
    with stackctl.running(file) as app:
        web = app["web"]
        assert web.port() != free_port
        assert web.container.name != f"{project.name}-web"
        assert "root" in get(web.url("/passwd"))
        assert "root" in get(f"http://{web.host}:{web.port(80)}/passwd")
        assert web.exec("sh", "-c", "echo hello; exit 3").exit_code == 3
    assert project.resources()["containers"] == [f"{project.name}-web"]
    assert project.resources()["networks"] == [f"{project.name}_default"]


def test_what_a_container_says_must_be_readable(project: Project) -> None:
    talker = '[services.web]\nimage = "busybox"\ncommand = ["sh", "-c", "echo hello; sleep infinity"]\n'
    with stackctl.running(named(project, talker)) as app:
        eventually(lambda: "hello" in [line.text for line in app.logs("web")])


def test_an_exception_must_leave_nothing_behind(project: Project) -> None:
    file = named(project, sleepers(web='volumes = ["data:/data", "/cache"]') + "[volumes.data]\n")
    with pytest.raises(ZeroDivisionError), stackctl.running(file) as app:
        app["web"].exec("true").exit_code / 0
    assert project.resources() == NOTHING


def test_a_stack_that_does_not_get_ready_must_raise_and_leave_nothing_behind(project: Project) -> None:
    file = named(
        project,
        """
        [services.web]
        image = "busybox"
        command = ["sh", "-c", "echo no disk; exit 7"]
        healthcheck = { tcp = 80 }
        """,
    )
    with pytest.raises(stackctl.WaitError) as caught, stackctl.running(file):
        pytest.fail("it is not ready")
    assert caught.value.exit_code_of_container == 7
    assert caught.value.log_tail == ("no disk",)
    assert project.resources() == NOTHING


def test_one_file_must_run_twice_at_once(project: Project) -> None:
    file = named(project, servers(web='ports = ["80"]'))
    with stackctl.running(file) as one, stackctl.running(file) as two:
        assert one["web"].port() != two["web"].port()
        assert get(one["web"].url("/passwd")) == get(two["web"].url("/passwd"))


def test_a_name_that_is_no_service_must_be_refused(project: Project) -> None:
    file = named(project, sleepers(web=""))
    with pytest.raises(stackctl.StackError, match="wbe"), stackctl.running(file, services=["wbe"]):
        pytest.fail("there is none")
    with stackctl.running(file) as app:
        with pytest.raises(KeyError):
            app["wbe"]
        with pytest.raises(stackctl.EngineError, match="does not publish"):
            app["web"].port()
    assert project.resources() == NOTHING


def test_an_external_volume_must_be_refused(project: Project) -> None:
    name = f"{project.name}-data"
    project.api.create_volume(name)
    file = named(
        project,
        sleepers(web='volumes = ["data:/data"]') + f'[volumes.data]\nname = "{name}"\nexternal = true\n',
    )
    with pytest.raises(stackctl.SpecError, match="external"), stackctl.running(file):
        pytest.fail("a test must not write there")
    with stackctl.running(file, allow_external_volumes=True) as app:
        app["web"].exec("touch", "/data/kept")
    assert project.resources() == NOTHING | {"volumes": [name]}


def test_load_plan_and_execute_must_bring_a_stack_up_and_down(project: Project) -> None:
    stack = stackctl.load(named(project, sleepers(db="", web='depends_on = ["db"]')))
    engine = stackctl.connect()
    try:
        events = list(stackctl.execute(stackctl.plan(stack, engine), engine))
        assert [e.step.service for e in events if isinstance(e, Done)][-1] == "web"
        assert [(row.service, row.state, row.drift) for row in stackctl.status(stack, engine)] == [
            ("db", "running", ()),
            ("web", "running", ()),
        ]
        assert stackctl.plan(stack, engine).steps == ()
        list(stackctl.down(stack.project, engine, stack=stack))
        assert project.resources() == NOTHING
    finally:
        engine.close()

"""What Docker Compose's own scenarios ask for, on compose files, where no other file here has it."""

from __future__ import annotations

from collections.abc import Iterator

import docker
import pytest
from scenario import NOTHING, Project

pytestmark = pytest.mark.docker

SLEEP = "image: busybox\n    init: true\n    command: sleep infinity"


def services(top: str = "", **keys: str) -> str:
    """A compose file whose services sleep: by name, what else is said of each."""
    lines = "".join(f"  {name}:\n    {SLEEP}\n    {more}\n" for name, more in keys.items())
    return f"services:\n{lines}{top}"


def test_what_no_asked_for_service_uses_must_not_be_needed(project: Project) -> None:
    top = "networks:\n  far: {external: true, name: nowhere-at-all}\n"
    project.write(services(top, alone="", other="networks: [far]"), "compose.yaml")
    assert "nowhere-at-all" in project.run("up", code=1).stderr
    assert project.resources() == NOTHING
    project.run("up", "alone")
    assert project.states() == {"alone": "running"}


def test_two_services_with_one_container_name_must_be_refused_unless_profiles_keep_them_apart(
    project: Project,
) -> None:
    name = f"container_name: {project.name}-same"
    project.write(services(one=name, two=name), "compose.yaml")
    assert f"{project.name}-same" in project.run("up", "one", code=2).stderr
    assert project.resources() == NOTHING
    project.write(
        services(one=f"{name}\n    profiles: [a]", two=f"{name}\n    profiles: [b]"), "compose.yaml"
    )
    for service in ("one", "two"):
        project.run("up", service)
        assert project.states() == {service: "running"}
        project.run("down")


@pytest.fixture
def volumes(project: Project, docker_api: docker.APIClient) -> Iterator[tuple[str, str]]:
    """Two volumes that are there before the project and stay after it."""
    names = (f"{project.name}.one", f"{project.name}.two")
    for name in names:
        docker_api.create_volume(name)
    yield names
    project.clean()


def test_data_must_stay_where_they_are_and_follow_the_name_of_an_external_volume(
    project: Project, volumes: tuple[str, str]
) -> None:
    top = "volumes:\n  named:\n  there: {external: true, name: $WHICH}\n"
    project.write(
        services(
            top, web='volumes: ["/kept", "named:/named", "there:/there"]', tied="network_mode: service:web"
        ),
        "compose.yaml",
    )
    project.run("up", env={"WHICH": volumes[0]})
    for path in ("/kept", "/named", "/there"):
        project.inside("web", "touch", f"{path}/file")
    before = project.ids()

    project.run("up", env={"WHICH": volumes[0]})
    assert project.recreated(before) == set()  # also who shares a network is not made again

    project.run("up", "--force-recreate", env={"WHICH": volumes[0]})
    assert project.recreated(before) == {"web", "tied"}
    project.inside("web", "ls", "/kept/file", "/named/file", "/there/file")

    project.run("up", env={"WHICH": volumes[1]})
    assert project.inside("web", "ls", "/there") == ""
    project.inside("web", "ls", "/kept/file", "/named/file")

    project.run("up", "--renew-anon-volumes", env={"WHICH": volumes[0]})
    assert project.inside("web", "ls", "/kept") == ""
    project.inside("web", "ls", "/named/file", "/there/file")

    project.run("down", "--volumes", "--yes", env={"WHICH": volumes[0]})
    assert project.resources() == NOTHING | {"volumes": list(volumes)}


def test_what_a_run_has_left_must_go_with_the_orphans_and_not_end_an_up_that_stays(project: Project) -> None:
    project.write(services(web="", worker=""), "compose.yaml")
    project.write("COMPOSE_REMOVE_ORPHANS=true\n", ".env")
    with project.start("up", "--abort-on-container-exit") as process:
        while sorted(project.states().values()) != ["running", "running"]:
            assert process.poll() is None
        project.run("run", "--no-deps", "web", "false", code=1)
        assert process.poll() is None
        project.api.kill(project.api.containers(filters={"name": f"{project.name}-worker-1"})[0]["Id"])
        process.communicate(timeout=100)
    assert process.returncode == 137
    assert len(project.containers()) == 3
    project.run("up")
    assert project.states() == {"web": "running", "worker": "running"}


def test_many_lines_must_not_hold_up_an_up_that_stays(project: Project) -> None:
    project.write(
        "services:\n  web:\n    image: busybox\n    command: seq 300000\n",
        "compose.yaml",
    )
    told = project.run("up", "--abort-on-container-exit").stdout
    assert "web-1  | 1\n" in told
    assert "web-1  | 300000\n" in told
    assert told.endswith("web-1 exited with code 0\n")


def test_the_digest_of_a_service_must_be_the_label_of_its_container(project: Project) -> None:
    project.write(services(web="environment: {A: b}"), "compose.yaml")
    project.run("create")
    said = dict(line.split() for line in project.run("config", "--hash", "*").stdout.splitlines())
    label = project.containers()[0]["Labels"]["stackctl.digest"]
    assert said == {"web": label}


def test_lines_must_come_in_the_order_in_which_services_wait_for_each_other(project: Project) -> None:
    project.write(
        "services:\n"
        "  second:\n    image: busybox\n    command: echo world\n"
        "    depends_on: {first: {condition: service_completed_successfully}}\n"
        "  first:\n    image: busybox\n    command: echo hello\n",
        "compose.yaml",
    )
    told = project.run("up", "--follow").stdout
    assert [line for line in told.splitlines() if "|" in line] == ["first-1   | hello", "second-1  | world"]


def test_what_is_built_must_get_its_variables_by_rank_and_stay_if_nothing_has_changed(
    project: Project,
) -> None:
    names = ("IMAGE", "FILE", "TABLE", "RUN", "GONE")
    project.write("FROM busybox\n" + "".join(f"ENV {name}=image\n" for name in names), "app/Dockerfile")
    project.write("".join(f"{name}=file\n" for name in names if name != "IMAGE"), "app.env")
    project.write(
        "services:\n  app:\n    build: app\n    init: true\n    command: sleep infinity\n    env_file: app.env\n"
        "    environment: {TABLE: table, RUN: table, GONE: }\n",
        "compose.yaml",
    )

    def variables(*command: str) -> dict[str, str]:
        found = dict(line.split("=", 1) for line in project.run(*command).stdout.splitlines())
        return {name: found[name] for name in names if name in found}

    project.run("up", "--build")
    ranked = {"IMAGE": "image", "FILE": "file", "TABLE": "table", "RUN": "table"}
    assert variables("exec", "app", "env") == ranked
    assert variables("run", "--rm", "-q", "-e", "RUN=run", "app", "env") == ranked | {"RUN": "run"}

    before = project.ids()
    project.run("up", "--build")
    assert project.recreated(before) == set()
    project.run("up", "--no-recreate", "--scale", "app=3")
    assert len(project.containers()) == 3
    project.run("up", "--scale", "app=1")
    assert project.ids() == before

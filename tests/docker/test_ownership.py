"""Only what this stack made may be changed or removed; everything else must be named and left alone."""

from __future__ import annotations

import pytest
from proxy import RecordingProxy
from scenario import NOTHING, Project, sleepers

pytestmark = pytest.mark.docker

WITH_DATA = sleepers(web='volumes = ["data:/data"]') + "[volumes.data]\n"


@pytest.mark.parametrize("kind", ["network", "volume"])
def test_a_missing_external_resource_must_stop_up_before_it_writes(
    project: Project, recorder: RecordingProxy, kind: str
) -> None:
    name = f"{project.name}-elsewhere"
    use = 'networks = ["shared"]' if kind == "network" else 'volumes = ["shared:/data"]'
    project.write(f'{sleepers(other="", web=use)}[{kind}s.shared]\nname = "{name}"\nexternal = true\n')
    told = project.run("up", code=1).stderr
    assert f"docker {kind} create {name}" in told
    assert recorder.writes == []
    assert project.resources() == NOTHING


def test_what_is_external_must_survive_down_with_volumes(project: Project) -> None:
    name = f"{project.name}-elsewhere"
    project.api.create_network(name)
    project.api.create_volume(name)
    external = f'name = "{name}"\nexternal = true\n'
    project.write(
        sleepers(web='networks = ["shared"]\nvolumes = ["shared:/data"]')
        + f"[networks.shared]\n{external}[volumes.shared]\n{external}"
    )
    project.run("up")
    project.run("down", "--volumes")
    assert project.resources() == {"containers": [], "networks": [name], "volumes": [name]}


def test_a_stranger_with_our_name_must_stop_up_and_stay(project: Project, recorder: RecordingProxy) -> None:
    name = f"{project.name}-web-1"
    stranger = project.api.create_container("busybox", ["sleep", "infinity"], name=name)["Id"]
    project.write(sleepers(other="", web=""))
    assert name in project.run("up", code=1).stderr
    assert recorder.writes == []
    project.run("down")
    assert project.api.inspect_container(name)["Id"] == stranger


def test_a_volume_made_by_hand_must_be_used_reported_and_kept(project: Project) -> None:
    name = f"{project.name}_data"
    project.api.create_volume(name)
    project.write(WITH_DATA)
    assert any(name in note for note in project.json("plan")["notes"])
    project.run("up")
    project.inside("web", "touch", "/data/kept")
    project.run("down", "--volumes")
    assert project.resources() == NOTHING | {"volumes": [name]}
    project.run("up")
    assert project.inside("web", "ls", "/data") == "kept\n"


def test_a_network_made_by_hand_must_be_used_reported_and_kept(project: Project) -> None:
    name = f"{project.name}_default"
    project.api.create_network(name)
    project.write(sleepers(web=""))
    assert any(name in note for note in project.json("plan")["notes"])
    project.run("up")
    project.run("down")
    assert project.resources() == NOTHING | {"networks": [name]}


def test_a_protected_volume_must_survive_down_with_volumes(project: Project) -> None:
    project.write(WITH_DATA + "protect = true\n")
    project.run("up")
    assert "protected" in project.run("down", "--volumes").stderr
    assert project.resources() == NOTHING | {"volumes": [f"{project.name}_data"]}


def test_a_changed_volume_must_be_kept_and_reported(project: Project) -> None:
    project.write(WITH_DATA)
    project.run("up")
    project.inside("web", "touch", "/data/kept")
    project.write(WITH_DATA + 'labels.purpose = "tests"\n')
    assert any("kept as it is" in note for note in project.json("plan")["notes"])
    project.run("up")
    assert project.inside("web", "ls", "/data") == "kept\n"


def test_an_orphan_must_be_named_and_removed_only_on_request(project: Project) -> None:
    project.write(sleepers(web="", old=""))
    project.run("up")
    project.write(sleepers(web=""))
    assert f"{project.name}-old-1" in project.run("up").stderr
    assert project.states() == {"web": "running", "old": "running"}
    project.run("up", "--remove-orphans")
    assert project.states() == {"web": "running"}


def test_the_same_project_from_another_directory_must_be_refused_unless_adopted(
    project: Project, recorder: RecordingProxy
) -> None:
    here = project.write(sleepers(web=""))
    elsewhere = project.write(sleepers(web=""), "elsewhere/stack.toml")
    project.run("up")
    before = project.ids()
    recorder.forget()
    told = project.run("up", at=elsewhere.parent, code=1).stderr
    assert str(here) in told
    assert str(elsewhere) in told
    assert recorder.writes == []
    project.run("up", "--adopt", at=elsewhere.parent)
    assert project.recreated(before) == {"web"}
    project.run("up", at=elsewhere.parent)
    project.run("up", code=1)


def test_down_from_another_directory_must_be_refused_unless_adopted(
    project: Project, recorder: RecordingProxy
) -> None:
    here = project.write(WITH_DATA)
    elsewhere = project.write(WITH_DATA, "elsewhere/stack.toml")
    project.run("up")
    there = project.resources()
    recorder.forget()
    for broken in ("", "broken"):
        elsewhere.write_text(WITH_DATA + broken)
        for options in ([], ["--volumes", "--yes"], ["web"]):
            told = project.run("down", *options, at=elsewhere.parent, code=1).stderr
            assert f"is already running from {here}; this is {elsewhere}" in told
    assert recorder.writes == []
    assert project.resources() == there
    elsewhere.write_text(WITH_DATA)
    project.run("down", "--volumes", "--yes", "--adopt", at=elsewhere.parent)
    assert project.resources() == NOTHING


def test_down_by_name_alone_must_work_where_there_is_no_file(project: Project) -> None:
    project.write(sleepers(web=""), "here/stack.toml")
    (project.directory / "nothing").mkdir()
    project.run("up", at=project.directory / "here")
    project.run("-p", project.name, "down", at=project.directory / "nothing")
    assert project.resources() == NOTHING


def test_commands_that_read_must_say_whose_containers_they_show(project: Project) -> None:
    here = project.write(sleepers(web="expose = [80]"))
    elsewhere = project.write(sleepers(web="expose = [80]"), "elsewhere/stack.toml")
    project.run("up")
    for command in (["ps", "-q"], ["status"], ["logs"], ["env"], ["exec", "web", "true"]):
        assert "note:" not in project.run(*command).stderr
        told = project.run(*command, at=elsewhere.parent).stderr
        assert told == f"note: project {project.name} was started from {here}; this is {elsewhere}\n", command
    told = project.run("port", "web", at=elsewhere.parent, code=1).stderr
    assert told.startswith("note: project")

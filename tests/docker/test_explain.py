from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from scenario import NOTHING, SLEEP, Project

pytestmark = pytest.mark.docker

STACK = f"""
[services.db]
{SLEEP}
user = "1000:1000"
pids_limit = 60
volumes = ["data:/data:ro"]
networks = {{ back = {{ aliases = ["store"] }} }}

[networks.back]
[volumes.data]
"""


@pytest.fixture(scope="module")
def up(shared: Project) -> Project:
    shared.write(STACK)
    shared.run("up")
    return shared


def test_a_process_must_be_explained_as_the_kernel_has_it(up: Project) -> None:
    inspected = up.inspect("db")
    proc = Path("/proc") / str(inspected["State"]["Pid"])
    told = up.json("explain", "db", "--inside")
    process = told["process"]
    assert told["engine"]["here"]
    assert f"/proc/{process['pid']}" == str(proc)
    status = dict(line.split(":\t", 1) for line in (proc / "status").read_text().splitlines())
    assert process["inner_pid"] == int(status["NSpid"].split()[-1])
    assert (process["uid"], process["gid"]) == (1000, 1000)
    assert status["Uid"].split()[0] == status["Gid"].split()[0] == "1000"
    assert process["arguments"] == (proc / "cmdline").read_text().split("\0")[:-1]
    for space in process["namespaces"]:
        assert space["id"] == str((proc / "ns" / space["kind"]).readlink())
        assert space["own"] == (space["id"] != str(Path(f"/proc/self/ns/{space['kind']}").readlink()))
    assert {"pid", "net", "mnt"} <= {space["kind"] for space in process["namespaces"] if space["own"]}
    lines = [line.split(":", 2) for line in (proc / "cgroup").read_text().splitlines()]
    for controller, path in process["cgroups"].items():
        assert path in [p for _, names, p in lines if controller in names.split(",")]
    assert {"60"} == {limit["text"] for limit in process["limits"] if limit["path"].endswith("pids.max")}
    for limit in process["limits"]:
        assert Path(limit["path"]).read_text().strip() == limit["text"]


def test_a_container_must_be_explained_as_the_engine_has_it(up: Project) -> None:
    inspected = up.inspect("db")
    told = up.json("explain", "db", "--inside")["container"]
    assert (told["id"], told["pids"]) == (inspected["Id"], 60)
    (network,) = told["networks"]
    place = inspected["NetworkSettings"]["Networks"][network["network"]]
    assert (network["address"], network["gateway"]) == (place["IPAddress"], place["Gateway"])
    assert {"db", "store", inspected["Name"].removeprefix("/")} <= set(network["names"])
    for name in network["names"]:
        assert network["address"] in up.inside("db", "nslookup", name)
    (mount,) = told["mounts"]
    (have,) = inspected["Mounts"]
    assert (mount["name"], mount["source"], mount["target"]) == (
        have["Name"],
        have["Source"],
        have["Destination"],
    )
    assert mount["read_only"]


def test_the_commands_of_an_explanation_must_run(up: Project) -> None:
    text = up.run("explain", "db", "--inside").stdout
    commands = [
        line.strip().removeprefix("$ ") for line in text.splitlines() if line.strip().startswith("$ ")
    ]
    assert len(commands) > 8
    for command in commands:
        plain = command.removeprefix("sudo ")
        if not plain.startswith(("nsenter", "docker exec")):
            done = subprocess.run(["sh", "-c", plain], capture_output=True, text=True, check=False)
            assert done.returncode == 0, (command, done.stderr)


def test_what_does_not_run_must_not_be_explained(project: Project) -> None:
    project.write(STACK)
    told = project.run("explain", "db", "--inside", code=2)
    assert "stackctl up db makes one" in told.stderr


def test_an_explanation_of_up_must_tell_the_steps_and_change_nothing(project: Project) -> None:
    project.write(STACK)
    told = project.run("explain", "up").stdout
    assert project.resources() == NOTHING
    assert f"Create network {project.name}_back" in told
    assert "Nothing" not in told
    project.run("up")
    assert "`stackctl up` would do nothing" in project.run("explain", "up").stdout


LESSON = """
[services.web]
image = "busybox"
command = "httpd -f -p 80 -h /etc"
healthcheck = { http = ":80/passwd" }
volumes = ["data:/data"]
networks = ["back", "front"]
user = "1000:1000"
environment = { GREETING = "it's $${HOME} \\"here\\" `now`" }

[jobs.seed]
image = "busybox"
command = ["sh", "-c", "wget -q -O - http://web/passwd > /data/copy"]
depends_on = ["web"]
networks = ["back"]
volumes = ["data:/data"]

[networks.back]
[networks.front]
[volumes.data]
"""
COMPARED = {
    "Config": ("Image", "Cmd", "Entrypoint", "User", "ExposedPorts", "Healthcheck"),
    "HostConfig": ("Init", "PortBindings", "RestartPolicy", "PidsLimit", "NetworkMode"),
}


def described(project: Project) -> dict[str, Any]:
    """What the containers are, by name, without what differs from one start to the next."""
    found: dict[str, Any] = {}
    for name in (f"{project.name}-web-1", f"{project.name}-seed-1"):
        row = project.api.inspect_container(name)
        host = row["HostConfig"]
        about: dict[str, Any] = {
            part: {key: row[part].get(key) for key in keys} for part, keys in COMPARED.items()
        }
        found[name] = about
        about["HostConfig"]["NetworkMode"] = project.api.inspect_network(host["NetworkMode"])["Name"]
        about["env"] = sorted(row["Config"]["Env"])
        about["networks"] = sorted(row["NetworkSettings"]["Networks"])
        about["mounts"] = [(m["Type"], m.get("Name"), m["Destination"], m["RW"]) for m in row["Mounts"]]
        about["ended"] = row["State"]["ExitCode"] if row["State"]["Status"] == "exited" else None
    return found


def test_the_commands_of_the_lesson_must_make_what_up_makes(project: Project) -> None:
    project.write(LESSON)
    blocks = re.findall(
        r"^```bash\n(.*?)\n```$", project.run("explain", "--md").stdout, re.DOTALL | re.MULTILINE
    )
    script = "\n".join(
        ["set -euo pipefail", *(block for block in blocks if not block.startswith("docker pull"))]
    )
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=project.directory,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    by_hand = described(project)
    project.clean()
    project.run("up")
    assert by_hand == described(project)
    assert by_hand[f"{project.name}-seed-1"]["ended"] == 0


def test_steps_must_be_done_one_by_one_as_the_reader_presses_enter(project: Project) -> None:
    project.write(LESSON)
    first = project.run("explain", "--step", stdin="\nq\n")
    assert "1/7  Create network" in first.stdout
    assert "2/7  Create network" in first.stdout
    assert "Stopped." in first.stdout
    assert len(project.resources()["networks"]) == 1
    rest = project.run("explain", "--step", stdin="\n" * 10)
    assert "6/6  Wait until seed has done its work" in rest.stdout
    assert project.states() == {"web": "running", "seed": "exited"}
    assert "would do nothing" in project.run("explain", "--step").stdout


def test_a_step_that_fails_must_end_the_steps(project: Project) -> None:
    project.write(LESSON.replace("http://web/passwd", "http://web/nothing"))
    told = project.run("explain", "--step", stdin="\n" * 10, code=None)
    assert told.code != 0
    assert project.states()["seed"] == "exited"

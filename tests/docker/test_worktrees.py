"""Several checkouts of one project at once: each has a stack of its own, which it keeps."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from scenario import NOTHING, Project, servers

pytestmark = pytest.mark.docker

FIVE = ("one", "two", "three", "four", "five")


def git(*args: str, at: Path) -> None:
    words = ["git", "-c", "user.name=t", "-c", "user.email=t@localhost", *args]
    subprocess.run(words, cwd=at, check=True, capture_output=True)


def test_five_worktrees_must_have_five_stacks_with_own_data_and_ports_that_stay(
    project: Project, tmp_path: Path
) -> None:
    project.env |= {"STACKCTL_PROJECT": "", "XDG_CACHE_HOME": str(tmp_path / "cache")}
    kept = 'stop_grace_period = "0s"\nports = [80]\nvolumes = ["data:/data"]'
    project.write(f'name = "{project.name}"\ncheckouts = "isolated"\n{servers(web=kept)}[volumes.data]\n')
    (project.directory / ".env.local").write_text("MINE=1\n")
    git("init", "-q", "-b", "trunk", at=project.directory)
    git("add", ".", at=project.directory)
    git("commit", "-qm", "all", at=project.directory)
    trees = {name: tmp_path / name for name in FIVE}
    for name, path in trees.items():
        git("worktree", "add", "-q", "-b", f"branch-{name}", str(path), at=project.directory)

    processes = [project.start("up", at=path) for path in trees.values()]
    said = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0] * 5, said
    stacks = {name: Project(f"{project.name}-{name}", trees[name], project.api) for name in FIVE}
    assert all(stack.states() == {"web": "running"} for stack in stacks.values())

    networks = [each for each in project.api.networks() if each["Name"].startswith(f"{project.name}-")]
    assert [each["IPAM"]["Config"][0]["Subnet"].partition("/")[2] for each in networks] == ["27"] * 5

    def port(name: str) -> str:
        return project.run("port", "web", "80", at=trees[name]).stdout

    before = {name: port(name) for name in FIVE}
    assert len({*before.values()}) == 5
    for name, stack in stacks.items():
        stack.inside("web", "sh", "-c", f"echo {name} > /data/whose")
    project.run("env", "--write", ".env.local", at=trees["one"])
    written = (trees["one"] / ".env.local").read_text()
    assert written.startswith("MINE=1\n# stackctl: begin\n")
    assert f"WEB_PORT={before['one'].strip().rpartition(':')[2]}\n" in written

    git("checkout", "-q", "-b", "another", at=trees["one"])
    project.run("down", at=trees["one"])
    assert stacks["one"].states() == {}
    assert all(stacks[name].states() == {"web": "running"} for name in FIVE[1:])
    project.run("up", at=trees["one"])
    assert port("one") == before["one"]
    assert stacks["one"].inside("web", "cat", "/data/whose") == "one\n"

    (tmp_path / "cache" / "stackctl" / "checkouts.json").unlink()
    (row,) = json.loads(project.run("status", "--json", at=trees["two"]).stdout)["services"]
    assert (row["drift"], port("two")) == ([], before["two"])
    project.run("up", at=trees["two"])
    assert stacks["two"].inside("web", "cat", "/data/whose") == "two\n"
    project.run("down", "--volumes", "--yes", at=trees["two"])
    assert stacks["two"].resources() == NOTHING
    assert len(project.resources()["volumes"]) == 4

"""`stackctl ls`: the projects of an engine, those of Docker Compose among them."""

import json
from pathlib import Path

import pytest
from commandline import Run

from stackctl.engine.memory import Behaviour, MemoryEngine
from stackctl.planner.steps.actions import CreateContainer, StartContainer
from stackctl.planner.world import labels
from stackctl.planner.world.desired import DesiredContainer

pytest_plugins = ["commandline_fixtures"]

STACK = 'name = "shop"\n[services.db]\nimage = "app:1"\n[jobs.seed]\nimage = "app:1"\n'
COMPOSE = {
    labels.COMPOSE_PROJECT: "blog",
    labels.COMPOSE_DIRECTORY: "/srv/blog",
    labels.COMPOSE_FILES: "/srv/blog/compose.yaml,/srv/blog/more.yaml",
}


@pytest.fixture(autouse=True)
def up(memory: MemoryEngine, there: Run, tmp_path: Path) -> None:
    """`shop` is stackctl's and runs, `blog` is Compose's and does not; one more container is nobody's."""
    memory.behaviours["seed"] = Behaviour(exit_code=0)
    for name, its in (("blog-web-1", COMPOSE), ("alone", {})):
        spec = DesiredContainer(name=name, service="web", image="app:1", labels=its, grace=1)
        memory.perform(CreateContainer(spec, name), lambda _: None)
    memory.perform(StartContainer("alone", "alone"), lambda _: None)
    (tmp_path / "stack.toml").write_text(STACK)
    there("up")


def test_projects_of_which_something_runs(there: Run, tmp_path: Path) -> None:
    ran = there("ls")
    header, row = ran.out.splitlines()
    assert header.split() == ["NAME", "STATE", "CREATED", "MADE", "BY", "DIRECTORY"]
    assert row.split()[:3] == ["shop", "running(1),", "exited(1)"]
    assert row.split()[-2:] == ["stackctl", str(tmp_path)]
    assert (ran.code, ran.err) == (0, "")


def test_all_projects_and_only_some(there: Run) -> None:
    assert there("ls", "-q").out == "shop\n"
    assert there("ls", "-a", "-q").out == "blog\nshop\n"
    assert there("ls", "-aq", "--filter", "name=lo").out == "blog\n"
    assert there("ls", "-aq", "--filter", "name=^s", "--filter", "name=g$").out == "blog\nshop\n"
    assert there("-p", "blog", "ls", "-aq").out == "blog\n"
    assert there("ls", "--filter", "name=nothing", "-q").out == ""
    assert "there is no filter 'label'" in there("ls", "--filter", "label=x").err
    assert "no regular expression" in there("ls", "--filter", "name=(").err


def test_no_file_is_read(there: Run, tmp_path: Path) -> None:
    (tmp_path / "stack.toml").write_text("broken [")
    assert (there("ls", "-q").code, there("ls", "-q").out) == (0, "shop\n")


def test_json(there: Run, tmp_path: Path) -> None:
    told = json.loads(there("ls", "--all", "--json").out)
    assert told["version"] == 1
    blog, shop = told["projects"]
    assert blog == {
        "name": "blog",
        "tool": "compose",
        "directory": "/srv/blog",
        "files": ["/srv/blog/compose.yaml", "/srv/blog/more.yaml"],
        "branch": None,
        "states": {"created": 1},
        "created": blog["created"],
        "ends": None,
        "ports": [],
        "data": None,
        "stale": None,
        "test": False,
    }
    assert (shop["directory"], shop["states"]) == (str(tmp_path), {"running": 1, "exited": 1})


def test_json_as_compose_writes_it(there: Run, tmp_path: Path) -> None:
    assert json.loads(there("ls", "--format", "json").out) == [
        {"Name": "shop", "Status": "exited(1), running(1)", "ConfigFiles": str(tmp_path / "stack.toml")}
    ]

"""A lab that is brought up: each mistake about running must be seen, what is right must be found right, and nothing be left. And a
prediction about what runs.
"""

from __future__ import annotations

import copy
from typing import Any

import docker
import pytest
from scenario import Project, sleepers

from stackctl.teach.lab.labs import Tree
from stackctl.teach.lab.making import Made, make, written

pytestmark = pytest.mark.docker


@pytest.fixture
def started(project: Project) -> Any:
    """`started(3)`: lab 3 of a student that nobody else has, in the directory `lab`."""

    def start(number: int) -> Made:
        project.run("lab", "start", str(number), "--student", project.name, "-o", "lab")
        return make(number, project.name)

    return start


def checked(project: Project, made: Made, tree: Tree, *, code: int) -> list[str]:
    """What `lab check` says of a stack: the lines. Nothing of its project may be left."""
    project.write(written(made.names.project, tree), "lab/stack.toml")
    lines = project.run("lab", "check", "lab", code=code).stdout.splitlines()
    api: docker.APIClient = project.api
    prefix = f"{made.names.project}-"
    assert [c["Names"] for c in api.containers(all=True) if c["Names"][0].startswith(f"/{prefix}")] == []
    assert [v["Name"] for v in api.volumes()["Volumes"] or [] if v["Name"].startswith(prefix)] == []
    assert [n["Name"] for n in api.networks() if n["Name"].startswith(prefix)] == []
    return lines


def mark(lines: list[str], text: str) -> str:
    """The mark before a goal, and what was seen of it, in one line."""
    at = next(number for number, line in enumerate(lines) if text in line)
    following = [line.strip() for line in lines[at + 1 :]]
    seen = following[: next(n for n, line in enumerate(following) if line[:1] in ("✔", "✘", "?", ""))]
    return " ".join([lines[at].split()[0], *seen])


def test_a_whole_stack_must_be_found_right_also_where_the_file_does_not_tell(
    project: Project, started: Any
) -> None:
    made = started(6)
    tree = copy.deepcopy(made.right)
    api = tree["services"][made.names.api]
    api["environment"]["HOST"] = "127.0.0.1"
    api["command"] = ["sh", "-c", "HOST=0.0.0.0 exec python /app/app.py"]
    lines = checked(project, made, tree, code=0)
    assert [line for line in lines if "✘" in line] == []
    assert "Well done: everything works." in lines
    assert lines[-1] == "Another way than the lab's own, and as right."


@pytest.mark.slow
def test_lost_data_and_a_wrong_port_must_be_seen(project: Project, started: Any) -> None:
    made = started(5)
    tree = copy.deepcopy(made.right)
    names, services = made.names, tree["services"]
    services[names.api]["volumes"][1] = f"{names.notes}:/srv/note"
    services[names.api]["ports"] = [f"{names.port}:5000"]
    services[names.db]["volumes"] = []
    services[names.cache]["volumes"] = [f"{names.visits}:/var/lib/redis"]
    lines = checked(project, made, tree, code=1)
    for what in ("the rows of", "the notes of", "the visits in"):
        assert mark(lines, what) == "✘ written before down, gone after up"
    assert mark(lines, "http://localhost").startswith(f"✘ port {names.port} leads to port 5000 inside: ")
    assert mark(lines, "listens to others") == "✔"


def test_a_forgotten_order_must_be_seen_with_the_last_words(project: Project, started: Any) -> None:
    made = started(4)
    tree = copy.deepcopy(made.right)
    del tree["services"][made.names.api]["depends_on"]
    del tree["jobs"][made.names.migrate]["depends_on"]
    lines = checked(project, made, tree, code=1)
    assert lines[0].endswith("0 of 2 mistakes repaired")
    told = " ".join(lines)
    assert f"{made.names.migrate} says: " in told
    assert f"{made.names.api} says: the database cannot be used" in told


def test_a_program_that_only_the_container_reaches_must_be_seen(project: Project, started: Any) -> None:
    made = started(3)
    tree = copy.deepcopy(made.right)
    environment = tree["services"][made.names.api]["environment"]
    del environment["HOST"]
    environment["PAGE_TITLE"] = environment.pop("TITLE")
    lines = checked(project, made, tree, code=1)
    assert mark(lines, "listens to others").startswith("✘ it answers at 127.0.0.1 inside")
    assert mark(lines, "the title") == "✘ the page says: no title"


def test_a_prediction_must_be_judged_by_the_plan_of_now(project: Project) -> None:
    project.write(sleepers(web='volumes = ["rows:/rows"]', other="") + "[volumes.rows]\n")
    project.run("up")
    project.write(sleepers(web='volumes = ["rows:/rows"]', other='environment.A = "1"') + "[volumes.rows]\n")
    told = project.run("lab", "predict", "--answer", "a").stdout
    assert "which containers does it recreate?" in told
    assert ", other." in told
    assert "~ other" in told
    lost = project.run("lab", "predict", "--about", "lost", "--answer", "a").stdout
    assert f", the data in {project.name}_rows." in lost
    assert set(project.states().values()) == {"running"}

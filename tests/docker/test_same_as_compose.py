"""A compose.yaml must make under `stackctl` what it makes under Docker Compose, but for the differences that are meant.

Each file of `same_as_compose/` is a case, whose project is made; those of `same_as_compose/running/` are started, too. `same_as_compose/files/` is what
all of them find beside them (`dotenv` as `.env`). The differences stand in the table of a page, which is read here.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from alive import alive
from exported import compose
from made import Made, made, must_be_equal
from scenario import ROOT, Project, eventually

pytestmark = pytest.mark.docker

FOLDER = Path(__file__).with_name("same_as_compose")
FILES = [pytest.param(path, id=path.stem) for path in sorted(FOLDER.glob("*.yaml"))]
RUNNING = [pytest.param(path, id=path.stem) for path in sorted(FOLDER.glob("running/*.yaml"))]
DIFFERENCE = re.compile(r"^\| `([\w-]+)` \| `([\w.-]+)` \| `(.+?)` \| `(.+?)` \| .+ \|$", re.MULTILINE)
DIFFERENCES = DIFFERENCE.findall((ROOT / "docs/reference/compose-differences.md").read_text())
"""The file, where in what the engine tells, what Compose makes, what stackctl makes."""


@pytest.mark.parametrize("file", FILES)
def test_a_file_must_make_what_compose_makes_of_it(file: Path, project: Project) -> None:
    _give(file, project)
    _make_outside(project, file)
    compose(project, "create", env=project.env)
    meant = made(project)
    project.clean()
    _make_outside(project, file)
    project.run("create", env=project.env)
    there = made(project)
    for case, where, of_compose, ours in DIFFERENCES:
        if case == file.stem:
            found = taken(meant, where), taken(there, where)
            assert found == (json.loads(of_compose), json.loads(ours)), where
    must_be_equal(there, meant)


@pytest.mark.parametrize("file", RUNNING)
def test_a_project_that_runs_must_be_as_compose_runs_it(file: Path, project: Project) -> None:
    _give(file, project)
    compose(project, "up", "--detach", env=project.env)
    eventually(lambda: _settled(project), 60)
    meant = made(project), alive(project)
    project.clean()
    project.run("up", env=project.env)
    eventually(lambda: _settled(project), 60)
    must_be_equal(made(project), meant[0])
    must_be_equal(alive(project), meant[1])


def _give(file: Path, project: Project) -> None:
    """Lay the file and what it needs into the project's directory."""
    shutil.copytree(FOLDER / "files", project.directory, dirs_exist_ok=True)
    for variables in project.directory.rglob("dotenv"):
        variables.rename(variables.with_name(".env"))
    shutil.copy(file, project.directory / "compose.yaml")
    project.env["COMPOSE_PROJECT_NAME"] = project.name


def _make_outside(project: Project, file: Path) -> None:
    """Make the network and the volume that an external one of the file means."""
    outside = f"{project.name}-outside"
    if "${COMPOSE_PROJECT_NAME}-outside" in file.read_text():
        project.api.create_network(outside)
        project.api.create_volume(outside)


def _settled(project: Project) -> bool:
    """Whether each check knows. A program of these projects that says something has a check that it has said it, or it ends."""
    rows = project.api.containers(all=True, filters={"name": f"{project.name}-"})
    return not any("health: starting" in row["Status"] for row in rows)


def test_each_difference_belongs_to_a_file() -> None:
    assert DIFFERENCES
    assert {case for case, *_ in DIFFERENCES} <= {path.stem for path in FOLDER.glob("*.yaml")}


def taken(facts: Made, where: str) -> Any:
    """Take one fact out of `SERVICE.Part.Key`; None if it is not there."""
    service, *path = where.split(".")
    (table,) = (each for name, each in facts.items() if re.fullmatch(rf"container .*-{service}-1", name))
    *outer, last = path
    for key in outer:
        table = table.get(key, {})
    return table.pop(last, None)

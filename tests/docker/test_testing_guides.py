"""The guides for tests: each of their examples must work as it stands there, and leave nothing behind."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
import pages
import pytest
from scenario import NOTHING, ROOT, Project

from stackctl.planner.runs.owner import unpack
from stackctl.planner.world import labels

pytestmark = pytest.mark.docker

GUIDES = ("testing.md", "testing-reference.md", "from-pytest-docker-and-testcontainers.md")
PYTEST = "python -m pytest -q -p no:cacheprovider -p no:hypothesispytest -p no:fakefs -p no:socket"


@dataclass
class Section:
    """A part of a guide between two headings, as a project: its files, by name."""

    title: str
    files: dict[str, str] = field(default_factory=dict)
    command: str = PYTEST

    @property
    def keeps_data(self) -> bool:
        """Whether pytest runs it, and its tests write data or save them."""
        texts = " ".join(text for name, text in self.files.items() if name.endswith(".py"))
        return self.command == PYTEST and bool(re.search(r"snapshot|restore|reset|INSERT|\bSET\b", texts))


def sections(page: Path, stack: str) -> Iterator[Section]:
    """Those that have a program to run. Where one has no stack.toml, the last one above it counts, and before that `stack`."""
    found = [Section("")]
    for piece in pages.pieces(pages.read(page)):
        if isinstance(piece, pages.Heading):
            found.append(Section(piece.title))
        elif isinstance(piece, pages.File):
            section = found[-1]
            assert piece.name not in section.files, f"two {piece.name} in {section.title}"
            section.files[piece.name] = piece.text
            section.command = piece.run or section.command
    for section in found:
        stack = section.files.setdefault("stack.toml", stack)
    return (section for section in found if any(name.endswith(".py") for name in section.files))


def examples() -> Iterator[Any]:
    """Those of all guides. The first one's stack.toml is the stack of the others that have none."""
    stack = ""
    for page in GUIDES:
        for section in sections(ROOT / "docs" / "guide" / page, stack):
            stack = stack or section.files["stack.toml"]
            yield pytest.param(section, id=f"{page} {section.title}")


def together(every: Iterator[Any]) -> Iterator[Any]:
    """The examples, where those of test files alone are one for each stack: one run of pytest for all of them."""
    by_stack: dict[str, Section] = {}
    for example in every:
        (section,) = example.values
        stack = section.files["stack.toml"]
        alone = (
            section.command == PYTEST
            and not section.keeps_data
            and all(name.startswith("test_") for name in section.files if name != "stack.toml")
            and "mark.stack(" not in "".join(section.files.values())  # others would change what is started
        )
        known = by_stack.get(stack) if alone else None
        if known and known.files.keys() & section.files.keys() == {"stack.toml"}:
            known.files |= section.files
            continue
        if alone:
            by_stack[stack] = section
        yield example


EXAMPLES = list(together(examples()))

REUSING = [
    example for example in EXAMPLES if str(example.id).startswith("testing") and example.values[0].keeps_data
]
"""Those of stackctl's own guide that pytest runs, and to which data of an earlier run may matter."""


@pytest.mark.parametrize("section", EXAMPLES)
def test_an_example_must_work_and_leave_nothing_behind(section: Section, project: Project) -> None:
    pid = run(section, project)
    assert project.resources() == NOTHING
    assert left_by(pid, project.api) == []


@pytest.mark.slow
@pytest.mark.parametrize("section", REUSING)
def test_an_example_must_work_with_what_an_earlier_run_has_left(section: Section, project: Project) -> None:
    for _ in range(2):
        run(section, project, STACKCTL_REUSE="1")


def run(section: Section, project: Project, **env: str) -> int:
    """Run an example, and return the number of the process that did.

    The stack gets the scenario's name, so that what it leaves can be told from what others are doing.
    """
    for name, text in section.files.items():
        project.write(re.sub(r'^name = ".*"$', f'name = "{project.name}"', text, flags=re.MULTILINE), name)
    interpreter, *words = shlex.split(section.command)
    assert interpreter == "python"
    with subprocess.Popen(
        [sys.executable, *words],
        cwd=project.directory,
        env=environment() | env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    assert not re.search(r"\d (failed|error|skipped|warning)", output), output
    return process.pid


def environment() -> dict[str, str]:
    """This process's, without what tells pytest and stackctl of the run that this test is in."""
    told = ("PYTEST_", "STACKCTL_", "COMPOSE_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(told)}
    return {**kept, "PATH": os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", "")])}


def left_by(pid: int, api: docker.APIClient) -> list[Any]:
    """What is on the engine of a run whose owner has this number, or of a project that pytest-docker named after it."""
    every = [
        *api.containers(all=True),
        *api.networks(),
        *(api.volumes()["Volumes"] or []),
    ]
    owners = [(thing, unpack((thing.get("Labels") or {}).get(labels.OWNER))) for thing in every]
    projects = [(thing, (thing.get("Labels") or {}).get("stackctl.project")) for thing in every]
    return [
        *(thing for thing, owner in owners if owner and owner.pid == pid),
        *(thing for thing, name in projects if name == f"pytest{pid}"),
    ]

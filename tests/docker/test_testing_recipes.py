"""The recipes for tests: each example, run as the recipe says, must pass and leave nothing behind."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pages
import pytest
from scenario import NOTHING, ROOT, Project
from test_testing_guides import environment

pytestmark = pytest.mark.docker

PAGE = ROOT / "docs/guide/testing-recipes.md"
EXAMPLES = ROOT / "examples/testing"
PACKAGES = ROOT / ".venv/recipes"
COMMANDS = re.compile(r"^```bash\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SHOWN = re.compile(r"^<!-- from: (\S+) -->\n```\w+\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def commands() -> dict[str, str]:
    """By the directory of each example what its section tells to type."""
    sections = re.split(r"^## ", pages.read(PAGE), flags=re.MULTILINE)
    return {
        Path(SHOWN.findall(section)[0][0]).parts[0]: "".join(COMMANDS.findall(section))
        for section in sections
        if SHOWN.search(section)
    }


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] if name in ("async", "django") else [])
        for name in commands()
    ],
)
def test_a_recipe_must_work_and_leave_nothing_behind(name: str, project: Project) -> None:
    assert (PACKAGES / ".installed").exists(), "run: make .venv/recipes/.installed"
    shutil.copytree(EXAMPLES / name, project.directory, dirs_exist_ok=True)
    stack = (EXAMPLES / name / "stack.toml").read_text()
    project.write(re.sub(r"^name = .*$", f'name = "{project.name}"', stack, flags=re.MULTILINE))
    plugins = [] if name == "async" else ["asyncio", "anyio"]
    plugins += ["cacheprovider", "hypothesispytest", "fakefs", "socket"]
    done = subprocess.run(
        ["bash", "-euc", commands()[name]],
        cwd=project.directory,
        env={
            **environment(),
            "PYTHONPATH": str(PACKAGES),
            "PYTEST_ADDOPTS": " ".join(f"-p no:{plugin}" for plugin in plugins),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout
    assert re.search(r"\d passed", done.stdout), done.stdout
    assert not re.search(r"\d (failed|error|skipped)", done.stdout), done.stdout
    assert project.resources() == NOTHING


def test_every_example_has_a_recipe() -> None:
    assert sorted(commands()) == sorted(path.name for path in EXAMPLES.iterdir() if path.is_dir())


@pytest.mark.parametrize(("file", "text"), SHOWN.findall(pages.read(PAGE)))
def test_what_a_recipe_shows_stands_in_its_example(file: str, text: str) -> None:
    lines = iter([*filter(None, (EXAMPLES / file).read_text().splitlines())])
    assert all(line in lines for line in text.splitlines() if line), text

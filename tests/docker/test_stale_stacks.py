"""What nobody needs any more must be found and taken, and nothing else: the section of the guide, as it stands there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pages
import pytest
from scenario import NOTHING, ROOT, Project, free_ports, servers

pytestmark = pytest.mark.docker

GUIDE = ROOT / "docs" / "guide" / "daily-loop.md"
SECTION = "What is there, and what is left over"


def commands() -> list[pages.Command]:
    """The commands of the section."""
    found: list[pages.Command] = []
    under = ""
    for piece in pages.pieces(pages.read(GUIDE)):
        if isinstance(piece, pages.Heading):
            under = piece.title
        elif isinstance(piece, pages.Block) and under == SECTION:
            found += pages.commands(piece)
    return found


def test_the_stack_of_a_worktree_must_be_listed_and_be_taken_once_the_worktree_is_gone(
    project: Project,
) -> None:
    worktree = project.directory / "login"
    git(project, "init", "-q", "main")
    git(project, "-C", "main", "commit", "-q", "--allow-empty", "-m", "x")
    git(project, "-C", "main", "worktree", "add", "-q", "-b", "fix/login", str(worktree))
    port = free_ports(1)[0]
    keys = f'stop_grace_period = "0s"\nports = ["127.0.0.1:{port}:80"]\nvolumes = ["data:/data"]\n'
    (worktree / "stack.toml").write_text(servers(web=keys) + "[volumes.data]\n")
    for command in commands():
        if command.text.startswith("rm "):
            ids = project.ids()
            project.run("-f", str(worktree / "stack.toml"), "up", "--for", "3h")
            assert project.ids() == ids, "the time begins anew, and no container is made"
            (row,) = project.json("-p", project.name, "ls")["projects"]
            assert (row["branch"], [each["published"] for each in row["ports"]]) == ("fix/login", [port])
            assert project.run("-p", project.name, "ls", "--stale", "-q").stdout == "", (
                "its directory is there, its time is not over"
            )
        alone = command.text.replace("stackctl ", "stackctl -p shop ")  # others use the engine as well
        ran = bash(project, alone.replace("shop", project.name))
        shown = [line.replace("shop", project.name) for line in command.shown]
        assert pages.is_as_shown(shown, ran), "\n".join(ran)
    assert project.resources() == NOTHING


def git(project: Project, *words: str) -> None:
    who = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.com"}
    who |= {"GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.com"}
    subprocess.run(["git", *words], cwd=project.directory, env=os.environ | who, check=True, timeout=60)


def bash(project: Project, text: str) -> list[str]:
    """The lines that a command prints."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    ran = subprocess.run(
        ["bash", "-c", text],
        cwd=project.directory,
        env=project.environment | {"PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=180,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout
    return ran.stdout.splitlines()
